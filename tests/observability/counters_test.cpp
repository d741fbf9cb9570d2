#include "kv/observability/counters.hpp"

#include <atomic>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace kv::observability {
namespace {

std::uint64_t sum(const auto& cells) {
  return std::accumulate(cells.begin(), cells.end(), std::uint64_t{0});
}

TEST(Counters, BeginAtZero) {
  const Counters counters;
  const Counters::Totals totals = counters.totals();
  EXPECT_EQ(sum(totals.counters) + sum(totals.errors), 0U);
  EXPECT_TRUE(totals.commands.empty());
}

TEST(Counters, CountEachThingForItself) {
  Counters counters;
  counters.add(Counter::kHits);
  counters.add(Counter::kHits, 4);
  counters.add(Counter::kTimeouts);
  counters.add(Counter::kBytesSent, std::uint64_t{1} << 40);
  counters.add_ok(0x00);
  counters.add_ok(0xFF);
  counters.add_ok(0xFF);
  counters.add_null(0xFF);
  counters.add_failed(0xFF, Errc::kReplyTooLarge);
  counters.add_error(Errc::kKey);
  counters.add_latency(0x00, Nanoseconds(1'000), 5);
  Counters::Totals totals = counters.totals();
  EXPECT_EQ(totals[Counter::kHits], 5U);
  EXPECT_EQ(totals[Counter::kMisses], 0U);
  EXPECT_EQ(totals[Counter::kTimeouts], 1U);
  EXPECT_EQ(totals[Counter::kBytesSent], std::uint64_t{1} << 40);
  EXPECT_EQ(totals.commands.size(), 2U) << "those that were used";
  EXPECT_EQ(totals.commands[0x00].calls(), 1U);
  EXPECT_EQ(totals.commands[0x00].latency.count(), 5U);
  EXPECT_EQ(totals.commands[0x00].latency.sum_ns, 5'000U);
  EXPECT_EQ(totals.commands[0xFF].calls(), 4U);
  EXPECT_EQ(totals.commands[0xFF].replies[0], 2U);
  EXPECT_EQ(totals.commands[0xFF].nulls, 1U);
  EXPECT_EQ(totals.commands[0xFF].replies[static_cast<std::size_t>(Errc::kReplyTooLarge)], 1U);
  EXPECT_EQ(totals.commands[0xFF].latency.count(), 0U);
  EXPECT_EQ(totals.errors[static_cast<std::size_t>(Errc::kReplyTooLarge)], 1U);
  EXPECT_EQ(totals.errors[static_cast<std::size_t>(Errc::kKey)], 1U);
  EXPECT_EQ(sum(totals.errors), 2U);
}

TEST(Counters, AThreadMayCountForSeveral) {
  Counters one;
  Counters other;
  for (int i = 0; i < 100; ++i) {
    one.add(Counter::kHits);
    other.add(Counter::kMisses, 2);
  }
  EXPECT_EQ(one.totals()[Counter::kHits], 100U);
  EXPECT_EQ(one.totals()[Counter::kMisses], 0U);
  EXPECT_EQ(other.totals()[Counter::kMisses], 200U);
}

// A thread remembers where it counted last; that place must not be taken for one of a later object.
TEST(Counters, ANewOneIsNotTakenForOneThatHasGone) {
  for (int i = 0; i < 50; ++i) {
    const auto counters = std::make_unique<Counters>();
    EXPECT_EQ(counters->totals()[Counter::kHits], 0U);
    counters->add(Counter::kHits);
    EXPECT_EQ(counters->totals()[Counter::kHits], 1U);
  }
}

TEST(CountersThreads, AddUpAndNeverGoBackWhileOthersCount) {
  Counters counters;
  constexpr int kThreads = 4;
  constexpr std::uint64_t kRounds = 20'000;
  std::atomic<int> running{kThreads};
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (std::uint64_t round = 0; round < kRounds; ++round) {
        counters.add(Counter::kBytesReceived, 3);
        counters.add_ok(0x01);
        counters.add_latency(0x01, Nanoseconds(100), 2);
        counters.add_error(Errc::kBusy);
      }
      --running;
    });
  }
  std::uint64_t last = 0;
  while (running != 0) {
    const Counters::Totals totals = counters.totals();
    const std::uint64_t now = totals[Counter::kBytesReceived];
    EXPECT_GE(now, last);
    last = now;
  }
  threads.clear();
  Counters::Totals totals = counters.totals();
  EXPECT_EQ(totals[Counter::kBytesReceived], 3 * kThreads * kRounds) << "threads that have ended still count";
  EXPECT_EQ(totals.commands[0x01].calls(), kThreads * kRounds);
  EXPECT_EQ(totals.commands[0x01].latency.count(), 2 * kThreads * kRounds);
  EXPECT_EQ(totals.errors[static_cast<std::size_t>(Errc::kBusy)], kThreads * kRounds);
}

}  // namespace
}  // namespace kv::observability
