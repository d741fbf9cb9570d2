#include "support/base/hex.hpp"

#include <stdexcept>

namespace kv::test {

std::string unhex(ByteView digits) {
  constexpr ByteView kDigits = "0123456789abcdef";
  std::string out;
  bool half = false;
  for (const char c : digits) {
    if (c == ' ' || c == '\n') continue;
    const std::size_t digit = kDigits.find(c);
    if (digit == ByteView::npos) throw std::invalid_argument("not a hex digit: " + std::string(1, c));
    if (half) {
      out.back() = static_cast<char>(out.back() | static_cast<char>(digit));
    } else {
      out += static_cast<char>(digit << 4);
    }
    half = !half;
  }
  if (half) throw std::invalid_argument("an odd number of hex digits");
  return out;
}

std::string hex(ByteView bytes) {
  constexpr ByteView kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

}  // namespace kv::test
