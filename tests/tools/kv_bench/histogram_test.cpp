#include "kv-bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "support/base/random.hpp"

namespace kv::bench {
namespace {

// What a histogram may say of a true value: not less, and at most 1 % more.
::testing::AssertionResult is_close(std::uint64_t said, std::uint64_t truth) {
  if (said >= truth && static_cast<long double>(said) <= static_cast<long double>(truth) * 1.01L) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << said << " stands for " << truth;
}

TEST(Histogram, IsZeroWhenEmpty) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.max(), 0);
  EXPECT_EQ(histogram.mean(), 0);
  EXPECT_EQ(histogram.percentile(99), 0);
}

TEST(Histogram, KeepsSmallValuesExactly) {
  Histogram histogram;
  for (std::uint64_t value = 0; value < 256; ++value) histogram.record(value);
  for (std::uint64_t value = 0; value < 256; ++value) {
    EXPECT_EQ(histogram.percentile(static_cast<double>(value + 1) * 100 / 256), value);
  }
}

TEST(Histogram, IsWithinOnePercentAroundEveryPowerOfTwo) {
  std::vector<std::uint64_t> values{std::numeric_limits<std::uint64_t>::max()};
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t power = std::uint64_t{1} << bit;
    values.insert(values.end(), {power - 1, power, power + 1, power + power / 3});
  }
  for (const std::uint64_t value : values) {
    Histogram histogram;
    histogram.record(value);
    histogram.record(std::numeric_limits<std::uint64_t>::max());  // so that the maximum doesn't bound the answer
    EXPECT_TRUE(is_close(histogram.percentile(50), value));
    EXPECT_EQ(histogram.min(), value);
  }
}

TEST(Histogram, FindsRanksThatHaveNoExactPercentage) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value, 10);
  EXPECT_EQ(histogram.percentile(0), 1);
  EXPECT_EQ(histogram.percentile(50), 50);
  EXPECT_EQ(histogram.percentile(99), 99);
  EXPECT_EQ(histogram.percentile(99.9), 100);
  EXPECT_EQ(histogram.percentile(100), 100);
}

TEST(Histogram, AgreesWithSortedValues) {
  test::Random random;
  for (int round = 0; round < 50; ++round) {
    Histogram histogram;
    Histogram other;
    std::vector<std::uint64_t> values(1 + random.below(3000));
    for (std::uint64_t& value : values) {
      value = random.next() >> random.below(64);
      (random.one_in(2) ? histogram : other).record(value);
    }
    histogram.merge(other);
    std::sort(values.begin(), values.end());
    EXPECT_EQ(histogram.count(), values.size());
    EXPECT_EQ(histogram.min(), values.front());
    EXPECT_EQ(histogram.max(), values.back());
    for (const double percent : {1.0, 25.0, 50.0, 75.0, 90.0, 99.0, 99.9, 100.0}) {
      const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(values.size()) - 1e-6));
      EXPECT_TRUE(is_close(histogram.percentile(percent), values[std::max<std::size_t>(rank, 1) - 1])) << percent;
    }
  }
}

TEST(Histogram, MeanIsExact) {
  Histogram histogram;
  histogram.record(1'000'003, 2);
  histogram.record(1, 2);
  EXPECT_DOUBLE_EQ(histogram.mean(), 500'002);
  histogram.record(5, 0);
  EXPECT_EQ(histogram.count(), 4);
}

}  // namespace
}  // namespace kv::bench
