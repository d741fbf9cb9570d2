// Equality of values, as CAS sees it, and walking a List or Map in place.
#pragma once

#include <cstdint>

#include "kv/base/bytes.hpp"
#include "kv/value/value_view.hpp"

namespace kv::value {

// Same type, and: Int, Bool, String, Bytes by value; Float by value, but a NaN equals a NaN with the same bits; Decimal
// by number (1.0 equals 1.00); List item by item; Map by pairs in any order. O(n log n) for n bytes at worst.
// REQUIRES: both were decoded by decode_value(), so they are well-formed.
bool equal(const ValueView& left, const ValueView& right);

// Reads the value at the front of well-formed bytes and moves `bytes` past it.
ValueView next_value(ByteView& bytes);

// Walks a List: for (ListCursor at(list); at.more();) use(at.next());
class ListCursor {
 public:
  // REQUIRES: list.type is kList.
  explicit ListCursor(const ValueView& list);
  std::uint32_t size() const { return size_; }
  bool more() const { return left_ != 0; }
  ValueView next();

 private:
  ByteView rest_;
  std::uint32_t size_;
  std::uint32_t left_;
};

// Walks a Map in the order its pairs were sent.
class MapCursor {
 public:
  struct Pair {
    ByteView key;
    ValueView value;
  };
  // REQUIRES: map.type is kMap.
  explicit MapCursor(const ValueView& map);
  std::uint32_t size() const { return size_; }
  bool more() const { return left_ != 0; }
  Pair next();

 private:
  ByteView rest_;
  std::uint32_t size_;
  std::uint32_t left_;
};

}  // namespace kv::value
