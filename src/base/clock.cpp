#include "kv/base/clock.hpp"

#include <ctime>

namespace kv {
namespace {

std::int64_t read_ms(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

}  // namespace

SystemClock::SystemClock() : offset_ms_(read_ms(CLOCK_REALTIME) - read_ms(CLOCK_BOOTTIME)) {}

UnixMillis SystemClock::now() const {
  return static_cast<UnixMillis>(read_ms(CLOCK_BOOTTIME) + offset_ms_);
}

}  // namespace kv
