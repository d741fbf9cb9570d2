# What `cmake --install` puts where, and the Debian package that cpack makes of it; tools/package/README.md tells more.
# Nothing of this is built or run before somebody asks for it.
set(KV_PACKAGE_MAINTAINER "The kv-server maintainers <maintainers@kv-server.invalid>" CACHE STRING
    "Who answers for the Debian package")

find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(KV_PACKAGE_SOURCES "${PROJECT_SOURCE_DIR}/tools/package")
set(KV_PACKAGE_FILES "${PROJECT_BINARY_DIR}/package")  # made by generate.py from what the programs say of themselves
set(KV_PROGRAMS kv-server kv-cli kv-bench kv-wal)

install(CODE "execute_process(
  COMMAND \"${Python3_EXECUTABLE}\" -B \"${KV_PACKAGE_SOURCES}/generate.py\" --version ${PROJECT_VERSION}
          --programs \"${CMAKE_RUNTIME_OUTPUT_DIRECTORY}\" --out \"${KV_PACKAGE_FILES}\"
          --maintainer \"${KV_PACKAGE_MAINTAINER}\"
  COMMAND_ERROR_IS_FATAL ANY)" COMPONENT programs)
install(TARGETS ${KV_PROGRAMS} RUNTIME DESTINATION bin COMPONENT programs)
install(DIRECTORY "${KV_PACKAGE_FILES}/man1" "${KV_PACKAGE_FILES}/man5" DESTINATION share/man COMPONENT programs)
install(DIRECTORY "${KV_PACKAGE_FILES}/bash/" DESTINATION share/bash-completion/completions COMPONENT programs)
install(DIRECTORY "${KV_PACKAGE_FILES}/zsh/" DESTINATION share/zsh/site-functions COMPONENT local)

# What belongs to a whole system, and so to the package alone. cpack puts its own root in front of these paths.
install(DIRECTORY "${KV_PACKAGE_FILES}/zsh/" DESTINATION /usr/share/zsh/vendor-completions COMPONENT debian
        EXCLUDE_FROM_ALL)
function(kv_install_debian DESTINATION)
  install(FILES ${ARGN} DESTINATION "${DESTINATION}" COMPONENT debian EXCLUDE_FROM_ALL)
endfunction()
kv_install_debian(/usr/lib/systemd/system "${KV_PACKAGE_SOURCES}/kv-server.service")
kv_install_debian(/usr/lib/sysusers.d "${KV_PACKAGE_SOURCES}/sysusers.conf" RENAME kv-server.conf)
kv_install_debian(/etc/kv-server "${KV_PACKAGE_FILES}/kv-server.toml")
kv_install_debian(/usr/share/doc/kv-server "${KV_PACKAGE_SOURCES}/debian/copyright" "${KV_PACKAGE_FILES}/changelog.gz"
                  "${KV_PACKAGE_FILES}/changelog.Debian.gz")
install(DIRECTORY "${KV_PACKAGE_FILES}/doc/" DESTINATION /usr/share/doc/kv-server COMPONENT debian EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME kv-server)
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_CONTACT "${KV_PACKAGE_MAINTAINER}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "key-value server with typed values, locks and durability")
set(CPACK_PACKAGE_DESCRIPTION "kv-server keeps typed values under keys in memory and serves them over TCP
with a small binary protocol: integers, floats, exact decimals, text, bytes,
lists and maps, with expiry, locks, atomic steps and, where wanted, a log of
every change and snapshots.

This package has the server as a service, the client kv-cli, kv-bench, which
measures it, and kv-wal, which looks at its log.")
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}/packages")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_CMAKE_PROJECTS "${PROJECT_BINARY_DIR};kv-server;programs;/;${PROJECT_BINARY_DIR};kv-server;debian;/")
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
                                                WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${KV_PACKAGE_SOURCES}/debian/conffiles;${KV_PACKAGE_SOURCES}/debian/postinst;\
${KV_PACKAGE_SOURCES}/debian/prerm;${KV_PACKAGE_SOURCES}/debian/postrm")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)

# Unlike `package`, which builds everything first, this one builds what is in it.
add_custom_target(
  deb
  COMMAND "${CMAKE_CPACK_COMMAND}" --config "${PROJECT_BINARY_DIR}/CPackConfig.cmake"
  WORKING_DIRECTORY "${PROJECT_BINARY_DIR}"
  DEPENDS ${KV_PROGRAMS}
  COMMENT "Making the Debian package in ${CPACK_PACKAGE_DIRECTORY}"
  USES_TERMINAL)
