// Views of bytes, and big-endian integers in them.
//
// A ByteView is what the whole server passes around for keys, payloads and encoded values: a pointer and a length that
// somebody else keeps alive. It is a std::string_view because most of these bytes are text; nothing in it is trusted to
// be UTF-8 unless a decoder has checked it.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace kv {

using ByteView = std::string_view;

static_assert(std::endian::native == std::endian::little || std::endian::native == std::endian::big);

namespace detail {
template <std::unsigned_integral T>
constexpr T to_big_endian(T value) {
  if constexpr (std::endian::native == std::endian::big || sizeof(T) == 1) {
    return value;
  } else if constexpr (sizeof(T) == 2) {
    return __builtin_bswap16(value);
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_bswap32(value);
  } else {
    return __builtin_bswap64(value);
  }
}
}  // namespace detail

// Reads a big-endian T at `from`, which needs no alignment. REQUIRES: sizeof(T) readable bytes.
template <std::unsigned_integral T>
T load_big_endian(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return detail::to_big_endian(value);
}

// Writes `value` big-endian to `to`, which needs no alignment. REQUIRES: sizeof(T) writable bytes.
template <std::unsigned_integral T>
void store_big_endian(char* to, T value) {
  value = detail::to_big_endian(value);
  std::memcpy(to, &value, sizeof(T));
}

// Appends `value` big-endian to a std::string. For messages that are not on the hot path.
template <std::unsigned_integral T>
void append_big_endian(std::string& out, T value) {
  char bytes[sizeof(T)];
  store_big_endian(bytes, value);
  out.append(bytes, sizeof(T));
}

}  // namespace kv
