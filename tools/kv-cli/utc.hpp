#pragma once

#include <string>

#include "kv/base/clock.hpp"

namespace kv::cli {

// A point in time as people and programs read it: 2023-11-14T22:13:20.123Z.
std::string print_utc(UnixMillis time);

}  // namespace kv::cli
