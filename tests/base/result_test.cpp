#include "kv/base/result.hpp"

#include <gtest/gtest.h>

#include "kv/base/assert.hpp"

namespace kv {
namespace {

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> good = 7;
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(*good, 7);

  const Result<int> bad = Error{Errc::kOverflow, "too much"};
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code, Errc::kOverflow);
  EXPECT_EQ(bad.error().message, "too much");
}

TEST(Result, ThrowsItsMessageWhenAskedForAValueThatIsNotThere) {
  const Result<int> bad = Error{Errc::kFrame, "cut short"};
  try {
    static_cast<void>(bad.value());
    FAIL() << "value() returned";
  } catch (const BadResultAccess& fault) {
    EXPECT_STREQ(fault.what(), "cut short");
  }
}

TEST(AssertDeathTest, SaysWhatWasBrokenAndWhere) {
  const int answer = 41;
  KV_ASSERT(answer == 41);
  EXPECT_DEATH(KV_ASSERT(answer == 42), "result_test.cpp:[0-9]+: broken invariant: answer == 42");
}

}  // namespace
}  // namespace kv
