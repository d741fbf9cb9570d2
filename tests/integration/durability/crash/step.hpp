// One request of the load that is under way when the server is killed, and what became of it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "integration/model/store.hpp"
#include "support/process/reply.hpp"

namespace kv::test::crash {

using protocol::Command;
using Moment = std::chrono::system_clock::time_point;
inline constexpr Moment kNever = Moment::max();

inline std::uint64_t unix_ms(Moment moment) {
  using std::chrono::milliseconds;
  return static_cast<std::uint64_t>(std::chrono::floor<milliseconds>(moment.time_since_epoch()).count());
}

// What a request works on: keys of this connection alone, or one of those that all of them share.
enum class Target { kOwn, kInt, kDecimal, kFloat, kGroup, kLock, kBrief, kEverything };

inline const std::string kIntKey = "shared/int";
inline const std::string kDecimalKey = "shared/decimal";
inline const std::string kFloatKey = "shared/float";
inline const std::string kLockKey = "shared/lock";
// Always set together, to one value, and deleted together.
inline const std::array<std::string, 8> kGroupKeys{"shared/m0", "shared/m1", "shared/m2", "shared/m3",
                                                   "shared/m4", "shared/m5", "shared/m6", "shared/m7"};
// Each is set once, with a short ttl.
inline const std::string kBriefPrefix = "brief/";

struct Step {
  Target target = Target::kOwn;
  model::Request request;
  Moment sent;
  Moment answered = kNever;
  Reply reply;  // once it is answered

  bool is_answered() const { return answered != kNever; }
};

// The one FLUSH that a round may have.
struct Flush {
  Moment sent;
  Moment answered = kNever;
};

}  // namespace kv::test::crash
