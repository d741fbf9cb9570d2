// Bytes as text: base64 (RFC 4648, with padding) and hexadecimal digits.
#pragma once

#include <optional>
#include <string>

#include "kv/base/bytes.hpp"

namespace kv::client {

void append_base64(ByteView bytes, std::string& out);
// Nothing where `text` is no base64: a foreign character, a wrong length, or bits left over.
std::optional<std::string> decode_base64(ByteView text);

// Two lower-case digits a byte.
void append_hex(ByteView bytes, std::string& out);
// Nothing where `text` has a foreign character or an odd length.
std::optional<std::string> decode_hex(ByteView text);

}  // namespace kv::client
