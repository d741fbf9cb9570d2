// Waiters of ACQUIRE: who is served when a key goes away, and how a waiter leaves.
#include <csignal>

#include "integration/waiting_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using Waiters = WaitingTest;

TEST_F(Waiters, EveryRemovalHandsTheKeyToTheFirstWaiterAtOnce) {
  const std::pair<std::string, Reply> removals[] = {
      {unlock("k", "you"), ok_bool(true)}, {del("k"), ok_bool(true)},       {take("k"), ok(encode_string("you"))},
      {mdel({"a", "k"}), ok_u32(1)},       {expire("k", 0), ok_bool(true)}, {flush(), ok_u64(1)},
  };
  for (const auto& [removal, answer] : removals) {
    call(flush());
    call(lock("k", "you", kLongMs));
    RawClient waiter = start_waiting("k", "me");
    EXPECT_TRUE(waiter.is_quiet());
    // In one go, so that nothing but the removal itself can have handed it over.
    const std::string requests = removal + get("k") + lock("k", "third") + setnx("k", encode_int(1)) + ttl("k");
    const std::vector<Reply> replies = client_.pipeline(requests, 5);
    EXPECT_EQ(replies[0], answer);
    EXPECT_EQ(replies[1], ok(encode_string("me")));
    EXPECT_EQ(replies[2], ok_bool(false));
    EXPECT_EQ(replies[3], ok_bool(false));
    EXPECT_GT(replies[4].i64(), static_cast<std::int64_t>(kLongMs) - 60'000);
    granted(waiter.receive());
  }
}

TEST_F(Waiters, ExpiryHandsTheKeyOverThoughNobodyTouchesIt) {
  call(lock("k", "you", 200));
  RawClient first = start_waiting("k", "first", 200);
  RawClient second = start_waiting("k", "second");
  const std::uint64_t token = granted(first.receive());
  EXPECT_GT(granted(second.receive()), token) << "the first one's lock expires too";
  EXPECT_EQ(call(unlock("k", "second")), ok_bool(true));
}

TEST_F(Waiters, AnExpiryThatIsMovedMovesTheHandOver) {
  call(lock("k", "you", kLongMs));
  RawClient waiter = start_waiting("k", "me");
  call(expire("k", 50));
  granted(waiter.receive());
  RawClient next = start_waiting("k", "next");
  call(extend("k", "me", 50));
  granted(next.receive());
}

TEST_F(Waiters, AreServedInTheOrderTheyCame) {
  constexpr int kWaiters = 20;
  call(lock("k", "holder", kLongMs));
  std::vector<RawClient> waiters;
  for (int i = 0; i < kWaiters; ++i) waiters.push_back(start_waiting("k", "w" + std::to_string(i)));
  std::string holder = "holder";
  std::uint64_t last = 0;
  for (int i = 0; i < kWaiters; ++i) {
    EXPECT_EQ(call(unlock("k", holder)), ok_bool(true));
    const std::uint64_t token = granted(waiters[static_cast<std::size_t>(i)].receive());
    EXPECT_GT(token, last);
    last = token;
    holder = "w" + std::to_string(i);
    EXPECT_EQ(call(get("k")), ok(encode_string(holder)));
    for (std::size_t later = static_cast<std::size_t>(i) + 1; later < kWaiters; ++later) {
      EXPECT_TRUE(waiters[later].is_quiet());
    }
  }
  EXPECT_EQ(call(unlock("k", holder)), ok_bool(true));
  EXPECT_EQ(call(get("k")), null());
}

TEST_F(Waiters, OfDifferentKeysDoNotMeet) {
  call(lock("a", "you", kLongMs));
  call(lock("b", "you", kLongMs));
  RawClient for_a = start_waiting("a", "me");
  RawClient for_b = start_waiting("b", "me");
  call(unlock("b", "you"));
  granted(for_b.receive());
  EXPECT_TRUE(for_a.is_quiet());
  EXPECT_EQ(call(get("a")), ok(encode_string("you")));
  call(unlock("a", "you"));
  granted(for_a.receive());
}

TEST_F(Waiters, WaitForAnyPresentKeyAndThroughEveryOverwrite) {
  call(set("k", encode_int(1)));
  RawClient waiter = start_waiting("k", "me");
  for (const std::string& request :
       {set("k", encode_int(2)), swap("k", encode_int(3)), mset({{"k", encode_int(4)}}), incr("k"),
        cas("k", encode_int(5), encode_string("me")), expire("k", kLongMs), persist("k")}) {
    call(request);
    EXPECT_EQ(call(exists("k")), ok_bool(true));
    EXPECT_EQ(call(unlock("k", "me")), error("WRONGTYPE")) << "nobody holds it yet";
    EXPECT_TRUE(waiter.is_quiet());
  }
  call(del("k"));
  granted(waiter.receive());
  EXPECT_EQ(call(unlock("k", "me")), ok_bool(true));
}

TEST_F(Waiters, SettingALockTurnsItIntoAValueThatIsStillWaitedFor) {
  call(lock("k", "you", kLongMs));
  RawClient waiter = start_waiting("k", "me");
  call(set("k", encode_int(1)));
  EXPECT_EQ(call(unlock("k", "you")), error("WRONGTYPE"));
  EXPECT_TRUE(waiter.is_quiet());
  EXPECT_EQ(call(take("k")), ok(encode_int(1)));
  granted(waiter.receive());
}

TEST_F(Waiters, TheOwnerMayWaitForItsOwnLock) {
  call(lock("k", "me", kLongMs));
  RawClient waiter = start_waiting("k", "me");
  EXPECT_TRUE(waiter.is_quiet());
  call(unlock("k", "me"));
  granted(waiter.receive());
  EXPECT_EQ(call(unlock("k", "me")), ok_bool(true));
}

TEST_F(Waiters, OneWhoseTimeIsOverLeavesTheQueueToTheNext) {
  call(lock("k", "you", kLongMs));
  RawClient impatient = connect();
  impatient.send(acquire("k", "impatient", kLongMs, 300));
  RawClient patient = start_waiting("k", "patient");
  refused(impatient.receive());
  call(unlock("k", "you"));
  granted(patient.receive());
}

TEST_F(Waiters, OneThatClosesLeavesTheQueueToTheNext) {
  for (const bool orderly : {true, false}) {
    call(lock("k", "you", kLongMs));
    RawClient gone = start_waiting("k", "gone");
    RawClient next = start_waiting("k", "next");
    orderly ? gone.close() : gone.reset();
    call(unlock("k", "you"));
    granted(next.receive());
    EXPECT_EQ(call(unlock("k", "next")), ok_bool(true));
    EXPECT_EQ(call(get("k")), null());
  }
}

TEST_F(Waiters, OneThatClosesItsSendingSideIsToldNoAndStillServed) {
  call(lock("k", "you", kLongMs));
  RawClient waiter = connect();
  waiter.send(acquire("k", "me", kLongMs, kLongMs) + get("k") + ping("last"));
  waiter.half_close();
  const std::uint64_t remaining = refused(waiter.receive());
  EXPECT_LE(remaining, kLongMs);
  EXPECT_GT(remaining, kLongMs - 60'000);
  EXPECT_EQ(waiter.receive(), ok(encode_string("you")));
  EXPECT_EQ(waiter.receive(), ok("last"));
  EXPECT_EQ(waiter.receive_until_eof(), "");
  call(unlock("k", "you"));
  EXPECT_EQ(call(get("k")), null());
}

TEST_F(Waiters, OneThatWaitsAlreadyAndThenClosesItsSendingSideIsToldNo) {
  call(lock("k", "you", kLongMs));
  RawClient waiter = start_waiting("k", "me");
  waiter.half_close();
  refused(waiter.receive());
  EXPECT_EQ(waiter.receive_until_eof(), "");
}

TEST_F(Waiters, AnAbsentKeyIsGrantedEvenToAClosedSendingSide) {
  RawClient peer = connect();
  peer.send(acquire("k", "me", kLongMs, kLongMs));
  peer.half_close();
  granted(peer.receive());
  EXPECT_EQ(peer.receive_until_eof(), "");
  EXPECT_EQ(call(get("k")), ok(encode_string("me")));
}

TEST_F(Waiters, AreToldNoAtShutDown) {
  call(lock("k", "you", kLongMs));
  std::vector<RawClient> waiters;
  for (int i = 0; i < 5; ++i) waiters.push_back(start_waiting("k", "w" + std::to_string(i)));
  server_.signal(SIGTERM);
  for (RawClient& waiter : waiters) {
    EXPECT_GT(refused(waiter.receive()), kLongMs - 60'000);
    EXPECT_EQ(waiter.receive_until_eof(), "");
  }
  EXPECT_EQ(server_.wait_exit(), (Exit{0, 0}));
}

}  // namespace
}  // namespace kv::test
