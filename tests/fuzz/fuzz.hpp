// What libFuzzer calls, and how a target says that a promise was broken: KV_ASSERT, which aborts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kv/base/assert.hpp"
#include "kv/base/bytes.hpp"

// Defined once in each target. Must not remember anything from one input to the next.
void fuzz(kv::ByteView input);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
