#include "kv/observability/histogram.hpp"

#include <gtest/gtest.h>

#include "support/base/random.hpp"

namespace kv::observability {
namespace {

using namespace std::chrono_literals;

TEST(Histogram, EveryTimeIsInTheBucketThatEndsAfterIt) {
  test::Random random;
  for (int i = 0; i < 100'000; ++i) {
    const Nanoseconds time(static_cast<std::int64_t>(random.next() >> (30 + random.below(34))));
    const std::size_t bucket = bucket_of(time);
    ASSERT_LT(bucket, kBuckets);
    if (bucket + 1 < kBuckets) {
      ASSERT_LT(time, end_of_bucket(bucket)) << time.count();
    }
    if (bucket > 0) {
      ASSERT_GE(time, end_of_bucket(bucket - 1)) << time.count();
    }
  }
}

TEST(Histogram, ABucketIsAnEighthOfAnOctave) {
  EXPECT_EQ(bucket_of(0ns), 0U);
  EXPECT_EQ(bucket_of(-1ns), 0U);
  EXPECT_EQ(bucket_of(63ns), 0U);
  EXPECT_EQ(end_of_bucket(0), 64ns);
  EXPECT_EQ(bucket_of(64ns), 1U);
  EXPECT_EQ(end_of_bucket(1), 72ns);
  EXPECT_EQ(end_of_bucket(8), 128ns);
  EXPECT_EQ(end_of_bucket(9), 144ns);
  EXPECT_EQ(bucket_of(24h), kBuckets - 1);
  EXPECT_EQ(bucket_of(Nanoseconds::max()), kBuckets - 1);
}

TEST(Histogram, QuantilesAreAtMostAnEighthTooHigh) {
  Histogram histogram;
  for (int us = 1; us <= 1'000; ++us) histogram.add(std::chrono::microseconds(us));
  const Distribution distribution = histogram.read();
  EXPECT_EQ(distribution.count(), 1'000U);
  EXPECT_EQ(distribution.sum_ns, 500'500'000U);
  const auto near = [](Nanoseconds time, Nanoseconds exact) { return time > exact && time <= exact * 9 / 8; };
  EXPECT_TRUE(near(distribution.quantile(0.5), 500us));
  EXPECT_TRUE(near(distribution.quantile(0.99), 990us));
  EXPECT_TRUE(near(distribution.quantile(0.999), 999us));
  EXPECT_TRUE(near(distribution.max(), 1'000us));
  EXPECT_TRUE(near(distribution.quantile(0), 1us));
  EXPECT_EQ(Distribution().quantile(0.5), 0ns);
  EXPECT_EQ(Distribution().max(), 0ns);
}

TEST(Histogram, OneEntryMayStandForMany) {
  Histogram histogram;
  histogram.add(100ns, 16);
  histogram.add(1ms);
  const Distribution distribution = histogram.read();
  EXPECT_EQ(distribution.count(), 17U);
  EXPECT_EQ(distribution.sum_ns, 1'001'600U);
  EXPECT_LT(distribution.quantile(0.9), 128ns);
  EXPECT_GT(distribution.max(), 1ms);
}

TEST(Histogram, CountsWhatIsShorterThanAPowerOfTwo) {
  Histogram histogram;
  for (const int ns : {10, 100, 127, 128, 1'000, 1'023, 1'024}) histogram.add(Nanoseconds(ns));
  const Distribution distribution = histogram.read();
  EXPECT_EQ(distribution.count_below(6), 1U);
  EXPECT_EQ(distribution.count_below(7), 3U);
  EXPECT_EQ(distribution.count_below(8), 4U);
  EXPECT_EQ(distribution.count_below(10), 6U);
  EXPECT_EQ(distribution.count_below(11), 7U);
  EXPECT_EQ(distribution.count_below(kOctaveFirst + kOctaves - 1), 7U);
}

TEST(Histogram, DistributionsAddUpAndCanBeTakenAwayAgain) {
  Histogram histogram;
  histogram.add(1us, 3);
  const Distribution earlier = histogram.read();
  histogram.add(1ms, 2);
  Distribution since = histogram.read();
  since -= earlier;
  EXPECT_EQ(since.count(), 2U);
  EXPECT_EQ(since.sum_ns, 2'000'000U);
  EXPECT_GT(since.quantile(0), 1ms);
  since += earlier;
  EXPECT_EQ(since.count(), 5U);
}

TEST(Stopwatch, LapsAddUpToTheWholeTime) {
  const auto begin = std::chrono::steady_clock::now();
  Stopwatch stopwatch;
  stopwatch.start();
  Nanoseconds sum{0};
  for (int i = 0; i < 100; ++i) {
    const Nanoseconds lap = stopwatch.lap();
    EXPECT_GE(lap, 0ns);
    sum += lap;
  }
  EXPECT_LE(sum, std::chrono::steady_clock::now() - begin);
}

}  // namespace
}  // namespace kv::observability
