// Commands on deadlines and on all keys: EXPIRE TTL PERSIST SCAN FLUSH.
#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "command/test_server.hpp"
#include "support/base/random.hpp"

namespace kv::test {
namespace {

using namespace value;  // NOLINT(google-build-using-namespace): the values that tests write

class Keyspace : public CommandTest {};

const std::string kOne = encode_int(1);
const std::string kLarge = encode_bytes(std::string(5'000, 'x'));

TEST_F(Keyspace, ExpireSetsTheTimeToLive) {
  EXPECT_EQ(run(expire("key", 1'000)), ok_bool(false));
  for (const std::string& value : {kOne, kLarge}) {
    run(set("key", value));
    EXPECT_EQ(run(expire("key", 1'000)), ok_bool(true));
    expect_holds("key", value, 1'000);
    EXPECT_EQ(run(expire("key", 70)), ok_bool(true));
    advance(69);
    expect_holds("key", value, 1);
    advance(1);
    EXPECT_EQ(run(expire("key", 1'000)), ok_bool(false)) << "too late";
  }
}

TEST_F(Keyspace, ExpireWithZeroDeletes) {
  run(set("key", kOne));
  EXPECT_EQ(run(expire("key", 0)), ok_bool(true));
  EXPECT_EQ(run(exists("key")), ok_bool(false));
  EXPECT_EQ(run(expire("key", 0)), ok_bool(false));
}

TEST_F(Keyspace, ExpirePastTheYear9999IsRefused) {
  run(set("key", kOne));
  const std::uint64_t longest = kDeadlineMax - clock.now();
  EXPECT_EQ(run(expire("key", longest + 1)), invalid("ARGUMENT"));
  expect_holds("key", kOne);
  EXPECT_EQ(run(expire("key", longest)), ok_bool(true));
  expect_holds("key", kOne, static_cast<std::int64_t>(longest));
}

TEST_F(Keyspace, TtlOfAnAbsentKeyIsNull) {
  EXPECT_EQ(run(ttl("key")), null());
  run(set("key", kOne));
  EXPECT_EQ(run(ttl("key")), ok_i64(-1));
}

TEST_F(Keyspace, PersistTakesTheExpiryAway) {
  EXPECT_EQ(run(persist("key")), ok_bool(false));
  for (const std::string& value : {kOne, kLarge}) {
    run(set("key", value, 1'000));
    EXPECT_EQ(run(persist("key")), ok_bool(true));
    EXPECT_EQ(run(persist("key")), ok_bool(false));
    advance(1'000);
    expect_holds("key", value);
  }
}

TEST_F(Keyspace, ExpireAndPersistLeaveALockALock) {
  run(lock("key", "owner", 1'000));
  EXPECT_EQ(run(expire("key", 5'000)), ok_bool(true));
  EXPECT_EQ(run(persist("key")), ok_bool(true));
  expect_holds("key", encode_string("owner"));
  EXPECT_EQ(run(expire("key", 700)), ok_bool(true));
  EXPECT_EQ(run(extend("key", "owner", 900)), ok_bool(true));
  expect_holds("key", encode_string("owner"), 900);
  EXPECT_EQ(run(expire("key", 0)), ok_bool(true));
  EXPECT_EQ(run(lock("key", "other")), ok_bool(true));
}

// SCAN ---------------------------------------------------------------------------------------------------------------

TEST_F(Keyspace, ScanOfNothingEndsAtOnce) {
  EXPECT_EQ(run(scan(0)), ok(u64(0) + u32(0)));
}

TEST_F(Keyspace, ScanFindsEveryKeyWhateverTheCount) {
  std::set<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    expected.insert("key " + std::to_string(i));
    run(set("key " + std::to_string(i), kOne));
  }
  run(set("expired", kOne, 5));
  advance(5);
  for (const std::uint32_t count : {1U, 7U, 100U, 499U, 10'000U, ~0U}) {
    std::multiset<std::string> found;
    std::uint64_t cursor = 0;
    do {
      const ScanPage page = scan_page(run(scan(cursor, count)));
      EXPECT_LE(page.keys.size(), count);
      found.insert(page.keys.begin(), page.keys.end());
      cursor = page.cursor;
    } while (cursor != 0);
    EXPECT_EQ(found, (std::multiset<std::string>(expected.begin(), expected.end()))) << count;
  }
}

TEST_F(Keyspace, ACountOfZeroMeansAHundredAndMoreThan10000IsTaken) {
  Pairs pairs;
  for (int i = 0; i < 12'000; ++i) pairs.emplace_back(std::to_string(i), kOne);
  run(mset(pairs));
  EXPECT_EQ(scan_page(run(scan(0))).keys.size(), 100U);
  EXPECT_EQ(scan_page(run(scan(0, 10'000))).keys.size(), 10'000U);
  EXPECT_EQ(scan_page(run(scan(0, ~0U))).keys.size(), 10'000U);
}

TEST_F(Keyspace, TheCountIsOfEntriesLookedAtSoAPageMayBeEmpty) {
  for (int i = 0; i < 200; ++i) run(set("key " + std::to_string(i), kOne));
  const ScanPage page = scan_page(run(scan(0, 10, "nothing*")));
  EXPECT_TRUE(page.keys.empty());
  EXPECT_NE(page.cursor, 0U);
  EXPECT_EQ(keys("key 19?").size(), 10U);
  EXPECT_EQ(keys("nothing*").size(), 0U);
}

TEST_F(Keyspace, APatternMayBeAnyBytes) {
  run(set("grüße", kOne));
  run(set("\xC3\xBF", kOne));  // ÿ
  EXPECT_EQ(keys("\xC3?"), Keys{"\xC3\xBF"});
  EXPECT_EQ(keys("\xC3"), Keys{});
  EXPECT_EQ(keys("gr\xC3[\xB0-\xBF]\xC3\x9F"
                 "e"),
            Keys{"grüße"});
  EXPECT_EQ(keys(std::string("*\0*", 3)), Keys{});
  EXPECT_EQ(keys("").size(), 2U);
}

// The reply stays bounded however long the keys are.
TEST_F(Keyspace, AScanOfLongKeysEndsItsPagesEarly) {
  Keys expected;
  for (int i = 0; i < 60; ++i) {
    expected.push_back(std::to_string(100 + i) + std::string(60'000, 'k'));
    run(set(expected.back(), kOne));
  }
  const Reply reply = run(scan(0, 10'000));
  EXPECT_LE(reply.payload.size(), (1U << 20) + 65'535);
  EXPECT_NE(scan_page(reply).cursor, 0U);
  Keys found = keys();
  std::ranges::sort(found);
  EXPECT_EQ(found, expected);
}

TEST(KeyspaceLimits, AScanGoesOnUnderASmallPayloadLimit) {
  TestServer server({.payload_bytes_max = kPayloadBytesFloor});
  Keys expected;
  for (int i = 0; i < 50; ++i) {
    expected.push_back(std::to_string(100 + i) + std::string(900, 'k'));
    server.run(set(expected.back(), kOne));
  }
  Keys found = server.keys();
  std::ranges::sort(found);
  EXPECT_EQ(found, expected);
}

TEST(KeyspaceLimits, NoKeyIsTakenThatNoScanCouldReturn) {
  TestServer server({.payload_bytes_max = kPayloadBytesFloor});
  const std::string longest(kPayloadBytesFloor - 14, 'k');
  EXPECT_EQ(server.run(incr(longest)), ok_i64(1));
  EXPECT_EQ(server.run(incr(longest + "k")), invalid("KEY"));
  EXPECT_EQ(server.keys(), Keys{longest});
}

TEST_F(Keyspace, AnyCursorDoesNoHarm) {
  Random random;
  for (int i = 0; i < 100; ++i) run(set(std::to_string(i), kOne));
  for (int i = 0; i < 300; ++i) {
    const ScanPage page = scan_page(run(scan(random.next(), 10)));
    for (const std::string& key : page.keys) EXPECT_EQ(run(exists(key)), ok_bool(true));
  }
}

TEST_F(Keyspace, FlushRemovesEverythingAndCounts) {
  EXPECT_EQ(run(flush()), ok_u64(0));
  for (int i = 0; i < 100; ++i) run(set(std::to_string(i), i % 10 == 0 ? kLarge : kOne));
  run(set("expired", kOne, 5));
  run(lock("lock", "owner"));
  advance(5);
  EXPECT_EQ(run(flush()), ok_u64(101));
  EXPECT_TRUE(keys().empty());
  EXPECT_EQ(run(lock("lock", "other")), ok_bool(true));
}

TEST_F(Keyspace, WhatIsWrongWithThePayloadIsSaidAndChangesNothing) {
  using enum protocol::Command;
  run(set("key", kOne));
  EXPECT_EQ(run(frame(kFlush, "x")), invalid("FRAME"));
  EXPECT_EQ(run(frame(kExpire, sized("key"))), invalid("FRAME"));
  EXPECT_EQ(run(frame(kExpire, sized("key") + u64(1) + "x")), invalid("FRAME"));
  EXPECT_EQ(run(frame(kExpire, sized("") + u64(1))), invalid("KEY"));
  EXPECT_EQ(run(frame(kTtl, "")), invalid("KEY"));
  EXPECT_EQ(run(frame(kPersist, "\xFF")), invalid("KEY"));
  EXPECT_EQ(run(frame(kScan, u64(0) + u32(0))), invalid("FRAME"));
  EXPECT_EQ(run(frame(kScan, u64(0) + u32(0) + u16(2) + "a")), invalid("FRAME"));
  EXPECT_EQ(run(frame(kScan, u64(0) + u32(0) + u16(0) + "a")), invalid("FRAME"));
  expect_holds("key", kOne);
}

}  // namespace
}  // namespace kv::test
