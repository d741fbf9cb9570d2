#include "kv-cli/duration.hpp"

#include <charconv>
#include <limits>

namespace kv::cli {

Result<std::uint64_t> parse_duration(ByteView text) {
  struct Unit {
    ByteView name;
    std::uint64_t milliseconds;
  };
  constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const ByteView name = text.substr(static_cast<std::size_t>(end - text.data()));
  if (error == std::errc() && number == 0 && name.empty()) return 0;
  for (const Unit& unit : kUnits) {
    if (error != std::errc() || name != unit.name) continue;
    if (number > std::numeric_limits<std::uint64_t>::max() / unit.milliseconds) break;
    return number * unit.milliseconds;
  }
  return Error{Errc::kArgument, "a time is a number and its unit: 500ms, 30s, 5m, 12h, 7d"};
}

}  // namespace kv::cli
