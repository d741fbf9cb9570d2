// What --count and the like take where there is no limit. CLI11's own PositiveNumber is one for floats: it lets 1.5
// pass, and names the largest float there is to whoever types something else.
#pragma once

#include <cstdint>
#include <limits>

#include <CLI/CLI.hpp>

namespace kv::cli {

// Signed, or it would take -1 for the largest there is.
inline CLI::Range whole_number_from(std::int64_t least) {
  return {least, std::numeric_limits<std::int64_t>::max(), least == 0 ? "NONNEGATIVE" : "POSITIVE"};
}

}  // namespace kv::cli
