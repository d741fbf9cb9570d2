#include <cmath>

#include "kv/client/json.hpp"
#include "kv/client/value_text.hpp"
#include "kv/value/compare.hpp"

#include "client/base64.hpp"

namespace kv::client {
namespace {

using value::ValueType;
using value::ValueView;

void append_float(double number, std::string& out) {
  if (std::isfinite(number)) {
    out += print_float(number);
  } else {
    append_quoted(print_float(number), out);
  }
}

void append_list(const ValueView& list, std::string& out) {
  out += '[';
  for (value::ListCursor at(list); at.more();) {
    append_json(at.next(), out);
    if (at.more()) out += ',';
  }
  out += ']';
}

void append_map(const ValueView& map, std::string& out) {
  out += '{';
  for (value::MapCursor at(map); at.more();) {
    const auto [key, value] = at.next();
    append_quoted(key, out);
    out += ':';
    append_json(value, out);
    if (at.more()) out += ',';
  }
  out += '}';
}

}  // namespace

std::string print_json(const ValueView& value) {
  std::string out;
  append_json(value, out);
  return out;
}

void append_json(const ValueView& value, std::string& out) {
  switch (value.type) {
    case ValueType::kFloat:
      append_float(value.as_float(), out);
      break;
    case ValueType::kDecimal:
      out += value.data;
      break;
    case ValueType::kBytes:
      out += '"';
      append_base64(value.data, out);
      out += '"';
      break;
    case ValueType::kList:
      append_list(value, out);
      break;
    case ValueType::kMap:
      append_map(value, out);
      break;
    case ValueType::kNull:
    case ValueType::kBool:
    case ValueType::kInt:
    case ValueType::kString:
      append_value(value, out);
      break;
  }
}

}  // namespace kv::client
