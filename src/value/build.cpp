#include "kv/value/build.hpp"

#include <bit>

namespace kv::value {
namespace {

std::string encode_view(ValueType type, ByteView data) {
  const ValueView value{type, data};
  std::string out(encoded_size(value), '\0');
  encode(value, out.data());
  return out;
}

std::string encode_word(ValueType type, std::uint64_t word) {
  std::string out(1, static_cast<char>(type));
  append_big_endian(out, word);
  return out;
}

}  // namespace

std::string encode_null() {
  return encode_view(ValueType::kNull, {});
}
std::string encode_int(std::int64_t value) {
  return encode_word(ValueType::kInt, static_cast<std::uint64_t>(value));
}
std::string encode_float(double value) {
  return encode_word(ValueType::kFloat, std::bit_cast<std::uint64_t>(value));
}
std::string encode_bool(bool value) {
  return encode_view(ValueType::kBool, value ? ByteView("\1", 1) : ByteView("\0", 1));
}
std::string encode_decimal(ByteView text) {
  return encode_view(ValueType::kDecimal, text);
}
std::string encode_string(ByteView text) {
  return encode_view(ValueType::kString, text);
}
std::string encode_bytes(ByteView bytes) {
  return encode_view(ValueType::kBytes, bytes);
}

std::string encode_list(std::span<const std::string> items) {
  std::string out(1, static_cast<char>(ValueType::kList));
  append_big_endian(out, static_cast<std::uint32_t>(items.size()));
  for (const std::string& item : items) out += item;
  return out;
}

std::string encode_map(std::span<const std::pair<std::string, std::string>> pairs) {
  std::string out(1, static_cast<char>(ValueType::kMap));
  append_big_endian(out, static_cast<std::uint32_t>(pairs.size()));
  for (const auto& [key, value] : pairs) {
    append_big_endian(out, static_cast<std::uint16_t>(key.size()));
    out += key;
    out += value;
  }
  return out;
}

}  // namespace kv::value
