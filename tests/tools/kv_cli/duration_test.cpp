#include "kv-cli/duration.hpp"

#include <gtest/gtest.h>

namespace kv::cli {
namespace {

TEST(Duration, IsANumberAndItsUnit) {
  EXPECT_EQ(parse_duration("0").value(), 0U);
  EXPECT_EQ(parse_duration("0s").value(), 0U);
  EXPECT_EQ(parse_duration("1ms").value(), 1U);
  EXPECT_EQ(parse_duration("500ms").value(), 500U);
  EXPECT_EQ(parse_duration("30s").value(), 30'000U);
  EXPECT_EQ(parse_duration("5m").value(), 300'000U);
  EXPECT_EQ(parse_duration("12h").value(), 43'200'000U);
  EXPECT_EQ(parse_duration("7d").value(), 604'800'000U);
  EXPECT_EQ(parse_duration("18446744073709551615ms").value(), 18446744073709551615U);
}

TEST(Duration, NothingElseIsOne) {
  for (const ByteView text : {"", "s", "ms", "30", "-1s", "+1s", "1.5s", "30 s", "30S", "30sec", "0x1s", " 1s", "1s ",
                              "18446744073709551616ms", "18446744073709551615s", "213503982335d"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace kv::cli
