// Two values are walked side by side, each byte once. Only Maps whose keys come in another order need more: their keys
// are sorted, and to find the keys of one Map the Lists and Maps in it must be stepped over. Walking those again for
// each level around them would make it 128 walks, so a Side notes once where each of them ends.
#include "kv/value/compare.hpp"

#include <algorithm>
#include <vector>

#include "kv/base/assert.hpp"
#include "kv/value/decimal.hpp"

#include "value/key_index.hpp"

namespace kv::value {
namespace {

bool is_container(ValueType type) {
  return type == ValueType::kList || type == ValueType::kMap;
}

ValueType front_type(ByteView bytes) {
  return static_cast<ValueType>(bytes[0]);
}

std::uint32_t take_count(ByteView& bytes) {
  const auto count = load_big_endian<std::uint32_t>(bytes.data());
  bytes.remove_prefix(sizeof(count));
  return count;
}

ByteView take_key(ByteView& bytes) {
  const std::size_t size = load_big_endian<std::uint16_t>(bytes.data());
  const ByteView key = bytes.substr(2, size);
  bytes.remove_prefix(2 + size);
  return key;
}

bool equal_scalars(const ValueView& left, const ValueView& right) {
  // The same bytes are equal whatever the type: a NaN equals itself.
  if (left.data == right.data) return true;
  switch (left.type) {
    case ValueType::kFloat:
      return left.as_float() == right.as_float();
    case ValueType::kDecimal:
      return equal_decimals(left.data, right.data);
    default:
      return false;
  }
}

// One of the two Lists or Maps that are compared.
class Side {
 public:
  explicit Side(const ValueView& container) : type_(container.type), data_(container.data) {}

  // The keys of the `count` pairs that `pairs` begins with, sorted; moves `pairs` past them.
  KeyIndex take_sorted_keys(std::uint32_t count, ByteView& pairs);

  // What follows a key: its value, and then the rest.
  ByteView after(ByteView key) const { return data_.substr(offset_of(key) + key.size()); }

 private:
  struct Span {
    std::uint32_t begin;
    std::uint32_t end;
  };

  std::size_t offset_of(ByteView bytes) const { return static_cast<std::size_t>(bytes.data() - data_.data()); }
  void note_spans(ValueType type, ByteView& items);
  void step_over_value(ByteView& bytes);

  ValueType type_;
  ByteView data_;
  std::vector<Span> spans_;  // of the Lists and Maps inside, in the order they begin; noted when first needed
};

void Side::note_spans(ValueType type, ByteView& items) {
  for (std::uint32_t count = take_count(items); count != 0; --count) {
    if (type == ValueType::kMap) take_key(items);
    const ValueType item = front_type(items);
    if (!is_container(item)) {
      next_value(items);
      continue;
    }
    const std::size_t index = spans_.size();
    spans_.push_back({static_cast<std::uint32_t>(offset_of(items)), 0});
    items.remove_prefix(1);
    note_spans(item, items);
    spans_[index].end = static_cast<std::uint32_t>(offset_of(items));
  }
}

void Side::step_over_value(ByteView& bytes) {
  if (!is_container(front_type(bytes))) {
    next_value(bytes);
    return;
  }
  if (spans_.empty()) {
    ByteView items = data_;
    note_spans(type_, items);
  }
  const auto span = std::ranges::lower_bound(spans_, offset_of(bytes), {}, &Span::begin);
  bytes = data_.substr(span->end);
}

KeyIndex Side::take_sorted_keys(std::uint32_t count, ByteView& pairs) {
  KeyIndex keys(data_.data());
  keys.reserve(count);
  for (; count != 0; --count) {
    keys.add(take_key(pairs));
    step_over_value(pairs);
  }
  keys.sort();
  return keys;
}

class Comparison {
 public:
  Comparison(const ValueView& left, const ValueView& right) : left_(left), right_(right) {}

  // Both move past what they begin with where that is equal, and are unspecified where it isn't.
  bool equal_containers(ValueType type, ByteView& left, ByteView& right);
  bool equal_values(ByteView& left, ByteView& right);

 private:
  bool equal_unordered(std::uint32_t pairs, ByteView& left, ByteView& right);

  Side left_;
  Side right_;
};

bool Comparison::equal_values(ByteView& left, ByteView& right) {
  const ValueType type = front_type(left);
  if (front_type(right) != type) return false;
  if (!is_container(type)) return equal_scalars(next_value(left), next_value(right));
  left.remove_prefix(1);
  right.remove_prefix(1);
  return equal_containers(type, left, right);
}

bool Comparison::equal_containers(ValueType type, ByteView& left, ByteView& right) {
  std::uint32_t count = take_count(left);
  if (take_count(right) != count) return false;
  for (; count != 0; --count) {
    if (type == ValueType::kMap) {
      ByteView left_value = left;
      ByteView right_value = right;
      if (take_key(left_value) != take_key(right_value)) return equal_unordered(count, left, right);
      left = left_value;
      right = right_value;
    }
    if (!equal_values(left, right)) return false;
  }
  return true;
}

bool Comparison::equal_unordered(std::uint32_t pairs, ByteView& left, ByteView& right) {
  const KeyIndex a = left_.take_sorted_keys(pairs, left);
  const KeyIndex b = right_.take_sorted_keys(pairs, right);
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a.key(i) != b.key(i)) return false;
  }
  for (std::size_t i = 0; i < a.size(); ++i) {
    ByteView left_value = left_.after(a.key(i));
    ByteView right_value = right_.after(b.key(i));
    if (!equal_values(left_value, right_value)) return false;
  }
  return true;
}

}  // namespace

bool equal(const ValueView& left, const ValueView& right) {
  if (left.type != right.type) return false;
  if (!is_container(left.type)) return equal_scalars(left, right);
  if (left.data == right.data) return true;
  ByteView a = left.data;
  ByteView b = right.data;
  return Comparison(left, right).equal_containers(left.type, a, b);
}

ValueView next_value(ByteView& bytes) {
  const auto type = static_cast<ValueType>(bytes[0]);
  bytes.remove_prefix(1);
  std::size_t size = 0;
  switch (type) {
    case ValueType::kNull:
      break;
    case ValueType::kBool:
      size = 1;
      break;
    case ValueType::kInt:
    case ValueType::kFloat:
      size = 8;
      break;
    case ValueType::kDecimal:
      size = load_big_endian<std::uint16_t>(bytes.data());
      break;
    case ValueType::kString:
    case ValueType::kBytes:
      size = load_big_endian<std::uint32_t>(bytes.data());
      break;
    case ValueType::kList:
    case ValueType::kMap: {
      ByteView rest = bytes;
      for (std::uint32_t count = take_count(rest); count != 0; --count) {
        if (type == ValueType::kMap) take_key(rest);
        next_value(rest);
      }
      size = bytes.size() - rest.size();
      break;
    }
  }
  bytes.remove_prefix(length_prefix_bytes(type));
  KV_ASSERT(size <= bytes.size());
  const ValueView value{type, bytes.substr(0, size)};
  bytes.remove_prefix(size);
  return value;
}

ListCursor::ListCursor(const ValueView& list) : rest_(list.data), size_(take_count(rest_)), left_(size_) {
  KV_ASSERT(list.type == ValueType::kList);
}

ValueView ListCursor::next() {
  --left_;
  return next_value(rest_);
}

MapCursor::MapCursor(const ValueView& map) : rest_(map.data), size_(take_count(rest_)), left_(size_) {
  KV_ASSERT(map.type == ValueType::kMap);
}

MapCursor::Pair MapCursor::next() {
  --left_;
  const ByteView key = take_key(rest_);
  return {key, next_value(rest_)};
}

}  // namespace kv::value
