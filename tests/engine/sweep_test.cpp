// Sweeping: the memory of expired entries comes back though nobody touches them.
#include <string>

#include <gtest/gtest.h>

#include "engine/recording_sink.hpp"
#include "engine/shard.hpp"
#include "engine/test_engine.hpp"
#include "support/base/random.hpp"

namespace kv::engine {
namespace {

using test::call_at;
using test::Seen;
using test::TestEngine;
using test::TestWaiter;

class Sweep : public testing::Test, public TestEngine {};

TEST_F(Sweep, GivesBackWhatHasExpiredAndNothingElse) {
  for (int i = 0; i < 3'000; ++i) {
    const std::string key = std::to_string(i);
    const std::size_t size = i % 50 == 0 ? 3'000 : static_cast<std::size_t>(i) % 300;
    put(key, std::string(size, 'x'), i % 3 == 0 ? 0 : now + static_cast<UnixMillis>(i % 3) * 10);
  }
  now += 9;
  sweep();
  EXPECT_EQ(engine.usage().entries, 3'000U);
  ++now;
  sweep();
  EXPECT_EQ(engine.usage().entries, 2'000U);
  EXPECT_EQ(engine.usage().expired_total, 1'000U);
  now += 10;
  sweep();
  EXPECT_EQ(engine.usage().entries, 1'000U);
  for (int i = 0; i < 3'000; ++i) EXPECT_EQ(has(std::to_string(i)), i % 3 == 0) << i;
  for (int i = 0; i < 3'000; ++i) remove(std::to_string(i));
  EXPECT_EQ(engine.usage().data_bytes, 0U);
}

TEST_F(Sweep, SeesDeadlinesThatWereSetLater) {
  put("small", "value");
  put("large", std::string(5'000, 'x'));
  ASSERT_TRUE(lock("lock", "owner", 1'000'000));
  sweep();
  for (const char* key : {"small", "large", "lock"}) set_deadline(key, now + 10);
  now += 10;
  sweep();
  EXPECT_EQ(engine.usage().entries, 0U);
}

TEST_F(Sweep, LeavesAloneWhatLivesLongerNow) {
  put("small", "value", now + 10);
  put("large", std::string(5'000, 'x'), now + 10);
  put("put again", "value", now + 10);
  set_deadline("small", now + 20);
  set_deadline("large", 0);
  put("put again", "value");
  now += 10;
  sweep();
  EXPECT_EQ(engine.usage().entries, 3U);
  now += 10;
  sweep();
  EXPECT_EQ(engine.usage().entries, 2U);
}

TEST_F(Sweep, HandsOverWhatIsWaitedFor) {
  put("key", "value", now + 10);
  TestWaiter waiter;
  wait("key", waiter, "waiter", 5);
  now += 10;
  sweep();
  EXPECT_EQ(get("key"), (Seen{"waiter", now + 5, true}));
  now += 5;
  sweep();
  EXPECT_EQ(engine.usage().entries, 0U);
  EXPECT_EQ(engine.leave("key", waiter, call_at(now)).state, Engine::Acquired::State::kHeld);
}

// Deadlines in any order, sweeps at any time: after a sweep nothing that has expired is left.
TEST_F(Sweep, MissesNothing) {
  test::Random random;
  for (int step = 0; step < 3'000; ++step) {
    const std::string key = std::to_string(random.below(500));
    const UnixMillis deadline = random.one_in(4) ? 0 : now + 1 + random.below(50);
    switch (random.below(4)) {
      case 0:
        remove(key);
        break;
      case 1:
        set_deadline(key, deadline);
        break;
      default:
        put(key, std::string(random.one_in(8) ? 2'000 : random.below(60), 'x'), deadline);
    }
    now += random.below(3);
    if (!random.one_in(10)) continue;
    sweep();
    ASSERT_EQ(engine.usage().entries, scan().size());
  }
}

TEST_F(Sweep, PausesWhileTheSinkAcceptsNoUpkeep) {
  test::RecordingSink sink;
  engine.set_mutation_sink(&sink);
  for (int i = 0; i < 3'000; ++i) put("key " + std::to_string(i), "value", now + 1);
  put("waited for", "value", now + 1);
  TestWaiter waiter;
  wait("waited for", waiter, "waiter");
  now += 1;

  sink.accept_upkeep_until(0);
  sweep();
  EXPECT_EQ(engine.usage().entries, 3'001U);
  engine.hand_over_expired(now);
  EXPECT_EQ(waiter.grants, 1) << "this doesn't wait for better times";
  EXPECT_EQ(engine.usage().entries, 3'001U);

  // In the middle of a shard the sink has had enough.
  sink.accept_upkeep_until(number(sink.last()) + 100);
  sweep();
  EXPECT_LE(engine.usage().entries, 2'901U);
  EXPECT_GT(engine.usage().entries, 2'800U);

  sink.accept_upkeep_until(~std::uint64_t{0});
  sweep();
  EXPECT_EQ(engine.usage().entries, 1U);
  engine.leave("waited for", waiter, call_at(now));
  engine.set_mutation_sink(nullptr);
}

// A sweep lets others at the shard between its steps. What they move from where it has not been yet to where it has
// been must not be forgotten.
class SweepSteps : public testing::Test {
 protected:
  void put(const std::string& key, const std::string& data, UnixMillis deadline) {
    const ExclusiveGuard guard(shard.mutex);
    const KeyHash hash = context.hasher(key);
    const value::ValueView value{value::ValueType::kBytes, data};
    shard.put(shard.find_live(hash, key, operation), hash, {key, value, deadline, false}, nullptr, operation);
  }
  void remove(const std::string& key) {
    const ExclusiveGuard guard(shard.mutex);
    const KeyHash hash = context.hasher(key);
    shard.vacate(shard.find_live(hash, key, operation), hash, key, operation);
  }
  bool sweep(std::size_t count) {
    const ExclusiveGuard guard(shard.mutex);
    return shard.sweep(at, count, operation);
  }
  void begin_sweep() {
    const ExclusiveGuard guard(shard.mutex);
    shard.begin_sweep();
  }

  ShardContext context{};
  Call call{1'000};
  Operation operation{call, nullptr};
  Shard shard{context};
  EntryPool::WalkPosition at;
};

TEST_F(SweepSteps, AnEntryThatMovesBackIsNotForgotten) {
  for (const std::size_t size : {std::size_t{10}, std::size_t{2'000}}) {
    for (int i = 0; i < 10; ++i) put(std::to_string(i), std::string(size, 'x'), 5'000 + static_cast<UnixMillis>(i));
    put("soon", std::string(size, 'x'), 2'000);
    at = {};
    begin_sweep();
    EXPECT_TRUE(sweep(3));
    remove("0");  // and "soon", the last of its kind, takes its place
    while (sweep(3)) {
    }
    EXPECT_LE(shard.next_due(), 2'000U) << size << " bytes";
    remove("soon");
  }
}

TEST_F(SweepSteps, AnEntryThatComesMeanwhileIsNotForgotten) {
  for (int i = 0; i < 10; ++i) put(std::to_string(i), "value", 5'000);
  begin_sweep();
  EXPECT_TRUE(sweep(5));
  put("3", "value", 1'500);
  while (sweep(5)) {
  }
  EXPECT_EQ(shard.next_due(), 1'500U);
}

}  // namespace
}  // namespace kv::engine
