# kv_add_room(NAME <room> SOURCES <files> [DEPS <targets>] [PRIVATE_DEPS <targets>] [SMALL])
#
# A room is a static library kv_<room> (alias kv::<room>) built from src/<room>/. Its public headers are all of
# include/kv/<room>/*.hpp. DEPS are the rooms and libraries its public headers name; PRIVATE_DEPS the ones that only its
# sources name. SMALL is for a room of which next to nothing runs for each request: a release is to be
# short there, not fast. The arrows between rooms are the table in docs/architecture.md: a room that includes a header
# of another one without declaring it doesn't link, and tests/tidy says so by file and line.
function(kv_add_room)
  cmake_parse_arguments(ROOM "SMALL" "NAME" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  set(target kv_${ROOM_NAME})
  file(GLOB headers CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/include/kv/${ROOM_NAME}/*.hpp")
  add_library(${target} STATIC ${ROOM_SOURCES})
  add_library(kv::${ROOM_NAME} ALIAS ${target})
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${headers})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${target} PUBLIC ${ROOM_DEPS} PRIVATE ${ROOM_PRIVATE_DEPS} kv_warnings PUBLIC kv_sanitizers)
  if(ROOM_SMALL)
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-Os>)
  endif()
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
endfunction()

# kv_add_room_test(NAME <room> SOURCES <files> [DEPS <targets>] [CONCURRENT <filter>])
#
# The test binary of a room, kv_<room>_test. It links the room, what the room declares and DEPS (test support), so a
# call into any other room fails to link. Tests that the GoogleTest filter CONCURRENT names (`Suite.*:Other.*`) run
# several threads; their label is `unit-concurrent`, so that both `ctest -L unit` and, for ThreadSanitizer,
# `ctest -L concurrent` take them; the target kv_concurrent_tests builds just what that needs.
function(kv_add_room_test)
  cmake_parse_arguments(TEST "" "NAME;CONCURRENT" "SOURCES;DEPS" ${ARGN})
  set(target kv_${TEST_NAME}_test)
  add_executable(${target} ${TEST_SOURCES})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests" "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${target} PRIVATE kv::${TEST_NAME} ${TEST_DEPS} GTest::gtest GTest::gmock GTest::gtest_main
                                          kv_warnings)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/bin")
  set(common TEST_PREFIX "${TEST_NAME}." DISCOVERY_TIMEOUT 60)
  if(TEST_CONCURRENT)
    add_dependencies(kv_concurrent_tests ${target})
    gtest_discover_tests(${target} ${common} TEST_LIST ${target}_concurrent TEST_FILTER "${TEST_CONCURRENT}"
                         PROPERTIES TIMEOUT 600 LABELS unit-concurrent)
    gtest_discover_tests(${target} ${common} TEST_FILTER "-${TEST_CONCURRENT}" PROPERTIES TIMEOUT 600 LABELS unit)
  else()
    gtest_discover_tests(${target} ${common} PROPERTIES TIMEOUT 600 LABELS unit)
  endif()
endfunction()
