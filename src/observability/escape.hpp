// Turning any bytes into text that is safe inside a log line.
#pragma once

#include <string>

#include "kv/base/bytes.hpp"

namespace kv::log {

enum class Escape {
  kMessage,  // `\n`, `\x1b`; quotes and backslashes stay: the text is not inside quotes
  kQuoted,   // the same, and `\"` and `\\`
  kJson,     // the inside of a JSON string; a byte that is not UTF-8 becomes U+FFFD
};

// Appends `bytes` with everything escaped that could end a line, steer a terminal or reorder text.
void append_escaped(std::string& out, ByteView bytes, Escape escape);

// Appends at most `bytes_max` of `bytes`, cut between characters, and then how many bytes are missing.
void append_escaped(std::string& out, ByteView bytes, Escape escape, std::size_t bytes_max);

}  // namespace kv::log
