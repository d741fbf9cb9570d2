// A place in the log of changes. Records are numbered from 1 on; kNoLsn stands before all of them.
#pragma once

#include <cstdint>

namespace kv {

enum class Lsn : std::uint64_t {};

inline constexpr Lsn kNoLsn{0};

constexpr std::uint64_t number(Lsn lsn) {
  return static_cast<std::uint64_t>(lsn);
}
constexpr Lsn next(Lsn lsn) {
  return Lsn{number(lsn) + 1};
}

}  // namespace kv
