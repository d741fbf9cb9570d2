// Decoding is two walks at most. The first checks everything and rewrites nothing; it is all there is for nearly every
// value. Only where it met a decimal that is not canonical a second walk copies the value with its decimals rewritten.
#include "kv/value/decode.hpp"

#include <algorithm>

#include "kv/base/utf8.hpp"
#include "kv/value/decimal.hpp"

#include "value/key_index.hpp"

namespace kv::value {
namespace {

struct Fault {
  Errc code = Errc::kOk;
  const char* message = "";
  explicit operator bool() const { return code != Errc::kOk; }
};

constexpr Fault kCutShort{Errc::kFrame, "the payload ends inside a value"};

class Walker {
 public:
  explicit Walker(ByteView input) : rest_(input) {}

  // Moves past one value. `levels` is how many Lists and Maps may still open.
  Fault walk_value(std::size_t levels);

  ByteView rest() const { return rest_; }
  // Whether a decimal was met that is not canonical.
  bool needs_rewriting() const { return needs_rewriting_; }

 private:
  Fault walk_text(ValueType type);
  Fault walk_list(std::size_t levels);
  Fault walk_map(std::size_t levels);
  Fault walk_pairs(std::size_t levels, std::uint32_t count, KeyIndex& keys);

  template <std::unsigned_integral T>
  bool take(T& value) {
    if (rest_.size() < sizeof(T)) return false;
    value = load_big_endian<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return true;
  }
  bool take(std::size_t size, ByteView& bytes) {
    if (rest_.size() < size) return false;
    bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  ByteView rest_;
  bool needs_rewriting_ = false;
};

Fault Walker::walk_value(std::size_t levels) {
  std::uint8_t type_byte = 0;
  if (!take(type_byte)) return kCutShort;
  if (type_byte > kValueTypeLast) return {Errc::kValue, "unknown value type"};
  const auto type = static_cast<ValueType>(type_byte);
  ByteView data;
  switch (type) {
    case ValueType::kNull:
      return {};
    case ValueType::kInt:
    case ValueType::kFloat:
      return take(8, data) ? Fault{} : kCutShort;
    case ValueType::kBool:
      if (!take(1, data)) return kCutShort;
      return static_cast<unsigned char>(data[0]) <= 1 ? Fault{} : Fault{Errc::kValue, "a Bool is neither 0 nor 1"};
    case ValueType::kDecimal:
    case ValueType::kString:
    case ValueType::kBytes:
      return walk_text(type);
    case ValueType::kList:
      return walk_list(levels);
    case ValueType::kMap:
      return walk_map(levels);
  }
  return {Errc::kValue, "unknown value type"};
}

Fault Walker::walk_text(ValueType type) {
  ByteView data;
  if (type == ValueType::kDecimal) {
    std::uint16_t size = 0;
    if (!take(size) || !take(size, data)) return kCutShort;
    if (is_canonical_decimal(data)) return {};
    if (!canonical_decimal(data)) return {Errc::kValue, "not a decimal number within the limits"};
    needs_rewriting_ = true;
    return {};
  }
  std::uint32_t size = 0;
  if (!take(size) || !take(size, data)) return kCutShort;
  if (type == ValueType::kString && !is_utf8(data)) return {Errc::kValue, "a String is not valid UTF-8"};
  return {};
}

Fault Walker::walk_list(std::size_t levels) {
  if (levels == 0) return {Errc::kValue, "Lists and Maps nest too deep"};
  std::uint32_t count = 0;
  if (!take(count)) return kCutShort;
  for (; count != 0; --count) {
    if (const Fault fault = walk_value(levels - 1)) return fault;
  }
  return {};
}

Fault Walker::walk_map(std::size_t levels) {
  if (levels == 0) return {Errc::kValue, "Lists and Maps nest too deep"};
  std::uint32_t count = 0;
  if (!take(count)) return kCutShort;
  KeyIndex keys(rest_.data());
  const Fault fault = walk_pairs(levels, count, keys);
  // A key that stands twice comes before whatever stopped the walk, so it is what gets reported.
  if (keys.has_duplicates()) return {Errc::kValue, "a Map has two equal keys"};
  return fault;
}

Fault Walker::walk_pairs(std::size_t levels, std::uint32_t count, KeyIndex& keys) {
  // A count is only a claim, and Maps in Maps may all claim the same bytes: past this the index grows with the keys.
  constexpr std::uint32_t kReservedMax = 64;
  keys.reserve(std::min(count, kReservedMax));
  for (; count != 0; --count) {
    std::uint16_t size = 0;
    ByteView key;
    if (!take(size) || !take(size, key)) return kCutShort;
    if (!is_utf8(key)) return {Errc::kValue, "a Map key is not valid UTF-8"};
    keys.add(key);
    if (const Fault fault = walk_value(levels - 1)) return fault;
  }
  return {};
}

// Copies a well-formed value from the front of `rest` to `out` with canonical decimals; stops, false, past `bytes_max`.
bool rewrite(ByteView& rest, std::string& out, std::size_t bytes_max) {
  const auto copy = [&](std::size_t size) {
    out.append(rest.substr(0, size));
    rest.remove_prefix(size);
  };
  const auto type = static_cast<ValueType>(rest[0]);
  copy(1);
  switch (type) {
    case ValueType::kNull:
      break;
    case ValueType::kInt:
    case ValueType::kFloat:
      copy(8);
      break;
    case ValueType::kBool:
      copy(1);
      break;
    case ValueType::kDecimal: {
      const std::size_t size = load_big_endian<std::uint16_t>(rest.data());
      const std::string text = canonical_decimal(rest.substr(2, size)).value();
      append_big_endian(out, static_cast<std::uint16_t>(text.size()));
      out += text;
      rest.remove_prefix(2 + size);
      break;
    }
    case ValueType::kString:
    case ValueType::kBytes:
      copy(4 + std::size_t{load_big_endian<std::uint32_t>(rest.data())});
      break;
    case ValueType::kList:
    case ValueType::kMap: {
      std::uint32_t count = load_big_endian<std::uint32_t>(rest.data());
      copy(4);
      for (; count != 0; --count) {
        if (type == ValueType::kMap) copy(2 + std::size_t{load_big_endian<std::uint16_t>(rest.data())});
        if (!rewrite(rest, out, bytes_max)) return false;
      }
      break;
    }
  }
  return out.size() <= bytes_max;
}

// Splits a well-formed encoded value, all of `bytes`, into its type and data.
ValueView split(ByteView bytes) {
  const auto type = static_cast<ValueType>(bytes[0]);
  return {type, bytes.substr(1 + length_prefix_bytes(type))};
}

}  // namespace

Result<ValueView> decode_value(ByteView& input, DecodeScratch& scratch) {
  Walker walker(input);
  if (const Fault fault = walker.walk_value(kNestingLevelsMax)) return Error{fault.code, fault.message};
  ByteView bytes = input.substr(0, input.size() - walker.rest().size());
  input = walker.rest();
  if (!walker.needs_rewriting()) return split(bytes);

  std::string rewritten;
  rewritten.reserve(bytes.size());
  if (!rewrite(bytes, rewritten, scratch.bytes_left())) {
    return Error{Errc::kValue, "over the payload limit once its decimals are written out"};
  }
  return split(scratch.keep(std::move(rewritten)));
}

}  // namespace kv::value
