#include "support/value/random_value.hpp"

#include <bit>
#include <limits>
#include <utility>
#include <vector>

#include "kv/value/build.hpp"
#include "kv/value/compare.hpp"
#include "kv/value/decimal.hpp"

namespace kv::test {
namespace {

using value::ValueType;
using value::ValueView;

std::int64_t random_int(Random& random) {
  constexpr std::int64_t kEdges[] = {
      0, 1, -1, 255, 256, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
  if (random.one_in(2)) return kEdges[random.below(std::size(kEdges))];
  return static_cast<std::int64_t>(random.next() >> random.below(64));
}

double random_float(Random& random) {
  using Limits = std::numeric_limits<double>;
  const double edges[] = {0.0,
                          -0.0,
                          1.0,
                          0.1,
                          Limits::infinity(),
                          -Limits::infinity(),
                          Limits::quiet_NaN(),
                          Limits::max(),
                          Limits::denorm_min()};
  if (random.one_in(2)) return edges[random.below(std::size(edges))];
  return std::bit_cast<double>(random.next());  // NaNs with odd bits among them
}

std::string random_bytes(Random& random, std::size_t bytes_max) {
  std::string out(random.below(bytes_max + 1), '\0');
  for (char& byte : out) byte = static_cast<char>(random.next());
  return out;
}

std::string random_list(Random& random, const RandomValueOptions& options) {
  std::vector<std::string> items(random.below(options.items_max + 1));
  for (std::string& item : items) item = random_value(random, options);
  return value::encode_list(items);
}

std::string random_map(Random& random, const RandomValueOptions& options) {
  std::vector<std::pair<std::string, std::string>> pairs(random.below(options.items_max + 1));
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    // The position in front keeps keys apart; the first one may be empty.
    pairs[i].first = i == 0 ? "" : std::to_string(i) + random_utf8(random, options.text_bytes_max);
    pairs[i].second = random_value(random, options);
  }
  for (std::size_t i = pairs.size(); i > 1; --i) std::swap(pairs[i - 1], pairs[random.below(i)]);
  return value::encode_map(pairs);
}

void append_code_point(std::string& out, std::uint32_t code_point) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    out += static_cast<char>(0xC0 | (code_point >> 6));
    tail(0);
  } else if (code_point < 0x10000) {
    out += static_cast<char>(0xE0 | (code_point >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | (code_point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

std::string random_digits(Random& random, std::size_t least) {
  std::string digits(least + random.below(random.one_in(10) ? 200 : 6), '0');
  for (char& digit : digits) {
    if (!random.one_in(3)) digit = static_cast<char>('0' + random.below(10));
  }
  return digits;
}

// The same number with another scale. One that is full of digits already stays as it is.
std::string with_other_scale(Random& random, ByteView decimal) {
  std::string text(decimal);
  if (text.find('.') == std::string::npos) text += '.';
  while (random.one_in(2) && text.ends_with('0')) text.pop_back();
  text.append(random.below(3), '0');
  if (text.ends_with('.')) text.pop_back();
  return value::is_canonical_decimal(text) ? text : std::string(decimal);
}

}  // namespace

std::string encoded(const ValueView& value) {
  std::string bytes(value::encoded_size(value), '\0');
  value::encode(value, bytes.data());
  return bytes;
}

std::string random_utf8(Random& random, std::size_t bytes_max) {
  constexpr std::uint32_t kEdges[] = {0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF};
  std::string out;
  const std::size_t size = random.below(bytes_max + 1);
  while (out.size() < size) {
    if (random.one_in(5)) {
      append_code_point(out, kEdges[random.below(std::size(kEdges))]);
    } else {
      out += static_cast<char>('a' + random.below(26));
    }
  }
  return out;
}

std::string random_decimal(Random& random) {
  constexpr const char* kSigns[] = {"", "", "-", "+"};
  std::string text = kSigns[random.below(std::size(kSigns))];
  switch (random.below(4)) {
    case 0:
      text += random_digits(random, 1);
      break;
    case 1:
      text += random_digits(random, 1) + ".";
      break;
    case 2:
      text += "." + random_digits(random, 1);
      break;
    default:
      text += random_digits(random, 1);
      text += "." + random_digits(random, 0);
      break;
  }
  if (random.one_in(3)) {
    text += random.one_in(2) ? "e" : "E";
    text += kSigns[random.below(std::size(kSigns))];
    text += std::to_string(random.below(random.one_in(10) ? 400 : 12));
  }
  return text;
}

std::string random_value(Random& random, const RandomValueOptions& options) {
  const std::size_t types = options.levels_max == 0 ? 7 : 10;
  RandomValueOptions inside = options;
  if (inside.levels_max != 0) --inside.levels_max;
  switch (random.below(types)) {
    case 0:
      return value::encode_null();
    case 1:
      return value::encode_int(random_int(random));
    case 2:
      return value::encode_float(random_float(random));
    case 3: {
      const std::string text = random_decimal(random);
      return value::encode_decimal(options.canonical ? value::canonical_decimal(text).value() : text);
    }
    case 4:
      return value::encode_string(random_utf8(random, options.text_bytes_max));
    case 5:
      return value::encode_bytes(random_bytes(random, options.text_bytes_max));
    case 6:
      return value::encode_bool(random.one_in(2));
    case 7:
      return random_list(random, inside);
    default:
      return random_map(random, inside);
  }
}

std::string shuffle_value(Random& random, ByteView bytes) {
  ByteView rest = bytes;
  const ValueView value = value::next_value(rest);
  switch (value.type) {
    case ValueType::kDecimal:
      return value::encode_decimal(with_other_scale(random, value.data));
    case ValueType::kFloat:
      if (value.as_float() == 0.0) return value::encode_float(-value.as_float());
      return std::string(bytes);
    case ValueType::kList: {
      std::vector<std::string> items;
      for (value::ListCursor at(value); at.more();) items.push_back(shuffle_value(random, encoded(at.next())));
      return value::encode_list(items);
    }
    case ValueType::kMap: {
      std::vector<std::pair<std::string, std::string>> pairs;
      for (value::MapCursor at(value); at.more();) {
        const auto [key, item] = at.next();
        pairs.emplace_back(key, shuffle_value(random, encoded(item)));
      }
      for (std::size_t i = pairs.size(); i > 1; --i) std::swap(pairs[i - 1], pairs[random.below(i)]);
      return value::encode_map(pairs);
    }
    default:
      return std::string(bytes);
  }
}

}  // namespace kv::test
