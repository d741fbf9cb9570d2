#include "kv-cli/utc.hpp"

#include <gtest/gtest.h>

namespace kv::cli {
namespace {

TEST(PrintUtc, IsADateAndATimeToTheMillisecond) {
  EXPECT_EQ(print_utc(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(print_utc(86'399'999), "1970-01-01T23:59:59.999Z");
  EXPECT_EQ(print_utc(951'827'696'789), "2000-02-29T12:34:56.789Z");
  EXPECT_EQ(print_utc(1'700'000'000'123), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(print_utc(kDeadlineMax), "9999-12-31T23:59:59.999Z");
}

TEST(PrintUtc, HasNoTimeAfterTheLast) {
  EXPECT_EQ(print_utc(kDeadlineMax + 1), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(print_utc(~UnixMillis{0}), "9999-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace kv::cli
