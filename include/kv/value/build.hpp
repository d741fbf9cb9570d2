// Encoding values from C++ data: for tools, tests and the few replies that are made rather than copied.
// A value under construction is its wire bytes in a std::string, so Lists and Maps nest by concatenation.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "kv/base/bytes.hpp"
#include "kv/value/value_view.hpp"

namespace kv::value {

std::string encode_null();
std::string encode_int(std::int64_t value);
std::string encode_float(double value);
std::string encode_bool(bool value);
// Writes `text` as it is, canonical or not. REQUIRES: at most 65,535 bytes.
std::string encode_decimal(ByteView text);
// REQUIRES: valid UTF-8; it is not checked here.
std::string encode_string(ByteView text);
std::string encode_bytes(ByteView bytes);
// `items` are encoded values.
std::string encode_list(std::span<const std::string> items);
// `pairs` are keys of at most 65,535 bytes, and encoded values.
std::string encode_map(std::span<const std::pair<std::string, std::string>> pairs);

}  // namespace kv::value
