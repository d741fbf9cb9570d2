#include "integration/model/value.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "support/process/requests.hpp"

namespace kv::test::model {
namespace {

Int128 power_of_ten(int exponent) {
  Int128 power = 1;
  for (; exponent > 0; --exponent) power *= 10;
  return power;
}

bool equal_floats(std::uint64_t left_bits, std::uint64_t right_bits) {
  const auto left = std::bit_cast<double>(left_bits);
  const auto right = std::bit_cast<double>(right_bits);
  if (std::isnan(left) || std::isnan(right)) return left_bits == right_bits;
  return left == right;
}

bool equal_pairs(const Value& left, const Value& right) {
  if (left.pairs.size() != right.pairs.size()) return false;
  return std::ranges::all_of(left.pairs, [&](const auto& pair) {
    const auto other =
        std::ranges::find(right.pairs, pair.first, [](const auto& candidate) { return candidate.first; });
    return other != right.pairs.end() && equal(pair.second, other->second);
  });
}

}  // namespace

std::string Decimal::canonical() const {
  std::string reversed;
  Int128 rest = digits < 0 ? -digits : digits;
  for (int place = 0; rest != 0 || place <= scale; ++place, rest /= 10) {
    if (place == scale && scale > 0) reversed += '.';
    reversed += static_cast<char>('0' + static_cast<int>(rest % 10));
  }
  if (digits < 0) reversed += '-';
  return {reversed.rbegin(), reversed.rend()};
}

Decimal operator+(const Decimal& left, const Decimal& right) {
  const int scale = std::max(left.scale, right.scale);
  return {left.digits * power_of_ten(scale - left.scale) + right.digits * power_of_ten(scale - right.scale), scale};
}

bool operator==(const Decimal& left, const Decimal& right) {
  return left.digits * power_of_ten(right.scale) == right.digits * power_of_ten(left.scale);
}

Value integer(std::int64_t number) {
  Value value;
  value.type = Type::kInt;
  value.integer = number;
  return value;
}

Value string(std::string text) {
  Value value;
  value.type = Type::kString;
  value.text = std::move(text);
  return value;
}

std::string encode(const Value& value) {
  std::string bytes(1, static_cast<char>(value.type));
  switch (value.type) {
    case Type::kNull:
      break;
    case Type::kInt:
      bytes += u64(static_cast<std::uint64_t>(value.integer));
      break;
    case Type::kFloat:
      bytes += u64(value.float_bits);
      break;
    case Type::kDecimal:
      bytes += sized(value.decimal.canonical());
      break;
    case Type::kString:
    case Type::kBytes:
      bytes += u32(static_cast<std::uint32_t>(value.text.size())) + value.text;
      break;
    case Type::kList:
      bytes += u32(static_cast<std::uint32_t>(value.items.size()));
      for (const Value& item : value.items) bytes += encode(item);
      break;
    case Type::kMap:
      bytes += u32(static_cast<std::uint32_t>(value.pairs.size()));
      for (const auto& [key, item] : value.pairs) bytes += sized(key) + encode(item);
      break;
    case Type::kBool:
      bytes += static_cast<char>(value.integer);
      break;
  }
  return bytes;
}

bool equal(const Value& left, const Value& right) {
  if (left.type != right.type) return false;
  switch (left.type) {
    case Type::kNull:
      return true;
    case Type::kInt:
    case Type::kBool:
      return left.integer == right.integer;
    case Type::kFloat:
      return equal_floats(left.float_bits, right.float_bits);
    case Type::kDecimal:
      return left.decimal == right.decimal;
    case Type::kString:
    case Type::kBytes:
      return left.text == right.text;
    case Type::kList:
      return std::ranges::equal(left.items, right.items, equal);
    case Type::kMap:
      return equal_pairs(left, right);
  }
  return false;
}

}  // namespace kv::test::model
