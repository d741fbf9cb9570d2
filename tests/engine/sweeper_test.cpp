// The sweeper's thread, with the real clock.
#include "kv/engine/sweeper.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/test_engine.hpp"
#include "support/base/wait.hpp"

namespace kv::engine {
namespace {

using test::call_at;
using test::TestEngine;
using test::TestWaiter;
using test::wait_until;
using Acquired = Engine::Acquired;

class SweeperThreads : public testing::Test, public TestEngine {
 protected:
  SweeperThreads() : TestEngine({.shards = 5}) { now = clock.now(); }

  SystemClock clock;
  Sweeper sweeper{engine, clock};
};

TEST_F(SweeperThreads, HandsAKeyOverAtItsDeadlineWithoutATouch) {
  ASSERT_TRUE(lock("key", "holder", 150));
  TestWaiter waiter;
  wait("key", waiter, "waiter", 60'000);
  const UnixMillis deadline = now + 150;
  ASSERT_TRUE(wait_until([&] { return waiter.grants == 1; }));
  EXPECT_GE(clock.now(), deadline);
  now = clock.now();
  EXPECT_GE(get("key")->deadline, deadline + 60'000);
  EXPECT_EQ(engine.leave("key", waiter, call_at(now)).state, Acquired::State::kHeld);
}

TEST_F(SweeperThreads, HandsADeadlineOverThatWasSetWhileSomebodyWaited) {
  ASSERT_TRUE(lock("key", "holder", 3'600'000));
  TestWaiter waiter;
  wait("key", waiter, "waiter", 60'000);
  now = clock.now();
  set_deadline("key", now + 50);
  ASSERT_TRUE(wait_until([&] { return waiter.grants == 1; }));
  engine.leave("key", waiter, call_at(clock.now()));
}

TEST_F(SweeperThreads, HandsAKeyDownTheLine) {
  ASSERT_TRUE(lock("key", "holder", 20));
  std::vector<TestWaiter> waiters(5);
  for (TestWaiter& waiter : waiters) wait("key", waiter, "waiter", 20);
  for (TestWaiter& waiter : waiters) ASSERT_TRUE(wait_until([&] { return waiter.grants == 1; }));
  std::uint64_t last_token = 0;
  for (TestWaiter& waiter : waiters) {
    const Acquired acquired = engine.leave("key", waiter, call_at(clock.now()));
    EXPECT_EQ(acquired.state, Acquired::State::kHeld);
    EXPECT_GT(acquired.token, last_token);
    last_token = acquired.token;
  }
}

TEST_F(SweeperThreads, GivesMemoryBackWithoutATouch) {
  for (int i = 0; i < 2'000; ++i) put(std::to_string(i), std::string(100, 'x'), now + 50);
  put("stays", "value");
  ASSERT_TRUE(wait_until([&] { return engine.usage().entries == 1; }));
  EXPECT_EQ(engine.usage().expired_total, 2'000U);
  EXPECT_EQ(get("stays")->data, "value");
}

TEST_F(SweeperThreads, FarDeadlinesDoNotKeepItFromNearOnes) {
  ASSERT_TRUE(lock("far", "holder", 3'600'000));
  TestWaiter far;
  wait("far", far, "waiter");
  ASSERT_TRUE(lock("near", "holder", 30));
  TestWaiter near;
  wait("near", near, "waiter");
  ASSERT_TRUE(wait_until([&] { return near.grants == 1; }));
  EXPECT_EQ(far.grants, 0);
  engine.leave("far", far, call_at(clock.now()));
  engine.leave("near", near, call_at(clock.now()));
}

TEST(SweeperThreadsEnd, StopsPromptlyHoweverFarTheNextDeadline) {
  for (int i = 0; i < 20; ++i) {
    TestEngine engine;
    const SystemClock clock;
    engine.now = clock.now();
    ASSERT_TRUE(engine.lock("key", "holder", 3'600'000));
    TestWaiter waiter;
    const auto begin = std::chrono::steady_clock::now();
    {
      const Sweeper sweeper(engine.engine, clock);
      engine.wait("key", waiter, "waiter");
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
    engine.engine.leave("key", waiter, call_at(clock.now()));
  }
}

}  // namespace
}  // namespace kv::engine
