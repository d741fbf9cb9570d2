#include "kv/base/clock.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace kv {
namespace {

UnixMillis wall_clock_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<UnixMillis>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

TEST(SystemClock, AgreesWithTheWallClockAtTheStart) {
  const UnixMillis before = wall_clock_now();
  const SystemClock clock;
  const UnixMillis now = clock.now();
  EXPECT_GE(now + 2, before);
  EXPECT_LE(now, wall_clock_now() + 2);
}

TEST(SystemClock, NeverGoesBackAndDoesGoOn) {
  const SystemClock clock;
  const UnixMillis start = clock.now();
  UnixMillis last = start;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (last < start + 20) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    const UnixMillis now = clock.now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(ManualClock, MovesOnlyWhenToldTo) {
  ManualClock clock(1000);
  EXPECT_EQ(clock.now(), 1000U);
  clock.advance(25);
  EXPECT_EQ(clock.now(), 1025U);
}

TEST(Deadline, LastOneIsTheEndOfTheYear9999) {
  using namespace std::chrono;
  const auto end = sys_days(year(10000) / January / 1).time_since_epoch();
  EXPECT_EQ(kDeadlineMax + 1, static_cast<UnixMillis>(duration_cast<milliseconds>(end).count()));
}

}  // namespace
}  // namespace kv
