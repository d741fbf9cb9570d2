// Values as the protocol page describes them, the plain way: as C++ data, not as bytes. Nothing here is shared with the
// server, so that a mistake can't be made twice.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace kv::test::model {

enum class Type : std::uint8_t { kNull, kInt, kFloat, kDecimal, kString, kBytes, kList, kMap, kBool };

__extension__ using Int128 = __int128;

// An exact decimal: digits * 10^-scale. Small enough here that 128 bits hold every sum.
struct Decimal {
  Int128 digits = 0;
  int scale = 0;

  std::string canonical() const;
  friend Decimal operator+(const Decimal& left, const Decimal& right);
  // As numbers: 1.0 equals 1.00.
  friend bool operator==(const Decimal& left, const Decimal& right);
};

struct Value {
  Type type = Type::kNull;
  std::int64_t integer = 0;      // Int, and Bool as 0 or 1
  std::uint64_t float_bits = 0;  // Float
  Decimal decimal;
  std::string text;  // String, Bytes
  std::vector<Value> items;
  std::vector<std::pair<std::string, Value>> pairs;
};

Value integer(std::int64_t number);
Value string(std::string text);

// As the server must answer with it.
std::string encode(const Value& value);

// Equality as CAS sees it.
bool equal(const Value& left, const Value& right);

}  // namespace kv::test::model
