// ACQUIRE by one client at a time: the lock it makes, how long it waits, and its fencing tokens.
#include <chrono>

#include "integration/waiting_test.hpp"

namespace kv::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

using Acquire = WaitingTest;

std::uint64_t unix_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(now).count());
}

TEST_F(Acquire, MakesTheLockThatLockMakes) {
  granted(call(acquire("k", "me", kLongMs)));
  EXPECT_EQ(call(get("k")), ok(encode_string("me")));
  EXPECT_EQ(call(lock("k", "you")), ok_bool(false));
  EXPECT_EQ(call(unlock("k", "you")), error("LOCKED"));
  EXPECT_EQ(call(extend("k", "me", 2 * kLongMs)), ok_bool(true));
  EXPECT_EQ(call(unlock("k", "me")), ok_bool(true));
  EXPECT_EQ(call(get("k")), null());
}

TEST_F(Acquire, TtlZeroMeans30Seconds) {
  granted(call(acquire("k", "me", 0)));
  const std::int64_t left = call(ttl("k")).i64();
  EXPECT_LE(left, 30'000);
  EXPECT_GT(left, 10'000);
}

TEST_F(Acquire, WithoutAWaitItAnswersTheHoldersRemainingTime) {
  granted(call(acquire("k", "me", kLongMs)));
  for (const char* owner : {"you", "me"}) {
    const std::uint64_t remaining = refused(call(acquire("k", owner, kLongMs, 0)));
    EXPECT_LE(remaining, kLongMs);
    EXPECT_GT(remaining, kLongMs - 60'000);
  }
  EXPECT_EQ(call(get("k")), ok(encode_string("me")));
}

TEST_F(Acquire, TheRemainingTimeOfAKeyWithoutExpiryIsTheLargestNumber) {
  call(set("value", encode_int(1)));
  EXPECT_EQ(refused(call(acquire("value", "me"))), kForever);
  call(lock("lock", "you", kLongMs));
  call(persist("lock"));
  EXPECT_EQ(refused(call(acquire("lock", "me"))), kForever);
}

TEST_F(Acquire, GivesUpWhenTheWaitIsOver) {
  call(lock("k", "you", kLongMs));
  const auto before = steady_clock::now();
  const std::uint64_t remaining = refused(call(acquire("k", "me", kLongMs, 300)));
  EXPECT_GE(steady_clock::now() - before, milliseconds(290));
  EXPECT_LE(remaining, kLongMs - 290);
  EXPECT_EQ(call(get("k")), ok(encode_string("you")));
  EXPECT_EQ(call(unlock("k", "you")), ok_bool(true));
  EXPECT_EQ(call(get("k")), null()) << "who gave up isn't in the queue any more";
}

TEST_F(Acquire, WaitsUpToADayAndNoLonger) {
  constexpr std::uint64_t kDayMs = 86'400'000;
  granted(call(acquire("k", "me", kLongMs, kDayMs)));
  EXPECT_EQ(call(acquire("other", "me", kLongMs, kDayMs + 1)), invalid("ARGUMENT"));
  EXPECT_EQ(call(exists("other")), ok_bool(false));
}

TEST_F(Acquire, TokensGrowOverAllKeysAndStartAtTheTime) {
  const std::uint64_t before = unix_ms();
  std::uint64_t last = (before - 1'000) * 65'536;  // the two clocks may differ by their rounding
  for (int i = 0; i < 1'000; ++i) {
    const std::string key = "k" + std::to_string(i % 7);
    const std::uint64_t token = granted(call(acquire(key, "me", kLongMs)));
    EXPECT_GT(token, last);
    last = token;
    call(unlock(key, "me"));
    if (i % 3 == 0) {
      call(test::lock(key, "me"));
      call(del(key));
    }
  }
  EXPECT_LT(last, (unix_ms() + 60'000) * 65'536) << "a token far ahead of the clock would outlive a restart";
}

TEST_F(Acquire, TheTtlCountsFromTheAcquisition) {
  call(lock("k", "you", 300));
  const auto before = steady_clock::now();
  granted(call(acquire("k", "me", kLongMs, kLongMs)));
  EXPECT_GE(steady_clock::now() - before, milliseconds(200));
  EXPECT_GT(call(ttl("k")).i64(), static_cast<std::int64_t>(kLongMs) - 200);
}

TEST_F(Acquire, LaterFramesOfTheConnectionWaitBehindIt) {
  call(lock("k", "you", kLongMs));
  RawClient waiter = start_waiting("k", "me");
  waiter.send(set("later", encode_int(1)) + get("k"));
  // Nothing can prove that it never runs; a hundred requests of another connection overtake it.
  for (int i = 0; i < 100; ++i) EXPECT_EQ(call(exists("later")), ok_bool(false));
  EXPECT_TRUE(waiter.is_quiet());
  call(unlock("k", "you"));
  granted(waiter.receive());
  EXPECT_EQ(waiter.receive(), ok());
  EXPECT_EQ(waiter.receive(), ok(encode_string("me")));
  EXPECT_EQ(call(exists("later")), ok_bool(true));
}

TEST_F(Acquire, APipelineOfThemIsServedInOrder) {
  const std::vector<Reply> replies = client_.pipeline(
      acquire("a", "me", kLongMs) + acquire("a", "me", kLongMs, 50) + acquire("b", "me", kLongMs) + ping(), 4);
  const std::uint64_t first = granted(replies[0]);
  refused(replies[1]);
  EXPECT_GT(granted(replies[2]), first);
  EXPECT_EQ(replies[3], ok("PONG"));
}

}  // namespace
}  // namespace kv::test
