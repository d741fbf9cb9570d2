#include "kv/value/value_view.hpp"

namespace kv::value {

ByteView type_name(ValueType type) {
  constexpr ByteView kNames[] = {"Null", "Int", "Float", "Decimal", "String", "Bytes", "List", "Map", "Bool"};
  return kNames[static_cast<std::size_t>(type)];
}

}  // namespace kv::value
