// Commands on locks: LOCK UNLOCK EXTEND ACQUIRE.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "command/test_server.hpp"

namespace kv::test {
namespace {

using namespace value;  // NOLINT(google-build-using-namespace): the values that tests write
using protocol::PendingReply;

constexpr std::uint64_t kNone = ~std::uint64_t{0};
constexpr std::uint64_t kDay = 86'400'000;

Reply refused(std::uint64_t remaining_ms) {
  return ok(std::string(1, '\0') + u64(remaining_ms));
}

class Locks : public CommandTest {
 protected:
  // The token of an ACQUIRE that got the lock.
  std::uint64_t token_of(const Reply& reply) {
    EXPECT_EQ(reply.status, protocol::Status::kOk);
    EXPECT_EQ(reply.payload.size(), 9U);
    EXPECT_EQ(reply.payload[0], 1);
    return reply.u64(1);
  }
  static Reply completed(PendingReply& pending) {
    ByteBuffer out;
    pending.complete(out);
    return decode_reply(out.view());
  }
  static Reply withdrawn(PendingReply& pending) {
    ByteBuffer out;
    pending.withdraw(out);
    return decode_reply(out.view());
  }
  // Whether its session has been woken.
  static bool is_granted(PendingReply& pending) {
    const auto woken = std::make_shared<int>(0);
    pending.notify([woken] { ++*woken; });
    return *woken == 1;
  }
};

// LOCK, UNLOCK, EXTEND
// -------------------------------------------------------------------------------------------------

TEST_F(Locks, LockAcquiresWhereTheKeyIsAbsent) {
  EXPECT_EQ(run(lock("key", "owner", 500)), ok_bool(true));
  expect_holds("key", encode_string("owner"), 500);
  EXPECT_EQ(run(exists("key")), ok_bool(true));
  EXPECT_EQ(run(lock("key", "other")), ok_bool(false));
  EXPECT_EQ(run(lock("key", "owner")), ok_bool(false)) << "not re-entrant";
  expect_holds("key", encode_string("owner"), 500);
  run(set("value", encode_int(1)));
  EXPECT_EQ(run(lock("value", "owner")), ok_bool(false)) << "any present key is in the way";
  advance(500);
  EXPECT_EQ(run(lock("key", "other")), ok_bool(true));
}

TEST_F(Locks, ATtlOfZeroMeansThirtySeconds) {
  run(lock("lock", "owner"));
  expect_holds("lock", encode_string("owner"), 30'000);
  run(acquire("acquire", "owner"));
  expect_holds("acquire", encode_string("owner"), 30'000);
  advance(1'000);
  EXPECT_EQ(run(extend("lock", "owner")), ok_bool(true));
  expect_holds("lock", encode_string("owner"), 30'000);
}

TEST_F(Locks, UnlockAndExtendAreTheOwnersAlone) {
  EXPECT_EQ(run(unlock("key", "owner")), ok_bool(false));
  EXPECT_EQ(run(extend("key", "owner", 5)), ok_bool(false));
  run(lock("key", "owner", 500));
  EXPECT_EQ(run(unlock("key", "other")), error("LOCKED"));
  EXPECT_EQ(run(extend("key", "other", 5)), error("LOCKED"));
  expect_holds("key", encode_string("owner"), 500);
  EXPECT_EQ(run(extend("key", "owner", 900)), ok_bool(true));
  expect_holds("key", encode_string("owner"), 900);
  EXPECT_EQ(run(extend("key", "owner", 20)), ok_bool(true)) << "shorter, too";
  expect_holds("key", encode_string("owner"), 20);
  EXPECT_EQ(run(unlock("key", "owner")), ok_bool(true));
  EXPECT_EQ(run(unlock("key", "owner")), ok_bool(false));
  EXPECT_EQ(run(exists("key")), ok_bool(false));
}

TEST_F(Locks, AnExpiredLockIsHeldByNobody) {
  run(lock("key", "owner", 500));
  advance(500);
  EXPECT_EQ(run(unlock("key", "owner")), ok_bool(false));
  EXPECT_EQ(run(extend("key", "owner")), ok_bool(false));
}

TEST_F(Locks, OnlyWhatLockOrAcquireMadeIsALock) {
  run(set("key", encode_string("owner")));
  EXPECT_EQ(run(unlock("key", "owner")), error("WRONGTYPE"));
  EXPECT_EQ(run(extend("key", "owner")), error("WRONGTYPE"));
  EXPECT_EQ(run(unlock("key", "other")), error("WRONGTYPE"));
  expect_holds("key", encode_string("owner"));
}

TEST_F(Locks, EveryRemovalFreesALock) {
  for (const std::string& removal : {del("key"), take("key"), mdel({"key"}), flush(), expire("key", 0)}) {
    ASSERT_EQ(run(lock("key", "owner")), ok_bool(true));
    run(removal);
    EXPECT_EQ(run(exists("key")), ok_bool(false));
  }
}

TEST_F(Locks, OwnersMayBeLong) {
  const std::string owner(65'535, 'o');
  EXPECT_EQ(run(test::lock("key", owner)), ok_bool(true));
  expect_holds("key", encode_string(owner), 30'000);
  EXPECT_EQ(run(extend("key", owner, 50)), ok_bool(true));
  EXPECT_EQ(run(persist("key")), ok_bool(true));
  EXPECT_EQ(run(unlock("key", owner.substr(1))), error("LOCKED"));
  EXPECT_EQ(run(unlock("key", owner)), ok_bool(true));
}

// ACQUIRE without waiting
// ------------------------------------------------------------------------------------------------

TEST_F(Locks, AcquireGivesATokenOrTheTimeLeft) {
  const std::uint64_t token = token_of(run(acquire("key", "owner", 700)));
  EXPECT_GE(token, clock.now() * 65'536);
  expect_holds("key", encode_string("owner"), 700);
  advance(100);
  EXPECT_EQ(run(acquire("key", "other")), refused(600));
  EXPECT_EQ(run(acquire("key", "owner")), refused(600));
  run(set("forever", encode_int(1)));
  EXPECT_EQ(run(acquire("forever", "owner")), refused(kNone));
  EXPECT_EQ(run(unlock("key", "owner")), ok_bool(true));
}

TEST_F(Locks, TokensGrowWithEveryAcquisitionOfAnyKey) {
  std::uint64_t last = 0;
  for (int i = 0; i < 50; ++i) {
    const std::uint64_t token = token_of(run(acquire("key " + std::to_string(i), "owner")));
    EXPECT_GT(token, last + (i == 0 ? 0 : 1)) << "the LOCK between took one too";
    last = token;
    run(lock("lock " + std::to_string(i), "owner"));
    advance(static_cast<std::uint64_t>(i % 2));
  }
}

TEST_F(Locks, AWaitOfMoreThanADayIsRefused) {
  EXPECT_EQ(run(acquire("key", "owner", 0, kDay + 1)), invalid("ARGUMENT"));
  EXPECT_EQ(run(exists("key")), ok_bool(false));
  token_of(run(acquire("key", "owner", 0, kDay)));
  EXPECT_NE(start(acquire("key", "other", 0, kDay)), nullptr);
}

// ACQUIRE that waits
// -------------------------------------------------------------------------------------------------------

TEST_F(Locks, AWaiterIsGrantedTheLockWhenItIsFree) {
  run(lock("key", "holder", 60'000));
  const auto pending = start(acquire("key", "waiter", 700, kDay));
  EXPECT_FALSE(is_granted(*pending));
  EXPECT_GT(pending->time_left(), std::chrono::milliseconds(kDay) - std::chrono::minutes(5));
  EXPECT_LE(pending->time_left(), std::chrono::milliseconds(kDay));
  advance(1'000);
  run(unlock("key", "holder"));
  EXPECT_TRUE(is_granted(*pending));
  expect_holds("key", encode_string("waiter"), 700);
  EXPECT_GE(token_of(completed(*pending)), clock.now() * 65'536);
}

TEST_F(Locks, AWaiterThatWasNotifiedBeforeIsWokenByTheGrant) {
  run(lock("key", "holder"));
  const auto pending = start(acquire("key", "waiter", 0, kDay));
  int woken = 0;
  pending->notify([&] { ++woken; });
  EXPECT_EQ(woken, 0);
  run(unlock("key", "holder"));
  EXPECT_EQ(woken, 1);
  token_of(completed(*pending));
  EXPECT_EQ(woken, 1);
}

TEST_F(Locks, AWaiterWhoseTimeIsUpGetsTheTimeLeft) {
  run(lock("key", "holder", 900));
  const auto pending = start(acquire("key", "waiter", 0, 1));
  const auto begin = std::chrono::steady_clock::now();
  while (pending->time_left().count() > 0) std::this_thread::yield();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(0));
  advance(100);
  EXPECT_EQ(completed(*pending), refused(800));
  run(unlock("key", "holder"));
  EXPECT_EQ(run(exists("key")), ok_bool(false)) << "it left the line";
}

TEST_F(Locks, WaitersAreServedInTheOrderTheyCame) {
  run(set("key", encode_int(1)));
  std::vector<std::unique_ptr<PendingReply>> waiters;
  for (int i = 0; i < 3; ++i) waiters.push_back(start(acquire("key", "waiter " + std::to_string(i), 0, kDay)));
  EXPECT_EQ(run(take("key")), ok(encode_int(1))) << "it waits for any present key";
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string owner = "waiter " + std::to_string(i);
    expect_holds("key", encode_string(owner), 30'000);
    const std::uint64_t token = token_of(completed(*waiters[i]));
    EXPECT_GT(token, last);
    last = token;
    run(unlock("key", owner));
  }
  EXPECT_EQ(run(exists("key")), ok_bool(false));
}

TEST_F(Locks, EveryRemovalHandsTheKeyOver) {
  for (const std::string& removal :
       {unlock("key", "holder"), del("key"), take("key"), mdel({"key", "key"}), flush(), expire("key", 0)}) {
    run(lock("key", "holder"));
    const auto pending = start(acquire("key", "waiter", 0, kDay));
    run(removal);
    expect_holds("key", encode_string("waiter"), 30'000);
    token_of(completed(*pending));
    run(unlock("key", "waiter"));
  }
}

TEST_F(Locks, ExpiryHandsTheKeyOverWhoeverLooksFirst) {
  for (const std::string& look : {get("key"), exists("key"), ttl("key"), type("key"), mget({"key"}), mexists({"key"}),
                                  lock("key", "late"), acquire("key", "late"), incr("key"), unlock("key", "holder")}) {
    run(lock("key", "holder", 1'000));
    const auto pending = start(acquire("key", "waiter", 60'000, kDay));
    advance(1'000);
    run(look);
    expect_holds("key", encode_string("waiter"), 60'000);
    token_of(completed(*pending));
    run(unlock("key", "waiter"));
  }
}

TEST_F(Locks, AWithdrawnWaiterTakesNothing) {
  run(lock("key", "holder", 900));
  const auto pending = start(acquire("key", "waiter", 0, kDay));
  EXPECT_EQ(withdrawn(*pending), refused(900));
  run(unlock("key", "holder"));
  EXPECT_EQ(run(exists("key")), ok_bool(false));
}

TEST_F(Locks, AWithdrawnWaiterPassesOnWhatItWasGranted) {
  run(lock("key", "holder", 900));
  const auto first = start(acquire("key", "first", 0, kDay));
  const auto second = start(acquire("key", "second", 700, kDay));
  run(unlock("key", "holder"));
  EXPECT_TRUE(is_granted(*first));
  EXPECT_EQ(withdrawn(*first), refused(700)) << "what the second has left";
  token_of(completed(*second));
  run(unlock("key", "second"));
  const auto last = start([&] {
    run(lock("key", "holder"));
    return acquire("key", "last", 0, kDay);
  }());
  run(unlock("key", "holder"));
  EXPECT_EQ(withdrawn(*last), refused(0)) << "nobody has it";
  EXPECT_EQ(run(exists("key")), ok_bool(false));
}

TEST_F(Locks, AGrantThatCannotBeDeliveredPassesOn) {
  run(lock("key", "holder"));
  const auto first = start(acquire("key", "first", 0, kDay));
  const auto second = start(acquire("key", "second", 0, kDay));
  run(unlock("key", "holder"));
  token_of(completed(*first));
  first->undeliverable();
  expect_holds("key", encode_string("second"), 30'000);
  token_of(completed(*second));
  second->undeliverable();
  EXPECT_EQ(run(exists("key")), ok_bool(false));
}

TEST_F(Locks, ARefusalThatCannotBeDeliveredChangesNothing) {
  run(lock("key", "holder", 900));
  const auto pending = start(acquire("key", "waiter", 0, kDay));
  EXPECT_EQ(completed(*pending), refused(900));
  pending->undeliverable();
  expect_holds("key", encode_string("holder"), 900);
}

TEST_F(Locks, AWaiterThatVanishesLeavesTheLineAndPassesItsGrantOn) {
  run(lock("key", "holder"));
  auto first = start(acquire("key", "first", 0, kDay));
  auto second = start(acquire("key", "second", 0, kDay));
  auto third = start(acquire("key", "third", 0, kDay));
  second.reset();
  run(unlock("key", "holder"));
  expect_holds("key", encode_string("first"), 30'000);
  first.reset();
  expect_holds("key", encode_string("third"), 30'000);
  third.reset();
  EXPECT_EQ(run(exists("key")), ok_bool(false));
  EXPECT_EQ(engine.usage().waiters, 0U);
}

TEST_F(Locks, ACompletedReplyMayGo) {
  run(lock("key", "holder"));
  auto pending = start(acquire("key", "waiter", 0, kDay));
  run(unlock("key", "holder"));
  token_of(completed(*pending));
  pending.reset();
  expect_holds("key", encode_string("waiter"), 30'000);
}

TEST_F(Locks, WhatIsWrongWithThePayloadIsSaid) {
  using enum protocol::Command;
  for (const auto command : {kLock, kExtend, kUnlock}) {
    EXPECT_EQ(run(frame(command, sized("key"))), invalid("FRAME"));
    EXPECT_EQ(run(frame(command, sized("key") + sized("") + u64(0))), invalid("ARGUMENT"));
    EXPECT_EQ(run(frame(command, sized("key") + sized("\xFF") + u64(0))), invalid("ARGUMENT"));
    EXPECT_EQ(run(frame(command, sized("") + sized("owner") + u64(0))), invalid("KEY"));
    EXPECT_EQ(run(frame(command, sized("key") + sized("owner") + u64(0) + "x")), invalid("FRAME"));
  }
  EXPECT_EQ(run(lock("key", "owner", kNone)), invalid("ARGUMENT"));
  EXPECT_EQ(run(extend("key", "owner", kNone)), invalid("ARGUMENT"));
  EXPECT_EQ(run(acquire("key", "owner", kNone)), invalid("ARGUMENT"));
  EXPECT_EQ(run(frame(kAcquire, sized("key") + sized("owner") + u64(0))), invalid("FRAME"));
  EXPECT_EQ(run(exists("key")), ok_bool(false));
}

}  // namespace
}  // namespace kv::test
