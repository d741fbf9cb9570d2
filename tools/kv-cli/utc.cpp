#include "kv-cli/utc.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace kv::cli {

std::string print_utc(UnixMillis time) {
  using namespace std::chrono;
  // A later year would have five digits, and a server that says so is wrong.
  const sys_time<milliseconds> point{milliseconds(std::min(time, kDeadlineMax))};
  const sys_days day = floor<days>(point);
  const year_month_day date(day);
  const hh_mm_ss clock(point - day);
  std::array<char, 80> text;
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text.data();
}

}  // namespace kv::cli
