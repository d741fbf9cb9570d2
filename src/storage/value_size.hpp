// What can be told of a value by its type and size alone. What stands in it was checked when it came to the server, and
// the checksum around it says that it is still the same.
#pragma once

#include <cstddef>

#include "kv/value/value_view.hpp"

namespace kv::storage {

// Whether the size fits the type, so that whoever looks into the data stays inside it. False for no type at all.
constexpr bool size_fits(value::ValueType type, std::size_t size) {
  using value::ValueType;
  switch (type) {
    case ValueType::kNull:
      return size == 0;
    case ValueType::kInt:
    case ValueType::kFloat:
      return size == 8;
    case ValueType::kBool:
      return size == 1;
    case ValueType::kDecimal:
      return size != 0 && size <= 0xFFFF;
    case ValueType::kList:
    case ValueType::kMap:
      return size >= 4;
    case ValueType::kString:
    case ValueType::kBytes:
      return true;
  }
  return false;
}

}  // namespace kv::storage
