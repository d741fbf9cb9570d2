#include "storage/numbered_name.hpp"

#include <charconv>

namespace kv::storage {
namespace {

constexpr std::size_t kDigits = 20;  // of 2^64 - 1

}  // namespace

std::string numbered_name(ByteView before, std::uint64_t number, ByteView after) {
  const std::string digits = std::to_string(number);
  std::string name(before);
  name.append(kDigits - digits.size(), '0').append(digits).append(after);
  return name;
}

std::optional<std::uint64_t> parse_numbered_name(ByteView before, ByteView name, ByteView after) {
  if (name.size() != before.size() + kDigits + after.size()) return std::nullopt;
  if (!name.starts_with(before) || !name.ends_with(after)) return std::nullopt;
  const char* const begin = name.data() + before.size();
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(begin, begin + kDigits, number);
  if (error != std::errc() || end != begin + kDigits) return std::nullopt;
  return number;
}

}  // namespace kv::storage
