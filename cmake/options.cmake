# What a developer may choose; everything else follows from it.
option(KV_BUILD_TESTS "Build the unit and integration tests" ON)
option(KV_BUILD_BENCH "Build the micro-benchmarks" ON)
option(KV_FUZZ "Build the fuzz targets (needs Clang's libFuzzer)" OFF)
option(KV_WARNINGS_AS_ERRORS "Stop at the first compiler warning" OFF)
set(KV_SANITIZE "" CACHE STRING "Sanitizers for every target, e.g. address,undefined or thread")

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")

add_library(kv_warnings INTERFACE)
target_compile_options(kv_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                                             -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(kv_warnings INTERFACE -Wthread-safety)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 warns of overlapping copies inside std::string's operator+ (its bug 105651).
  target_compile_options(kv_warnings INTERFACE -Wno-restrict)
endif()
if(KV_WARNINGS_AS_ERRORS)
  target_compile_options(kv_warnings INTERFACE -Werror)
endif()
