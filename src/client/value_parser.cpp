// Reading values and keys from text. A recursive descent that appends the wire bytes of what it reads; the count of a
// List or Map is filled in once it is known. What is then still unchecked, equal map keys, is left to decode_value().
#include <bit>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <system_error>

#include "kv/base/limits.hpp"
#include "kv/base/utf8.hpp"
#include "kv/client/value_text.hpp"
#include "kv/value/build.hpp"
#include "kv/value/decimal.hpp"
#include "kv/value/decode.hpp"

#include "client/base64.hpp"

namespace kv::client {
namespace {

using value::ValueType;
using MaybeError = std::optional<Error>;

Error fault(std::string message) {
  return {Errc::kValue, std::move(message)};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
// What words and numbers are made of.
bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '-' || c == '.' ||
         c == '_';
}

ByteView trimmed(ByteView text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

ByteView without_plus(ByteView text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  return text;
}

bool looks_like_a_number(ByteView word) {
  if (word.starts_with('+') || word.starts_with('-')) word.remove_prefix(1);
  if (word.starts_with('.')) word.remove_prefix(1);
  return !word.empty() && is_digit(word[0]);
}

// A word in a message, where it is short and safe enough to show.
std::string shown(ByteView word) {
  constexpr std::size_t kShownMax = 40;
  return word.size() <= kShownMax && is_utf8(word) ? print_key(word) : "this";
}

void append_code_point(std::uint32_t code, std::string& out) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

class Parser {
 public:
  explicit Parser(ByteView text) : rest_(text) {}

  // Appends the value at the front, encoded. `levels` is how many Lists and Maps may still open.
  MaybeError parse_value(std::size_t levels, std::string& out);
  // Appends the content of the quoted text at the front. REQUIRES: a quote is there.
  MaybeError parse_quoted(std::string& out);
  MaybeError expect_end();

 private:
  MaybeError parse_word(std::string& out);
  MaybeError parse_call(ByteView name, std::string& out);
  MaybeError parse_number(ByteView word, std::string& out);
  MaybeError parse_float(ByteView digits, std::string& out);
  MaybeError parse_float_call(ByteView argument, std::string& out);
  MaybeError parse_decimal(ByteView digits, std::string& out);
  MaybeError parse_string(std::string& out);
  MaybeError parse_items(ValueType type, std::size_t levels, std::string& out);
  MaybeError parse_map_key(std::string& out);
  MaybeError parse_escape(std::string& out);
  bool take_hex4(std::uint32_t& code);

  void skip_space() {
    while (!rest_.empty() && is_space(rest_[0])) rest_.remove_prefix(1);
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  ByteView rest_;
};

MaybeError Parser::parse_value(std::size_t levels, std::string& out) {
  skip_space();
  if (rest_.empty()) return fault("a value is missing");
  switch (rest_[0]) {
    case '"':
      return parse_string(out);
    case '[':
      return parse_items(ValueType::kList, levels, out);
    case '{':
      return parse_items(ValueType::kMap, levels, out);
    default:
      return parse_word(out);
  }
}

MaybeError Parser::expect_end() {
  skip_space();
  if (rest_.empty()) return {};
  return fault("something follows the end of the value: " + shown(rest_));
}

MaybeError Parser::parse_word(std::string& out) {
  std::size_t size = 0;
  while (size < rest_.size() && is_word(rest_[size])) ++size;
  const ByteView word = rest_.substr(0, size);
  rest_.remove_prefix(size);
  if (take('(')) return parse_call(word, out);

  if (word == "null") {
    out += value::encode_null();
  } else if (word == "true" || word == "false") {
    out += value::encode_bool(word == "true");
  } else if (word == "nan" || word == "inf" || word == "-inf") {
    return parse_float_call(word, out);
  } else if (word.starts_with("0x")) {
    const auto bytes = decode_hex(word.substr(2));
    if (!bytes) return fault("Bytes are 0x and two hexadecimal digits for each byte");
    out += value::encode_bytes(*bytes);
  } else if (looks_like_a_number(word)) {
    return parse_number(word, out);
  } else {
    const ByteView whole = word.empty() ? rest_ : word;
    return fault(shown(whole) + " is no value; text needs quotes of its own, in a shell '\"like this\"'");
  }
  return {};
}

MaybeError Parser::parse_call(ByteView name, std::string& out) {
  const std::size_t end = rest_.find(')');
  if (end == ByteView::npos) return fault("a ) is missing");
  const ByteView argument = trimmed(rest_.substr(0, end));
  rest_.remove_prefix(end + 1);
  if (name == "decimal") return parse_decimal(argument, out);
  if (name == "float") return parse_float_call(argument, out);
  if (name != "base64") return fault("only decimal(…), float(…) and base64(…) are written so");
  const auto bytes = decode_base64(argument);
  if (!bytes) return fault("base64(…) holds no base64 (RFC 4648, with its padding)");
  out += value::encode_bytes(*bytes);
  return {};
}

MaybeError Parser::parse_number(ByteView word, std::string& out) {
  if (word.ends_with('m')) return parse_decimal(word.substr(0, word.size() - 1), out);
  const ByteView digits = without_plus(word);
  if (digits.find_first_not_of("0123456789", digits.starts_with('-') ? 1 : 0) != ByteView::npos) {
    return parse_float(digits, out);
  }
  std::int64_t number = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc()) {
    return fault(shown(word) + " is out of an Int's range; with an m after it, it is a Decimal");
  }
  out += value::encode_int(number);
  return {};
}

MaybeError Parser::parse_float(ByteView digits, std::string& out) {
  double number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc::result_out_of_range) {
    return fault(shown(digits) + " is out of a Float's range; with an m after it, it is a Decimal");
  }
  if (!looks_like_a_number(digits) || error != std::errc() || end != digits.data() + digits.size()) {
    return fault(shown(digits) + " is no number; text needs quotes of its own, in a shell '\"like this\"'");
  }
  out += value::encode_float(number);
  return {};
}

MaybeError Parser::parse_float_call(ByteView argument, std::string& out) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (argument == "nan") {
    out += value::encode_float(std::numeric_limits<double>::quiet_NaN());
  } else if (argument == "inf" || argument == "-inf") {
    out += value::encode_float(argument == "inf" ? kInfinity : -kInfinity);
  } else if (argument.starts_with("0x")) {
    const auto bits = decode_hex(argument.substr(2));
    if (!bits || bits->size() != 8) return fault("float(0x…) takes 16 hexadecimal digits");
    out += value::encode_float(std::bit_cast<double>(load_big_endian<std::uint64_t>(bits->data())));
  } else {
    return parse_float(without_plus(argument), out);
  }
  return {};
}

MaybeError Parser::parse_decimal(ByteView digits, std::string& out) {
  auto canonical = value::canonical_decimal(digits);
  if (!canonical) return fault(shown(digits) + " as a Decimal: " + canonical.error().message);
  out += value::encode_decimal(*canonical);
  return {};
}

MaybeError Parser::parse_string(std::string& out) {
  std::string text;
  if (auto error = parse_quoted(text)) return error;
  out += value::encode_string(text);
  return {};
}

MaybeError Parser::parse_items(ValueType type, std::size_t levels, std::string& out) {
  const char close = type == ValueType::kList ? ']' : '}';
  if (levels == 0) return fault("Lists and Maps nest too deep");
  rest_.remove_prefix(1);
  out += static_cast<char>(type);
  const std::size_t count_at = out.size();
  out.append(sizeof(std::uint32_t), '\0');
  std::uint32_t count = 0;
  skip_space();
  while (!take(close)) {
    if (count > 0 && !take(',')) return fault(std::string("a , or ") + close + " is missing");
    if (type == ValueType::kMap) {
      if (auto error = parse_map_key(out)) return error;
    }
    if (auto error = parse_value(levels - 1, out)) return error;
    ++count;
    skip_space();
  }
  store_big_endian(out.data() + count_at, count);
  return {};
}

MaybeError Parser::parse_map_key(std::string& out) {
  skip_space();
  if (!rest_.starts_with('"')) return fault("a Map's keys are text in double quotes: {\"a\": 1}");
  std::string key;
  if (auto error = parse_quoted(key)) return error;
  if (key.size() > kKeyBytesMax) return fault("a Map's key is over 65,535 bytes");
  append_big_endian(out, static_cast<std::uint16_t>(key.size()));
  out += key;
  skip_space();
  if (!take(':')) return fault("a : is missing after a Map's key");
  return {};
}

MaybeError Parser::parse_quoted(std::string& out) {
  rest_.remove_prefix(1);
  for (;;) {
    const std::size_t plain = rest_.find_first_of("\"\\");
    if (plain == ByteView::npos) return fault("a closing double quote is missing");
    out += rest_.substr(0, plain);
    rest_.remove_prefix(plain);
    if (take('"')) break;
    rest_.remove_prefix(1);
    if (auto error = parse_escape(out)) return error;
  }
  if (!is_utf8(out)) return fault("text is not valid UTF-8; what isn't text is written as 0x…");
  return {};
}

MaybeError Parser::parse_escape(std::string& out) {
  constexpr ByteView kLetters = "\"\\/bfnrt";
  constexpr ByteView kMeanings = "\"\\/\b\f\n\r\t";
  const Error unknown = fault("an escape is one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u0000, surrogates in pairs");
  if (rest_.empty()) return unknown;
  const char letter = rest_[0];
  rest_.remove_prefix(1);
  if (const std::size_t index = kLetters.find(letter); index != ByteView::npos) {
    out += kMeanings[index];
    return {};
  }
  std::uint32_t code = 0;
  if (letter != 'u' || !take_hex4(code)) return unknown;
  if (code >= 0xD800 && code < 0xE000) {
    std::uint32_t low = 0;
    if (code >= 0xDC00 || !take('\\') || !take('u') || !take_hex4(low) || low < 0xDC00 || low >= 0xE000) return unknown;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  append_code_point(code, out);
  return {};
}

bool Parser::take_hex4(std::uint32_t& code) {
  const auto bytes = decode_hex(rest_.substr(0, 4));
  if (!bytes || bytes->size() != 2) return false;
  code = load_big_endian<std::uint16_t>(bytes->data());
  rest_.remove_prefix(4);
  return true;
}

}  // namespace

Result<std::string> parse_value(ByteView text) {
  Parser parser(text);
  std::string encoded;
  if (auto error = parser.parse_value(kNestingLevelsMax, encoded)) return *std::move(error);
  if (auto error = parser.expect_end()) return *std::move(error);
  value::DecodeScratch scratch;
  ByteView check = encoded;
  if (auto decoded = value::decode_value(check, scratch); !decoded) return std::move(decoded).error();
  return encoded;
}

Result<std::string> parse_key(ByteView text) {
  if (!text.starts_with('"')) return std::string(text);
  Parser parser(text);
  std::string key;
  auto error = parser.parse_quoted(key);
  if (!error) error = parser.expect_end();
  if (error) return Error{Errc::kKey, "a key that begins with a quote is text with escapes: " + error->message};
  return key;
}

}  // namespace kv::client
