// The words of an ACL file: what stands between two of them, and what can be one.
#pragma once

#include <algorithm>

#include "kv/base/bytes.hpp"
#include "kv/base/utf8.hpp"

namespace kv::security {

// What separates the words of a line. The `\r` is that of a file with such line ends.
inline constexpr ByteView kBlanks = " \t\r";

// Whether `text` can be a word or a part of one: UTF-8 without blanks, line breaks and other control characters. All
// else would be read as something else than what was written.
inline bool is_in_one_word(ByteView text) {
  const auto is_refused = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7F'; };
  return is_utf8(text) && std::ranges::none_of(text, is_refused);
}

}  // namespace kv::security
