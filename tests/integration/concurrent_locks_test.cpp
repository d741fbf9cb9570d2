// Locks under contention: one holder at a time, nobody forgotten, and no moment without a holder while some wait.
#include <atomic>
#include <random>

#include "integration/concurrently.hpp"
#include "integration/waiting_test.hpp"

namespace kv::test {
namespace {

constexpr int kClients = 8;
constexpr int kRounds = 400 / kSlowness;

class ConcurrentLocks : public WaitingTest {
 protected:
  ConcurrentLocks() : WaitingTest({"--threads", "4"}) {}
};

TEST_F(ConcurrentLocks, OnlyOneHoldsALockAtATime) {
  std::atomic<int> holders{0};
  int sum = 0;  // guarded by the server's lock
  concurrently(kClients, [&](int i) {
    RawClient client(server_);
    const std::string me = "client " + std::to_string(i);
    for (int round = 0; round < kRounds;) {
      if (client.call(test::lock("k", me, kLongMs)) != ok_bool(true)) continue;
      EXPECT_EQ(++holders, 1);
      ++round;
      ++sum;
      --holders;
      EXPECT_EQ(client.call(unlock("k", me)), ok_bool(true));
    }
  });
  EXPECT_EQ(sum, kClients * kRounds);
}

TEST_F(ConcurrentLocks, EveryWaiterIsServedOneAtATimeWithGrowingTokens) {
  std::atomic<int> holders{0};
  std::atomic<std::uint64_t> last_token{0};
  concurrently(kClients, [&](int i) {
    RawClient client(server_);
    const std::string me = "client " + std::to_string(i);
    for (int round = 0; round < kRounds; ++round) {
      const std::uint64_t token = granted(client.call(acquire("k", me, kLongMs, kLongMs)));
      EXPECT_EQ(++holders, 1);
      EXPECT_GT(token, last_token.exchange(token)) << "in the order of the grants";
      --holders;
      EXPECT_EQ(client.call(unlock("k", me)), ok_bool(true));
    }
  });
  EXPECT_EQ(call(get("k")), null());
  EXPECT_EQ(waiting(), 0);
}

TEST_F(ConcurrentLocks, NobodySeesTheKeyAbsentWhileSomebodyWaits) {
  constexpr int kWaiters = 4;
  std::atomic<int> waiters_left = kWaiters;
  std::atomic<bool> ending{false};
  call(lock("k", "start", kLongMs));
  const auto wait_and_remove = [&](int i) {
    const CountDown at_end(waiters_left);
    RawClient client(server_);
    const auto in_line = [&] { return info_json(client, "clients").at("waiting").to_number<int>(); };
    const std::string me = "waiter " + std::to_string(i);
    if (i == 0) {
      EXPECT_TRUE(eventually([&] { return in_line() == kWaiters - 1; }));
      EXPECT_EQ(client.call(unlock("k", "start")), ok_bool(true));
    }
    for (int round = 0; round < kRounds && !ending; ++round) {
      granted(client.call(acquire("k", me, kLongMs, kLongMs)));
      // The lock is given away only while others stand in line, until one of them has had its rounds.
      if (round == kRounds - 1) ending = true;
      EXPECT_TRUE(eventually([&] { return ending || in_line() >= 2; }));
      const std::string removals[] = {unlock("k", me), del("k"), take("k"), mdel({"k"}), expire("k", 0)};
      client.call(removals[static_cast<std::size_t>(round) % std::size(removals)]);
    }
  };
  const auto watch = [&] {
    RawClient client(server_);
    const std::string requests = get("k") + exists("k") + mget({"k", "other"}) + setnx("k", encode_int(1));
    while (waiters_left == kWaiters) {
      const std::vector<Reply> seen = client.pipeline(requests, 4);
      // At the end the key may really be absent, and then this is the one who has made it; somebody may still want it.
      if (ending && seen[3] == ok_bool(true)) client.call(del("k"));
      if (ending) return;
      EXPECT_EQ(seen[0].payload.substr(0, 1), "\x04") << seen[0];
      EXPECT_EQ(seen[1], ok_bool(true));
      EXPECT_EQ(seen[2].payload.substr(2, 1), "\x04") << seen[2];
      EXPECT_EQ(seen[3], ok_bool(false));
    }
  };
  concurrently(kWaiters + 2, [&](int i) { i < kWaiters ? wait_and_remove(i) : watch(); });
}

TEST_F(ConcurrentLocks, WaitersThatVanishNeverHoldTheQueueUp) {
  concurrently(kClients, [&](int i) {
    std::mt19937 random(static_cast<unsigned>(i));
    const std::string me = "client " + std::to_string(i);
    for (int round = 0; round < kRounds; ++round) {
      RawClient client(server_);
      if (i % 2 == 0) {
        granted(client.call(acquire("k", me, kLongMs, kLongMs)));
        EXPECT_EQ(client.call(unlock("k", me)), ok_bool(true));
        continue;
      }
      // Asks, waits until it stands in line or perhaps is granted, and vanishes. What it may have been granted and told
      // of expires soon.
      client.send(acquire("k", me, 20, kLongMs));
      if (random() % 2 == 0) client.half_close();
      if (random() % 2 == 0) client.receive();
      random() % 2 == 0 ? client.reset() : client.close();
    }
  });
  EXPECT_TRUE(eventually([&] { return call(get("k")) == null(); }));
  EXPECT_TRUE(eventually([&] { return waiting() == 0; }));
}

TEST_F(ConcurrentLocks, ShortTtlsHandTheKeyOnThroughEverybody) {
  concurrently(kClients, [&](int i) {
    RawClient client(server_);
    const std::string me = "client " + std::to_string(i);
    for (int round = 0; round < 20 / (kSanitized ? 4 : 1); ++round) {
      granted(client.call(acquire("k", me, 10, kLongMs)));  // and is never unlocked
    }
  });
  EXPECT_TRUE(eventually([&] { return call(get("k")) == null(); }));
}

TEST_F(ConcurrentLocks, NobodySeesTheKeyAbsentWhenItExpiresWhileSomebodyWaits) {
  constexpr std::size_t kWaiters = 20;
  call(lock("k", "start", kLongMs));
  std::vector<RawClient> waiters;
  for (std::size_t i = 0; i < kWaiters; ++i) {
    // Each lets it expire, but the last one, so that the key is there from the first to the last look.
    waiters.push_back(start_waiting("k", "waiter", i + 1 < kWaiters ? 20 : kLongMs));
  }
  std::atomic<int> receivers_left{1};
  call(expire("k", 20));
  concurrently(4, [&](int i) {
    RawClient client(server_);
    if (i == 0) {
      const CountDown at_end(receivers_left);
      for (RawClient& waiter : waiters) granted(waiter.receive());
      return;
    }
    while (receivers_left != 0) {
      const std::vector<Reply> seen =
          client.pipeline(get("k") + exists("k") + mexists({"other", "k"}) + ttl("k") + setnx("k", encode_int(1)), 5);
      EXPECT_EQ(seen[0].payload.substr(0, 1), "\x04") << seen[0];
      EXPECT_EQ(seen[1], ok_bool(true));
      EXPECT_EQ(seen[2], ok_bools({false, true}));
      EXPECT_GT(seen[3].i64(), 0);
      EXPECT_EQ(seen[4], ok_bool(false));
    }
  });
}

}  // namespace
}  // namespace kv::test
