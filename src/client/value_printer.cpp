// Writing values and keys as text. value_parser.cpp reads the same text.
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kv/client/value_text.hpp"
#include "kv/value/compare.hpp"

#include "client/base64.hpp"

namespace kv::client {
namespace {

using value::ValueType;
using value::ValueView;

// `nan` stands for this one; every other NaN is written with its bits.
constexpr auto kPlainNanBits = std::bit_cast<std::uint64_t>(std::numeric_limits<double>::quiet_NaN());

void append_float(double number, std::string& out) {
  if (!std::isnan(number) || std::bit_cast<std::uint64_t>(number) == kPlainNanBits) {
    out += print_float(number);
    return;
  }
  std::string bits;
  append_big_endian(bits, std::bit_cast<std::uint64_t>(number));
  out += "float(0x";
  append_hex(bits, out);
  out += ')';
}

void append_list(const ValueView& list, std::string& out) {
  out += '[';
  for (value::ListCursor at(list); at.more();) {
    append_value(at.next(), out);
    if (at.more()) out += ", ";
  }
  out += ']';
}

void append_map(const ValueView& map, std::string& out) {
  out += '{';
  for (value::MapCursor at(map); at.more();) {
    const auto [key, value] = at.next();
    append_quoted(key, out);
    out += ": ";
    append_value(value, out);
    if (at.more()) out += ", ";
  }
  out += '}';
}

// The C0 and C1 controls and DEL, which a terminal may obey, as their bytes in UTF-8: how many bytes the one at the
// front of `text` takes, 0 when there is none.
std::size_t control_bytes(ByteView text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x20 || first == 0x7F) return 1;
  const bool is_c1 = first == 0xC2 && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xA0;
  return is_c1 ? 2 : 0;
}

void append_escaped_control(ByteView control, std::string& out) {
  constexpr ByteView kControls = "\b\f\n\r\t";
  constexpr ByteView kLetters = "bfnrt";
  out += '\\';
  if (const std::size_t index = kControls.find(control[0]); index != ByteView::npos) {
    out += kLetters[index];
    return;
  }
  out += "u00";
  append_hex(control.substr(control.size() - 1), out);
}

}  // namespace

std::string print_value(const ValueView& value) {
  std::string out;
  append_value(value, out);
  return out;
}

void append_value(const ValueView& value, std::string& out) {
  switch (value.type) {
    case ValueType::kNull:
      out += "null";
      break;
    case ValueType::kInt:
      out += std::to_string(value.as_int());
      break;
    case ValueType::kFloat:
      append_float(value.as_float(), out);
      break;
    case ValueType::kDecimal:
      out += value.data;
      out += 'm';
      break;
    case ValueType::kString:
      append_quoted(value.data, out);
      break;
    case ValueType::kBytes:
      out += "0x";
      append_hex(value.data, out);
      break;
    case ValueType::kList:
      append_list(value, out);
      break;
    case ValueType::kMap:
      append_map(value, out);
      break;
    case ValueType::kBool:
      out += value.as_bool() ? "true" : "false";
      break;
  }
}

std::string print_key(ByteView key) {
  bool plain = !key.empty() && key[0] != '"';
  for (std::size_t at = 0; plain && at < key.size(); ++at) plain = control_bytes(key.substr(at)) == 0;
  if (plain) return std::string(key);
  std::string out;
  append_quoted(key, out);
  return out;
}

void append_quoted(ByteView text, std::string& out) {
  out += '"';
  std::size_t copied = 0;  // everything before this is in `out`
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t control = control_bytes(text.substr(at));
    if (control == 0 && text[at] != '"' && text[at] != '\\') {
      ++at;
      continue;
    }
    out += text.substr(copied, at - copied);
    if (control == 0) {
      out += '\\';
      out += text[at++];
    } else {
      append_escaped_control(text.substr(at, control), out);
      at += control;
    }
    copied = at;
  }
  out += text.substr(copied);
  out += '"';
}

std::string print_float(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number).ptr;
  std::string digits(buffer, end);
  if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
  return digits;
}

}  // namespace kv::client
