// Bytes as tests write them.
#pragma once

#include <string>

#include "kv/base/bytes.hpp"

namespace kv::test {

// The bytes that hex digits stand for; spaces and line ends between them mean nothing. Throws std::invalid_argument on
// anything else.
std::string unhex(ByteView digits);

// The same back, without spaces.
std::string hex(ByteView bytes);

// A big-endian integer as bytes.
template <std::unsigned_integral T>
std::string big_endian(T value) {
  std::string out;
  append_big_endian(out, value);
  return out;
}
inline std::string u16(std::uint16_t value) {
  return big_endian(value);
}
inline std::string u32(std::uint32_t value) {
  return big_endian(value);
}
inline std::string u64(std::uint64_t value) {
  return big_endian(value);
}

}  // namespace kv::test
