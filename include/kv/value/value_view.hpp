// A value as the wire and the engine know it: a type and the bytes that stand for it. Nothing is decoded until somebody
// looks inside.
//
// `data` is what follows the type byte on the wire, less the length prefix of Decimal, String and Bytes (it is rebuilt
// from data.size()). So:
//
//   Null     nothing              Decimal  canonical ASCII text
//   Int      8 bytes, big-endian  String   the UTF-8
//   Float    8 bytes, IEEE 754    Bytes    the bytes
//   Bool     1 byte, 0 or 1       List, Map  count u32, then the items as they stood on the wire
#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "kv/base/bytes.hpp"

namespace kv::value {

enum class ValueType : std::uint8_t {
  kNull = 0x00,
  kInt = 0x01,
  kFloat = 0x02,
  kDecimal = 0x03,
  kString = 0x04,
  kBytes = 0x05,
  kList = 0x06,
  kMap = 0x07,
  kBool = 0x08,
};
inline constexpr std::uint8_t kValueTypeLast = 0x08;

// "Int", "Float" …, as error texts and tools write it.
ByteView type_name(ValueType type);

struct ValueView {
  ValueType type = ValueType::kNull;
  ByteView data;

  // REQUIRES: the type that the name says.
  std::int64_t as_int() const { return static_cast<std::int64_t>(load_big_endian<std::uint64_t>(data.data())); }
  double as_float() const { return std::bit_cast<double>(load_big_endian<std::uint64_t>(data.data())); }
  bool as_bool() const { return data[0] != 0; }
};

struct KeyValue {
  ByteView key;
  ValueView value;
};

// How many bytes a length prefix takes on the wire: 2 for Decimal, 4 for String and Bytes, else 0.
constexpr std::size_t length_prefix_bytes(ValueType type) {
  switch (type) {
    case ValueType::kDecimal:
      return 2;
    case ValueType::kString:
    case ValueType::kBytes:
      return 4;
    default:
      return 0;
  }
}

// The size of the whole value on the wire, its type byte included.
inline std::size_t encoded_size(const ValueView& value) {
  return 1 + length_prefix_bytes(value.type) + value.data.size();
}

// Writes what goes before the value's data, its type byte and length, to `to` and returns the end of what was written.
// REQUIRES: encoded_size(value) - value.data.size() writable bytes.
inline char* encode_head(const ValueView& value, char* to) {
  *to++ = static_cast<char>(value.type);
  const std::size_t size = value.data.size();
  switch (length_prefix_bytes(value.type)) {
    case 2:
      store_big_endian(to, static_cast<std::uint16_t>(size));
      return to + 2;
    case 4:
      store_big_endian(to, static_cast<std::uint32_t>(size));
      return to + 4;
    default:
      return to;
  }
}

// Writes the whole value to `to` and returns the end of what was written. REQUIRES: encoded_size(value) writable bytes.
inline char* encode(const ValueView& value, char* to) {
  to = encode_head(value, to);
  if (!value.data.empty()) std::memcpy(to, value.data.data(), value.data.size());
  return to + value.data.size();
}

}  // namespace kv::value
