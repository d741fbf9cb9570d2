// LOCK, UNLOCK and EXTEND, and what other commands make of a lock.
#include "integration/server_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

constexpr std::int64_t kDefaultMs = 30'000;

class Lock : public ServerTest {
 protected:
  void expect_about(std::int64_t milliseconds, ByteView key) {
    const std::int64_t left = call(ttl(key)).i64();
    EXPECT_LE(left, milliseconds);
    EXPECT_GT(left, milliseconds - 20'000);
  }
  // Whether `key` is a lock of `owner`: UNLOCK by anybody else then says LOCKED.
  void expect_lock_of(ByteView owner, ByteView key) {
    EXPECT_EQ(call(get(key)), ok(encode_string(owner)));
    EXPECT_EQ(call(unlock(key, "nobody")), error("LOCKED"));
  }
};

TEST_F(Lock, AcquiresAnAbsentKeyAndNoOther) {
  EXPECT_EQ(call(lock("k", "me", kLongMs)), ok_bool(true));
  EXPECT_EQ(call(lock("k", "you", kLongMs)), ok_bool(false));
  EXPECT_EQ(call(lock("k", "me", kLongMs)), ok_bool(false)) << "a lock is not re-entrant";
  expect_lock_of("me", "k");
  call(set("value", encode_int(1)));
  EXPECT_EQ(call(lock("value", "me")), ok_bool(false));
  EXPECT_EQ(call(get("value")), ok(encode_int(1)));
}

TEST_F(Lock, ReadsSeeItAsAStringWithAnExpiry) {
  call(lock("k", "owner ü", kLongMs));
  EXPECT_EQ(call(get("k")), ok(encode_string("owner ü")));
  EXPECT_EQ(call(exists("k")), ok_bool(true));
  EXPECT_EQ(call(type("k")), ok("\x04"));
  EXPECT_EQ(call(mget({"k"})), ok_values({encode_string("owner ü")}));
  EXPECT_EQ(call(mexists({"k"})), ok_bools({true}));
  expect_about(kLongMs, "k");
}

TEST_F(Lock, TtlZeroMeans30Seconds) {
  call(lock("k", "me", 0));
  expect_about(kDefaultMs, "k");
  EXPECT_EQ(call(extend("k", "me", kLongMs)), ok_bool(true));
  expect_about(kLongMs, "k");
  EXPECT_EQ(call(extend("k", "me", 0)), ok_bool(true));
  expect_about(kDefaultMs, "k");
}

TEST_F(Lock, UnlockIsForTheOwnerAlone) {
  EXPECT_EQ(call(unlock("k", "me")), ok_bool(false)) << "there is no such key";
  call(lock("k", "me", kLongMs));
  EXPECT_EQ(call(unlock("k", "you")), error("LOCKED"));
  EXPECT_EQ(call(unlock("k", "m")), error("LOCKED"));
  EXPECT_EQ(call(unlock("k", "me ")), error("LOCKED"));
  expect_lock_of("me", "k");
  EXPECT_EQ(call(unlock("k", "me")), ok_bool(true));
  EXPECT_EQ(call(exists("k")), ok_bool(false));
  EXPECT_EQ(call(unlock("k", "me")), ok_bool(false));
}

TEST_F(Lock, ExtendIsForTheOwnerAloneAndMayShorten) {
  EXPECT_EQ(call(extend("k", "me")), ok_bool(false));
  EXPECT_EQ(call(exists("k")), ok_bool(false));
  call(lock("k", "me", kLongMs));
  EXPECT_EQ(call(extend("k", "you", 1)), error("LOCKED"));
  expect_about(kLongMs, "k");
  EXPECT_EQ(call(extend("k", "me", 50)), ok_bool(true));
  EXPECT_TRUE(eventually([&] { return call(exists("k")) == ok_bool(false); }));
  EXPECT_EQ(call(extend("k", "me")), ok_bool(false));
}

TEST_F(Lock, AnExpiredLockIsFree) {
  call(lock("k", "me", 50));
  EXPECT_TRUE(eventually([&] { return call(lock("k", "you", kLongMs)) == ok_bool(true); }));
  expect_lock_of("you", "k");
}

TEST_F(Lock, WhatLockDidNotMakeIsWrongType) {
  for (const std::string& value : {encode_string("me"), encode_int(1), encode_null(), list_of({})}) {
    call(set("k", value));
    EXPECT_EQ(call(unlock("k", "me")), error("WRONGTYPE"));
    EXPECT_EQ(call(extend("k", "me", 1)), error("WRONGTYPE"));
    EXPECT_EQ(call(get("k")), ok(value));
    EXPECT_EQ(call(ttl("k")), ok_i64(-1));
  }
}

TEST_F(Lock, WritesThatReplaceTheValueMakeItAnOrdinaryOne) {
  const std::string owner = encode_string("me");
  for (const std::string& request : {set("k", owner), mset({{"k", owner}}), swap("k", owner), cas("k", owner, owner)}) {
    call(del("k"));
    call(lock("k", "me", kLongMs));
    call(request);
    EXPECT_EQ(call(get("k")), ok(owner));
    EXPECT_EQ(call(unlock("k", "me")), error("WRONGTYPE"));
    EXPECT_EQ(call(extend("k", "me")), error("WRONGTYPE"));
  }
}

TEST_F(Lock, WritesThatChangeNothingLeaveItALock) {
  call(lock("k", "me", kLongMs));
  EXPECT_EQ(call(cas("k", encode_string("you"), encode_int(1))), ok_not_swapped(encode_string("me")));
  EXPECT_EQ(call(setnx("k", encode_int(1))), ok_bool(false));
  EXPECT_EQ(call(incr("k")), error("WRONGTYPE"));
  EXPECT_EQ(call(add("k", encode_int(1))), error("WRONGTYPE"));
  expect_lock_of("me", "k");
  expect_about(kLongMs, "k");
}

TEST_F(Lock, ACasThatSwapsKeepsTheExpiryOfTheLock) {
  call(lock("k", "me", kLongMs));
  EXPECT_EQ(call(cas("k", encode_string("me"), encode_int(1))), ok_bool(true));
  expect_about(kLongMs, "k");
  EXPECT_EQ(call(get("k")), ok(encode_int(1)));
}

TEST_F(Lock, ExpireAndPersistLeaveItALock) {
  call(lock("k", "me", 1'000));
  EXPECT_EQ(call(expire("k", kLongMs)), ok_bool(true));
  expect_lock_of("me", "k");
  expect_about(kLongMs, "k");
  EXPECT_EQ(call(persist("k")), ok_bool(true));
  EXPECT_EQ(call(ttl("k")), ok_i64(-1));
  expect_lock_of("me", "k");
  EXPECT_EQ(call(extend("k", "me", kLongMs)), ok_bool(true));
  expect_about(kLongMs, "k");
  EXPECT_EQ(call(unlock("k", "me")), ok_bool(true));
}

TEST_F(Lock, AnyRemovalFreesIt) {
  for (const std::string& removal : {unlock("k", "me"), del("k"), take("k"), mdel({"k"}), expire("k", 0), flush()}) {
    EXPECT_EQ(call(lock("k", "me", kLongMs)), ok_bool(true));
    call(removal);
    EXPECT_EQ(call(exists("k")), ok_bool(false));
    EXPECT_EQ(call(unlock("k", "me")), ok_bool(false));
  }
}

TEST_F(Lock, OwnersAreAnyUtf8OfUpTo65535Bytes) {
  for (const std::string& owner : {std::string("\0", 1), std::string("🔒"), std::string(65'535, 'o')}) {
    EXPECT_EQ(call(test::lock("k", owner, kLongMs)), ok_bool(true));
    EXPECT_EQ(call(get("k")), ok(encode_string(owner)));
    EXPECT_EQ(call(extend("k", owner, kLongMs)), ok_bool(true));
    EXPECT_EQ(call(unlock("k", owner)), ok_bool(true));
  }
}

TEST_F(Lock, BelongsToItsOwnerNotToAConnection) {
  call(lock("k", "me", kLongMs));
  client_.reset();
  RawClient other = connect();
  EXPECT_EQ(other.call(lock("k", "you")), ok_bool(false));
  EXPECT_EQ(other.call(unlock("k", "me")), ok_bool(true));
}

}  // namespace
}  // namespace kv::test
