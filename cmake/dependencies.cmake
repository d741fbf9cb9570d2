# Every third-party library, in one place. All of them are Debian 12 packages; `tools/packages.txt` names them.
find_package(Threads REQUIRED)
# What the server uses of a library is a part of it: linked statically, that alone takes memory. So Boost.JSON is an
# archive, and spdlog is compiled into the one file that includes it.
set(Boost_USE_STATIC_LIBS ON)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(CLI11 2.1 CONFIG REQUIRED)
find_package(spdlog 1.10 CONFIG REQUIRED)
find_package(simdjson 3.0 CONFIG REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)

find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
add_library(kv_xxhash INTERFACE)
target_include_directories(kv_xxhash SYSTEM INTERFACE "${XXHASH_INCLUDE_DIR}")
target_compile_definitions(kv_xxhash INTERFACE XXH_INLINE_ALL)

# The log's checksum, CRC32C by hardware.
find_path(ISAL_INCLUDE_DIR isa-l/crc.h REQUIRED)
find_library(ISAL_LIBRARY isal REQUIRED)
add_library(kv_isal INTERFACE)
target_include_directories(kv_isal SYSTEM INTERFACE "${ISAL_INCLUDE_DIR}")
target_link_libraries(kv_isal INTERFACE "${ISAL_LIBRARY}")

# What snapshots are compressed with.
find_path(ZSTD_INCLUDE_DIR zstd.h REQUIRED)
find_library(ZSTD_LIBRARY zstd REQUIRED)
add_library(kv_zstd INTERFACE)
target_include_directories(kv_zstd SYSTEM INTERFACE "${ZSTD_INCLUDE_DIR}")
target_link_libraries(kv_zstd INTERFACE "${ZSTD_LIBRARY}")

# What makes the text that Prometheus reads; the core alone, as its CMake package asks for a web server and curl, too.
find_path(PROMETHEUS_INCLUDE_DIR prometheus/text_serializer.h REQUIRED)
find_library(PROMETHEUS_CORE_LIBRARY prometheus-cpp-core REQUIRED)
add_library(kv_prometheus INTERFACE)
target_include_directories(kv_prometheus SYSTEM INTERFACE "${PROMETHEUS_INCLUDE_DIR}")
target_link_libraries(kv_prometheus INTERFACE "${PROMETHEUS_CORE_LIBRARY}")

# What passwords are hashed with.
find_path(SODIUM_INCLUDE_DIR sodium.h REQUIRED)
find_library(SODIUM_LIBRARY sodium REQUIRED)
add_library(kv_sodium INTERFACE)
target_include_directories(kv_sodium SYSTEM INTERFACE "${SODIUM_INCLUDE_DIR}")
target_link_libraries(kv_sodium INTERFACE "${SODIUM_LIBRARY}")

# Asio's non-template code is compiled once, in src/base/asio.cpp, instead of in every file that includes it.
add_library(kv_asio INTERFACE)
target_link_libraries(kv_asio INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(kv_asio INTERFACE BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)

if(KV_BUILD_TESTS)
  find_package(GTest 1.12 CONFIG REQUIRED)
  include(GoogleTest)
endif()
if(KV_BUILD_BENCH)
  find_package(benchmark 1.7 CONFIG REQUIRED)
endif()
