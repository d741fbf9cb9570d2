// Locks, and those who wait for a key.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/test_engine.hpp"

namespace kv::engine {
namespace {

using test::call_at;
using test::Seen;
using test::TestEngine;
using test::TestWaiter;
using Acquired = Engine::Acquired;

constexpr std::uint64_t kTokensPerMs = 65'536;

class Lock : public testing::Test, public TestEngine {
 protected:
  Acquired acquire(ByteView key, ByteView owner, std::uint64_t ttl_ms = 1'000) {
    return engine.acquire(key, owner, ttl_ms, call_at(now), nullptr);
  }
};

TEST_F(Lock, IsAnEntryWhoseValueIsItsOwner) {
  EXPECT_TRUE(lock("key", "owner", 500));
  EXPECT_EQ(get("key"), (Seen{"owner", now + 500, true}));
  engine.read("key", call_at(now),
              [](const EntryView& entry) { EXPECT_EQ(entry.value.type, value::ValueType::kString); });
}

TEST_F(Lock, IsRefusedWhileTheKeyIsPresent) {
  put("forever", "value");
  put("for a while", "value", now + 300);
  ASSERT_TRUE(lock("lock", "owner", 500));
  now += 100;
  EXPECT_EQ(acquire("forever", "other").state, Acquired::State::kRefused);
  EXPECT_EQ(acquire("forever", "other").remaining_ms, ~std::uint64_t{0});
  EXPECT_EQ(acquire("for a while", "other").remaining_ms, 200U);
  EXPECT_EQ(acquire("lock", "other").remaining_ms, 400U);
  EXPECT_EQ(acquire("lock", "owner").state, Acquired::State::kRefused) << "not re-entrant";
  EXPECT_EQ(owner("lock"), "owner");
  now += 400;
  EXPECT_EQ(acquire("lock", "other").state, Acquired::State::kHeld);
}

TEST_F(Lock, TokensGrowAcrossKeysAndAreNeverBelowTheTime) {
  std::uint64_t last = now * kTokensPerMs - 1;
  for (int i = 0; i < 200; ++i) {
    if (i % 50 == 49) now += 3;
    const Acquired acquired = acquire("key " + std::to_string(i), "owner");
    ASSERT_EQ(acquired.state, Acquired::State::kHeld);
    EXPECT_GT(acquired.token, last);
    EXPECT_GE(acquired.token, now * kTokensPerMs);
    last = acquired.token;
  }
  EXPECT_LT(last, (now + 1) * kTokensPerMs);
}

TEST_F(Lock, PutMakesAnOrdinaryValueOfIt) {
  ASSERT_TRUE(lock("key", "owner"));
  put("key", "owner", now + 1'000);
  EXPECT_EQ(get("key"), (Seen{"owner", now + 1'000, false}));
  EXPECT_EQ(owner("key"), std::nullopt);
}

// Waiters ----------------------------------------------------------------------------------------------------------

TEST_F(Lock, WaitersAreServedInTheOrderTheyCame) {
  ASSERT_TRUE(lock("key", "holder"));
  std::vector<std::unique_ptr<TestWaiter>> waiters;
  for (int i = 0; i < 5; ++i)
    wait("key", *waiters.emplace_back(std::make_unique<TestWaiter>()), "w" + std::to_string(i));
  EXPECT_EQ(engine.usage().waiters, 5U);
  std::uint64_t last_token = 0;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(waiters[static_cast<std::size_t>(i)]->grants, 0);
    ++now;
    remove("key");
    EXPECT_EQ(waiters[static_cast<std::size_t>(i)]->grants, 1);
    EXPECT_EQ(get("key"), (Seen{"w" + std::to_string(i), now + 1'000, true}));
    const Acquired acquired = engine.leave("key", *waiters[static_cast<std::size_t>(i)], call_at(now));
    EXPECT_EQ(acquired.state, Acquired::State::kHeld);
    EXPECT_GT(acquired.token, last_token);
    EXPECT_GE(acquired.token, now * kTokensPerMs);
    last_token = acquired.token;
  }
  EXPECT_EQ(engine.usage().waiters, 0U);
  remove("key");
  EXPECT_FALSE(has("key"));
}

TEST_F(Lock, WhoCanHaveTheKeyAtOnceDoesNotWait) {
  TestWaiter waiter;
  const Acquired acquired = engine.acquire("key", "owner", 500, call_at(now), &waiter);
  EXPECT_EQ(acquired.state, Acquired::State::kHeld);
  EXPECT_GT(acquired.token, 0U);
  EXPECT_EQ(waiter.grants, 0);
  EXPECT_EQ(engine.usage().waiters, 0U);
}

TEST_F(Lock, ATtlCountsFromTheGrant) {
  ASSERT_TRUE(lock("key", "holder", 10'000));
  TestWaiter waiter;
  wait("key", waiter, "waiter", 700);
  now += 5'000;
  remove("key");
  EXPECT_EQ(get("key")->deadline, now + 700);
  EXPECT_EQ(engine.leave("key", waiter, call_at(now)).state, Acquired::State::kHeld);
}

TEST_F(Lock, AGrantNeverOutlivesTheLastDeadlineThereIs) {
  now = kDeadlineMax - 10;
  put("key", "value");
  TestWaiter waiter;
  wait("key", waiter, "waiter", 1'000);
  remove("key");
  EXPECT_EQ(get("key")->deadline, kDeadlineMax);
  engine.leave("key", waiter, call_at(now));
}

// Whatever takes a key away, the first in line holds it at once: the very call that removed it leaves no gap.
TEST_F(Lock, EveryKindOfRemovalHandsTheKeyOver) {
  struct Removal {
    const char* name;
    std::function<void()> run;
  };
  const std::vector<Removal> removals{
      {"modify", [&] { remove("key"); }},
      {"remove_many",
       [&] {
         EXPECT_EQ(remove_many({"key", "other", "key"}), 1U);
       }},
      {"flush", [&] { EXPECT_EQ(engine.flush(call_at(now)), 1U); }},
      {"expiry, read", [&] { now += 1'000, has("key"); }},
      {"expiry, read_many",
       [&] {
         now += 1'000, get_many({"other", "key"});
       }},
      {"expiry, modify", [&] { now += 1'000, get_exclusively("key"); }},
      {"expiry, acquire", [&] { now += 1'000, lock("key", "late"); }},
      {"expiry, another one leaves",
       [&] {
         TestWaiter other;
         wait("key", other, "other");
         now += 1'000;
         EXPECT_EQ(engine.leave("key", other, call_at(now)).state, Acquired::State::kRefused);
       }},
      {"hand_over_expired", [&] { now += 1'000, engine.hand_over_expired(now); }},
      {"sweep", [&] { now += 1'000, sweep(); }},
  };
  for (const std::string& data : {std::string("value"), std::string(5'000, 'x'), std::string()}) {
    for (const Removal& removal : removals) {
      data.empty() ? void(lock("key", "holder", 1'000)) : put("key", data, now + 1'000);
      TestWaiter first;
      TestWaiter second;
      wait("key", first, "first", 5'000);
      wait("key", second, "second", 5'000);
      removal.run();
      EXPECT_EQ(first.grants, 1) << removal.name;
      EXPECT_EQ(second.grants, 0) << removal.name;
      EXPECT_EQ(get("key"), (Seen{"first", now + 5'000, true})) << removal.name;
      EXPECT_EQ(engine.leave("key", second, call_at(now)).remaining_ms, 5'000U) << removal.name;
      EXPECT_EQ(engine.leave("key", first, call_at(now)).state, Acquired::State::kHeld) << removal.name;
      engine.flush(call_at(now));
    }
  }
}

// The expiry comes first: it makes the first in line the holder, whose lock is what the removal removes.
TEST_F(Lock, ARemovalOfAnExpiredKeyFreesTheLockOfTheFirstInLine) {
  put("key", "value", now + 10);
  TestWaiter first;
  TestWaiter second;
  wait("key", first, "first");
  wait("key", second, "second");
  now += 10;
  EXPECT_TRUE(remove("key"));
  EXPECT_EQ(first.grants, 1);
  EXPECT_EQ(owner("key"), "second");
  EXPECT_EQ(engine.leave("key", first, call_at(now)).state, Acquired::State::kHeld);
  EXPECT_EQ(engine.leave("key", second, call_at(now)).state, Acquired::State::kHeld);
}

TEST_F(Lock, AChangeThatKeepsTheKeyGrantsNothing) {
  ASSERT_TRUE(lock("key", "holder"));
  TestWaiter waiter;
  wait("key", waiter, "waiter");
  put("key", "value");
  put_many({{"key", "other value"}});
  set_deadline("key", now + 10'000);
  set_deadline("key", 0);
  now += 100'000;
  engine.hand_over_expired(now);
  EXPECT_EQ(waiter.grants, 0);
  EXPECT_EQ(get("key"), (Seen{"other value", 0, false}));
  EXPECT_EQ(engine.leave("key", waiter, call_at(now)).remaining_ms, ~std::uint64_t{0});
}

TEST_F(Lock, ARemovalOfSeveralNamesOfAKeyTakesItOnce) {
  ASSERT_TRUE(lock("key", "holder"));
  TestWaiter first;
  TestWaiter second;
  wait("key", first, "first");
  wait("key", second, "second");
  EXPECT_EQ(remove_many({"key", "key", "key"}), 1U);
  EXPECT_EQ(owner("key"), "first");
  EXPECT_EQ(second.grants, 0);
  engine.leave("key", first, call_at(now));
  engine.leave("key", second, call_at(now));
}

TEST_F(Lock, NobodySeesAKeyAbsentBetweenTwoHolders) {
  ASSERT_TRUE(lock("key", "holder", 10));
  TestWaiter waiter;
  wait("key", waiter, "waiter");
  now += 10;
  // SCAN looks without changing anything, so the key is there before it is handed over.
  EXPECT_EQ(scan(), test::Keys{"key"});
  EXPECT_TRUE(get_many({"key"})[0].has_value());
  EXPECT_EQ(waiter.grants, 1);
  engine.leave("key", waiter, call_at(now));
}

TEST_F(Lock, WhoLeavesTheLineGetsNothing) {
  ASSERT_TRUE(lock("key", "holder", 400));
  TestWaiter first;
  TestWaiter second;
  TestWaiter third;
  wait("key", first, "first");
  wait("key", second, "second");
  wait("key", third, "third");
  now += 100;
  const Acquired refused = engine.leave("key", second, call_at(now));
  EXPECT_EQ(refused.state, Acquired::State::kRefused);
  EXPECT_EQ(refused.remaining_ms, 300U);
  EXPECT_EQ(engine.leave("key", first, call_at(now)).state, Acquired::State::kRefused);
  remove("key");
  EXPECT_EQ(owner("key"), "third");
  EXPECT_EQ(first.grants + second.grants, 0);
  EXPECT_EQ(engine.leave("key", third, call_at(now)).state, Acquired::State::kHeld);
  EXPECT_EQ(engine.usage().waiters, 0U);
}

TEST_F(Lock, WhoLeavesAnExpiredKeyAsTheFirstInLineHoldsIt) {
  ASSERT_TRUE(lock("key", "holder", 400));
  TestWaiter waiter;
  wait("key", waiter, "waiter", 1'000);
  now += 400;
  EXPECT_EQ(engine.leave("key", waiter, call_at(now)).state, Acquired::State::kHeld);
  EXPECT_EQ(get("key"), (Seen{"waiter", now + 1'000, true}));
}

TEST_F(Lock, AGrantThatIsGivenBackGoesToTheNext) {
  ASSERT_TRUE(lock("key", "holder"));
  TestWaiter first;
  TestWaiter second;
  wait("key", first, "first");
  wait("key", second, "second");
  remove("key");
  ASSERT_EQ(engine.leave("key", first, call_at(now)).state, Acquired::State::kHeld);
  engine.give_back("key", first, now);
  EXPECT_EQ(owner("key"), "second");
  ASSERT_EQ(engine.leave("key", second, call_at(now)).state, Acquired::State::kHeld);
  engine.give_back("key", second, now);
  EXPECT_FALSE(has("key"));
}

TEST_F(Lock, AKeyThatHasChangedHandsIsNotGivenBack) {
  const std::vector<std::function<void()>> changes{
      [&] { put("key", "first"); },
      [&] { remove("key"), lock("key", "other"); },
      [&] { set_deadline("key", now + 9'000); },
      [&] { now += 1'000, lock("key", "first", 1'000); },
  };
  for (const auto& change : changes) {
    ASSERT_TRUE(lock("key", "holder"));
    TestWaiter waiter;
    wait("key", waiter, "first", 1'000);
    remove("key");
    ASSERT_EQ(engine.leave("key", waiter, call_at(now)).state, Acquired::State::kHeld);
    change();
    const auto before = get("key");
    engine.give_back("key", waiter, now);
    EXPECT_EQ(get("key"), before);
    engine.flush(call_at(now));
  }
}

TEST_F(Lock, HandOverTellsTheNextDeadlineOfAKeyThatIsWaitedFor) {
  constexpr UnixMillis kNone = ~UnixMillis{0};
  EXPECT_EQ(engine.hand_over_expired(now), kNone);
  ASSERT_TRUE(lock("unwaited", "holder", 50));
  ASSERT_TRUE(lock("a", "holder", 300));
  ASSERT_TRUE(lock("b", "holder", 200));
  put("forever", "value");
  EXPECT_EQ(engine.hand_over_expired(now), kNone) << "nobody waits";
  TestWaiter on_a;
  TestWaiter on_b;
  TestWaiter on_b_too;
  TestWaiter on_forever;
  wait("a", on_a, "wa", 1'000);
  wait("b", on_b, "wb", 1'000);
  wait("b", on_b_too, "wb2", 1'000);
  wait("forever", on_forever, "wf");
  const UnixMillis start = now;
  EXPECT_EQ(engine.hand_over_expired(now), start + 200);
  now += 199;
  EXPECT_EQ(engine.hand_over_expired(now), start + 200);
  EXPECT_EQ(on_b.grants, 0);
  ++now;
  EXPECT_EQ(engine.hand_over_expired(now), start + 300);
  EXPECT_EQ(on_b.grants, 1);
  now += 500;
  EXPECT_EQ(engine.hand_over_expired(now), start + 1'200) << "b is still waited for, a is not";
  EXPECT_EQ(on_a.grants, 1);
  EXPECT_EQ(on_b_too.grants, 0);
  engine.leave("b", on_b_too, call_at(now));
  engine.leave("forever", on_forever, call_at(now));
  EXPECT_EQ(engine.hand_over_expired(now), kNone);
}

// The alarm hears of every deadline that somebody may be waiting for, and of no other.
TEST_F(Lock, TheAlarmIsToldOfDeadlinesThatAreWaitedFor) {
  class Alarm final : public DeadlineAlarm {
   public:
    void wake_by(UnixMillis deadline) override { deadlines.push_back(deadline); }
    std::vector<UnixMillis> deadlines;
  };
  Alarm alarm;
  engine.set_deadline_alarm(&alarm);
  ASSERT_TRUE(lock("key", "holder", 400));
  set_deadline("key", now + 500);
  EXPECT_TRUE(alarm.deadlines.empty());
  TestWaiter waiter;
  wait("key", waiter, "waiter", 700);
  EXPECT_EQ(alarm.deadlines, std::vector{now + 500});
  set_deadline("key", now + 300);
  put("key", "value", now + 100);
  put("key", std::string(5'000, 'x'), now + 90);
  put("key", "value");
  EXPECT_EQ(alarm.deadlines, (std::vector{now + 500, now + 300, now + 100, now + 90}));
  set_deadline("key", now + 80);
  EXPECT_EQ(alarm.deadlines.back(), now + 80);
  engine.leave("key", waiter, call_at(now));
  const std::size_t heard = alarm.deadlines.size();
  set_deadline("key", now + 70);
  EXPECT_EQ(alarm.deadlines.size(), heard);
  engine.set_deadline_alarm(nullptr);
}

}  // namespace
}  // namespace kv::engine
