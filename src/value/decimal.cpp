#include "kv/value/decimal.hpp"

#include <algorithm>

#include <boost/multiprecision/cpp_int.hpp>

#include "kv/base/limits.hpp"

namespace kv::value {
namespace {

using boost::multiprecision::cpp_int;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Past this an exponent only says "too many digits"; the text itself has at most 65,535.
constexpr std::int64_t kExponentFar = 1'000'000;

// A decimal as it was written: digits, of which `scale` stand after the point (fewer than none: zeros follow).
struct Parts {
  bool negative = false;
  std::string digits;
  std::int64_t scale = 0;
};

bool parse_exponent(ByteView text, std::int64_t& exponent) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return false;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    exponent = std::min(exponent * 10 + (c - '0'), kExponentFar);
  }
  if (negative) exponent = -exponent;
  return true;
}

bool parse(ByteView text, Parts& parts) {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    parts.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  bool point = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (is_digit(text[at])) {
      parts.digits += text[at];
      if (point) ++parts.scale;
    } else if (text[at] == '.' && !point) {
      point = true;
    } else {
      break;
    }
  }
  if (parts.digits.empty()) return false;
  if (at == text.size()) return true;
  std::int64_t exponent = 0;
  if ((text[at] != 'e' && text[at] != 'E') || !parse_exponent(text.substr(at + 1), exponent)) return false;
  parts.scale -= exponent;
  return true;
}

bool within_limits(std::size_t significant_digits, std::size_t scale) {
  return significant_digits <= kDecimalDigitsMax && scale <= kDecimalScaleMax;
}

// Canonical text from digits without leading zeros (none at all for zero) and a scale of 0 or more.
std::string write(bool negative, ByteView digits, std::size_t scale) {
  std::string out;
  if (negative && !digits.empty()) out += '-';
  if (digits.size() > scale) {
    out += digits.substr(0, digits.size() - scale);
  } else {
    out += '0';
  }
  if (scale > 0) {
    out += '.';
    const std::size_t after_point = std::min(digits.size(), scale);
    out.append(scale - after_point, '0');
    out += digits.substr(digits.size() - after_point);
  }
  return out;
}

// The digits of a canonical decimal without sign, point or leading zeros.
std::string significant_digits(ByteView text) {
  std::string digits;
  for (const char c : text) {
    if (is_digit(c) && !(digits.empty() && c == '0')) digits += c;
  }
  return digits;
}

std::size_t scale_of(ByteView text) {
  const std::size_t point = text.find('.');
  return point == ByteView::npos ? 0 : text.size() - point - 1;
}

// text times 10^scale, exactly. REQUIRES: scale >= scale_of(text).
cpp_int to_integer(ByteView text, std::size_t scale) {
  std::string digits = significant_digits(text);
  if (digits.empty()) return 0;
  digits.append(scale - scale_of(text), '0');
  cpp_int number(digits);
  return text[0] == '-' ? -number : number;
}

// Without the zeros at the end of the fraction, and then without the point.
ByteView without_scale(ByteView text) {
  if (text.find('.') == ByteView::npos) return text;
  text.remove_suffix(text.size() - 1 - text.find_last_not_of('0'));
  if (text.back() == '.') text.remove_suffix(1);
  return text;
}

}  // namespace

Result<std::string> canonical_decimal(ByteView text) {
  Parts parts;
  if (!parse(text, parts)) return Error{Errc::kValue, "not a decimal number"};
  const Error over{Errc::kValue, "a decimal has too many digits"};

  const std::size_t first = std::min(parts.digits.find_first_not_of('0'), parts.digits.size());
  std::string digits = parts.digits.substr(first);
  if (parts.scale > static_cast<std::int64_t>(kDecimalScaleMax)) return over;
  if (parts.scale < 0) {
    const auto zeros = static_cast<std::size_t>(-parts.scale);
    if (!digits.empty()) {
      if (zeros > kDecimalDigitsMax) return over;
      digits.append(zeros, '0');
    }
    parts.scale = 0;
  }
  const auto scale = static_cast<std::size_t>(parts.scale);
  if (!within_limits(digits.size(), scale)) return over;
  return write(parts.negative, digits, scale);
}

bool is_canonical_decimal(ByteView text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  if (point == 0) return false;
  if (text[0] == '0' && point > 1) return false;
  if (point + 1 == text.size()) return false;  // nothing after the point
  std::size_t significant = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == point) continue;
    if (!is_digit(text[i])) return false;
    if (significant > 0 || text[i] != '0') ++significant;
  }
  if (negative && significant == 0) return false;
  return within_limits(significant, point == text.size() ? 0 : text.size() - point - 1);
}

Result<std::string> add_decimals(ByteView left, ByteView right) {
  const std::size_t scale = std::max(scale_of(left), scale_of(right));
  const cpp_int sum = to_integer(left, scale) + to_integer(right, scale);
  const std::string digits = sum == 0 ? std::string() : cpp_int(abs(sum)).str();
  if (!within_limits(digits.size(), scale)) return Error{Errc::kOverflow, "the sum has too many digits"};
  return write(sum < 0, digits, scale);
}

bool equal_decimals(ByteView left, ByteView right) {
  return without_scale(left) == without_scale(right);
}

}  // namespace kv::value
