// UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing past U+10FFFF.
#pragma once

#include "kv/base/bytes.hpp"

namespace kv {

namespace detail {
bool is_utf8_slow(ByteView bytes);
}

// True when `bytes` is valid UTF-8 (NUL is a code point like any other). Linear in its length; short ASCII, which is
// what most keys are, never leaves this function.
inline bool is_utf8(ByteView bytes) {
  if (bytes.size() > 64) return detail::is_utf8_slow(bytes);
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t seen = 0;
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    seen |= word;
  }
  for (; left > 0; ++at, --left) seen |= static_cast<unsigned char>(*at);
  return (seen & 0x8080808080808080U) == 0 || detail::is_utf8_slow(bytes);
}

}  // namespace kv
