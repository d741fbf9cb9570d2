#include "observability/escape.hpp"

#include <algorithm>
#include <cstdint>

#include "kv/base/utf8.hpp"
#include "kv/observability/log.hpp"

namespace kv::log {
namespace {

constexpr std::size_t kCharacterBytesMax = 4;

// The size of the UTF-8 character that `bytes` begin with; 0 when they begin with none.
std::size_t character_size(ByteView bytes) {
  const auto first = static_cast<unsigned char>(bytes.front());
  const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return size <= bytes.size() && is_utf8(bytes.substr(0, size)) ? size : 0;
}

// REQUIRES: `character` is one valid UTF-8 character.
std::uint32_t code_point(ByteView character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character.size() == 1) return first;
  std::uint32_t code = first & (0xFFU >> (character.size() + 1));
  for (const char next : character.substr(1)) code = code << 6 | (static_cast<unsigned char>(next) & 0x3FU);
  return code;
}

// Not for show: C0, DEL and C1 controls, line and paragraph separators, and the marks that change text's direction.
bool is_unsafe(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x061C || (code >= 0x200E && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

void append_hex(std::string& out, std::uint32_t value, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += "0123456789abcdef"[value >> shift & 0xF];
}

void append_bytes_as_hex(std::string& out, ByteView bytes) {
  for (const char byte : bytes) {
    out += "\\x";
    append_hex(out, static_cast<unsigned char>(byte), 2);
  }
}

void append_unsafe(std::string& out, ByteView character, Escape escape) {
  const std::uint32_t code = code_point(character);
  switch (code) {
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      if (escape == Escape::kJson) {
        out += "\\u";  // none of them is past U+FFFF
        append_hex(out, code, 4);
      } else {
        append_bytes_as_hex(out, character);
      }
  }
}

}  // namespace

void append_escaped(std::string& out, ByteView bytes, Escape escape) {
  while (!bytes.empty()) {
    const std::size_t size = character_size(bytes);
    const ByteView character = bytes.substr(0, std::max<std::size_t>(size, 1));
    if (size == 0) {
      if (escape == Escape::kJson) {
        out += "\\ufffd";
      } else {
        append_bytes_as_hex(out, character);
      }
    } else if (is_unsafe(code_point(character))) {
      append_unsafe(out, character, escape);
    } else {
      if (escape != Escape::kMessage && (character == "\"" || character == "\\")) out += '\\';
      out += character;
    }
    bytes.remove_prefix(character.size());
  }
}

void append_escaped(std::string& out, ByteView bytes, Escape escape, std::size_t bytes_max) {
  if (bytes.size() <= bytes_max) return append_escaped(out, bytes, escape);
  std::size_t cut = bytes_max;
  for (std::size_t back = 0; back < kCharacterBytesMax && cut > 0; ++back, --cut) {
    if ((static_cast<unsigned char>(bytes[cut]) & 0xC0) != 0x80) break;  // a character begins here
  }
  append_escaped(out, bytes.substr(0, cut), escape);
  out += "…(+" + std::to_string(bytes.size() - cut) + " bytes)";
}

std::string escape_for_log(ByteView bytes, std::size_t bytes_max) {
  std::string out;
  append_escaped(out, bytes, Escape::kQuoted, bytes_max);
  return out;
}

}  // namespace kv::log
