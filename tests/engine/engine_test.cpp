#include "kv/engine/engine.hpp"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "engine/hash.hpp"
#include "engine/test_engine.hpp"

namespace kv::engine {
namespace {

using test::call_at;
using test::Keys;
using test::Seen;
using test::TestEngine;

class EngineTest : public testing::Test, public TestEngine {};

TEST_F(EngineTest, AnEmptyEngineHasNothing) {
  EXPECT_EQ(engine.shards(), 7U);
  EXPECT_FALSE(has("key"));
  EXPECT_FALSE(get_exclusively("key").has_value());
  EXPECT_FALSE(remove("key"));
  EXPECT_EQ(remove_many({"key", "other"}), 0U);
  EXPECT_EQ(engine.flush(call_at(now)), 0U);
  EXPECT_TRUE(scan().empty());
  const Engine::Usage usage = engine.usage();
  EXPECT_EQ(usage.entries + usage.data_bytes + usage.table_bytes + usage.expired_total + usage.waiters, 0U);
}

TEST_F(EngineTest, ReadsWhatWasPut) {
  put("key", "value");
  EXPECT_EQ(get("key"), (Seen{"value", 0, false}));
  EXPECT_EQ(get_exclusively("key"), (Seen{"value", 0, false}));
  put("key", "other", now + 5);
  EXPECT_EQ(get("key"), (Seen{"other", now + 5, false}));
  put("key", "longer than it was before");
  EXPECT_EQ(get("key"), (Seen{"longer than it was before", 0, false}));
  EXPECT_EQ(engine.usage().entries, 1U);
}

TEST_F(EngineTest, KeepsTheTypeOfAValue) {
  for (int type = 0; type <= value::kValueTypeLast; ++type) {
    const value::ValueView value{static_cast<value::ValueType>(type), "12345678"};
    engine.modify("key", call_at(now), [&](const EntryView*) { return Change::put(value, 0); });
    engine.read("key", call_at(now), [&](const EntryView& entry) {
      EXPECT_EQ(entry.value.type, value.type);
      EXPECT_EQ(entry.value.data, value.data);
    });
  }
}

TEST_F(EngineTest, KeysAreBytesOfAnyKindAndLength) {
  const Keys keys{std::string(1, '\0'),     std::string("a\0b", 3),  "a", "ü€😀",
                  std::string(65'535, 'k'), std::string(65'534, 'k')};
  for (const std::string& key : keys) put(key, "value of " + key.substr(0, 5));
  for (const std::string& key : keys) EXPECT_EQ(get(key)->data, "value of " + key.substr(0, 5));
  EXPECT_EQ(engine.usage().entries, keys.size());
  for (const std::string& key : keys) EXPECT_TRUE(remove(key));
  EXPECT_EQ(engine.usage().data_bytes, 0U);
}

TEST_F(EngineTest, ModifyCanKeepAsItIs) {
  put("key", "value", now + 9);
  int calls = 0;
  engine.modify("key", call_at(now), [&](const EntryView* entry) {
    ++calls;
    EXPECT_NE(entry, nullptr);
    return Change::keep();
  });
  engine.modify("absent", call_at(now), [&](const EntryView* entry) {
    ++calls;
    EXPECT_EQ(entry, nullptr);
    return Change::keep();
  });
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(get("key"), (Seen{"value", now + 9, false}));
  EXPECT_FALSE(has("absent"));
}

TEST_F(EngineTest, AValueMayBeMadeOfTheOneBefore) {
  for (const std::size_t size : {std::size_t{5}, std::size_t{900}, std::size_t{5'000}}) {
    const std::string data = std::string(size - 1, 'a') + "b";
    put("key", data);
    // The same bytes with another deadline, and then a part of them.
    engine.modify("key", call_at(now), [&](const EntryView* entry) { return Change::put(entry->value, now + 5); });
    EXPECT_EQ(get("key"), (Seen{data, now + 5, false}));
    engine.modify("key", call_at(now), [&](const EntryView* entry) {
      return Change::put({entry->value.type, entry->value.data.substr(2)}, 0);
    });
    EXPECT_EQ(get("key"), (Seen{data.substr(2), 0, false}));
  }
}

TEST_F(EngineTest, RemovesAKeyOnce) {
  put("key", "value");
  EXPECT_TRUE(remove("key"));
  EXPECT_FALSE(remove("key"));
  EXPECT_FALSE(has("key"));
}

TEST_F(EngineTest, AKeyIsAbsentForEveryCallFromTheMomentOfItsDeadline) {
  put("key", "value", now + 10);
  now += 9;
  EXPECT_TRUE(has("key"));
  EXPECT_TRUE(get_exclusively("key").has_value());
  EXPECT_TRUE(get_many({"key"})[0].has_value());
  EXPECT_EQ(scan(), Keys{"key"});
  ++now;
  // Calls that only look leave the entry where it is, so each of them has to see that it has expired.
  EXPECT_FALSE(has("key"));
  EXPECT_FALSE(get_many({"key"})[0].has_value());
  EXPECT_TRUE(scan().empty());
  EXPECT_EQ(engine.usage().entries, 1U);
  EXPECT_FALSE(get_exclusively("key").has_value());
  EXPECT_EQ(engine.usage().entries, 0U);
  EXPECT_EQ(engine.usage().expired_total, 1U);
}

TEST_F(EngineTest, AnExpiredKeyCountsAsAbsentForEveryChange) {
  const auto expired = [&](const std::string& key) {
    put(key, "old", now + 1);
    ++now;
  };
  expired("removed");
  EXPECT_FALSE(remove("removed"));
  expired("removed with others");
  EXPECT_EQ(remove_many({"removed with others"}), 0U);
  expired("flushed");
  EXPECT_EQ(engine.flush(call_at(now)), 0U);
  expired("put again");
  put("put again", "new");
  EXPECT_EQ(get("put again"), (Seen{"new", 0, false}));
  expired("put with others");
  put_many({{"put with others", "new"}});
  EXPECT_EQ(get("put with others"), (Seen{"new", 0, false}));
  expired("locked");
  EXPECT_TRUE(lock("locked", "owner"));
  expired("deadline");
  EXPECT_FALSE(set_deadline("deadline", now + 100));
  EXPECT_FALSE(has("deadline"));
}

TEST_F(EngineTest, SetsDeadlinesOfSmallLargeAndLockEntries) {
  put("small", "value");
  put("large", std::string(5'000, 'x'));
  ASSERT_TRUE(lock("lock", "owner"));
  for (const char* key : {"small", "large", "lock"}) {
    const Seen before = *get(key);
    for (const UnixMillis deadline : {now + 5, now + 7, UnixMillis{0}, UnixMillis{0}, now + 3}) {
      EXPECT_TRUE(set_deadline(key, deadline));
      EXPECT_EQ(get(key), (Seen{before.data, deadline, before.is_lock})) << key;
    }
  }
  now += 3;
  EXPECT_TRUE(scan().empty());
}

TEST_F(EngineTest, ReadManyShowsEachKeyInItsPlace) {
  put("a", "1");
  put("b", std::string(5'000, '2'), now + 10);
  put("gone", "3", now + 1);
  ++now;
  const auto found = get_many({"b", "none", "a", "gone", "a"});
  EXPECT_EQ(found[0], (Seen{std::string(5'000, '2'), now + 9, false}));
  EXPECT_EQ(found[1], std::nullopt);
  EXPECT_EQ(found[2], (Seen{"1", 0, false}));
  EXPECT_EQ(found[3], std::nullopt);
  EXPECT_EQ(found[4], found[2]);
  EXPECT_EQ(found.size(), 5U);
  EXPECT_TRUE(get_many({}).empty());
}

TEST_F(EngineTest, PutManyPutsAllWithOneDeadlineAndTheLastOfAKeyWins) {
  put("b", "old", now + 1'000);
  put_many(
      {{"a", "1"}, {"b", "2"}, {"a", std::string(5'000, 'x')}, {"a", std::string(5'000, 'y')}, {"c", "3"}, {"a", "4"}},
      now + 5);
  EXPECT_EQ(get("a"), (Seen{"4", now + 5, false}));
  EXPECT_EQ(get("b"), (Seen{"2", now + 5, false}));
  EXPECT_EQ(get("c"), (Seen{"3", now + 5, false}));
  put_many({{"a", "without"}});
  EXPECT_EQ(get("a"), (Seen{"without", 0, false}));
  put_many({});
  EXPECT_EQ(engine.usage().entries, 3U);
}

TEST_F(EngineTest, PutManyMakesAnOrdinaryValueOfALock) {
  ASSERT_TRUE(lock("key", "owner"));
  put_many({{"key", "owner"}});
  EXPECT_EQ(get("key"), (Seen{"owner", 0, false}));
}

TEST_F(EngineTest, RemoveManyCountsEachKeyOnce) {
  for (const char* key : {"a", "b", "c", "d"}) put(key, "value");
  put("large", std::string(5'000, 'x'));
  EXPECT_EQ(remove_many({"a", "none", "b", "a", "large", "large"}), 3U);
  EXPECT_EQ(remove_many({}), 0U);
  Keys left = scan();
  std::ranges::sort(left);
  EXPECT_EQ(left, (Keys{"c", "d"}));
}

TEST_F(EngineTest, FlushRemovesEverythingAndCountsWhatWasPresent) {
  for (int i = 0; i < 1'000; ++i)
    put(std::to_string(i), std::string(static_cast<std::size_t>(i) * 2, 'x'), i % 4 == 0 ? now + 1 : 0);
  ++now;
  EXPECT_EQ(engine.flush(call_at(now)), 750U);
  EXPECT_TRUE(scan().empty());
  const Engine::Usage usage = engine.usage();
  EXPECT_EQ(usage.entries + usage.data_bytes + usage.table_bytes, 0U);
  put("after", "value");
  EXPECT_TRUE(has("after"));
}

TEST_F(EngineTest, UsageFollowsWhatIsThere) {
  put("k", "1234567");  // 4 header + 1 + 7
  Engine::Usage usage = engine.usage();
  EXPECT_EQ(usage.entries, 1U);
  EXPECT_EQ(usage.data_bytes, 12U);
  EXPECT_GT(usage.table_bytes, 0U);
  put("k", "1234567", now + 1);  // and 8 for the deadline
  EXPECT_EQ(engine.usage().data_bytes, 20U);
  ++now;
  EXPECT_EQ(engine.usage().entries, 1U) << "expired entries count until they are swept";
  sweep();
  usage = engine.usage();
  EXPECT_EQ(usage.entries, 0U);
  EXPECT_EQ(usage.data_bytes, 0U);
  EXPECT_EQ(usage.expired_total, 1U);
}

TEST_F(EngineTest, PrefetchIsAHintForAnyKeys) {
  put("key", "value");
  std::vector<ByteView> keys(Engine::kPrefetchKeysMax + 10, "key");
  keys[3] = "absent";
  keys[4] = "";
  engine.prefetch(keys);
  engine.prefetch({});
  EXPECT_EQ(get("key")->data, "value");
}

// Each shard takes its part of the keys, and all of them together have them all.
TEST(EngineShards, AnyNumberOfShardsHoldsTheSame) {
  for (const std::uint32_t shards : {1U, 2U, 7U, 256U, 65'536U}) {
    TestEngine engine({.shards = shards});
    std::set<std::string> expected;
    for (int i = 0; i < 2'000; ++i) {
      const std::string key = "key " + std::to_string(i);
      engine.put(key, key);
      expected.insert(key);
    }
    for (const std::string& key : expected) EXPECT_EQ(engine.get(key)->data, key);
    const Keys scanned = engine.scan();
    EXPECT_EQ(scanned.size(), expected.size());
    EXPECT_EQ(std::set<std::string>(scanned.begin(), scanned.end()), expected);
    EXPECT_EQ(engine.engine.flush(call_at(engine.now)), 2'000U);
  }
}

TEST(EngineShards, AShardTakesItsPartOfTheRange) {
  EXPECT_EQ(shard_index(KeyHash{0x0000}, 256), 0U);
  EXPECT_EQ(shard_index(KeyHash{0x00FF}, 256), 0U);
  EXPECT_EQ(shard_index(KeyHash{0x0100}, 256), 1U);
  EXPECT_EQ(shard_index(KeyHash{0xFFFF}, 256), 255U);
  EXPECT_EQ(shard_index(KeyHash{0xFFFF}, 7), 6U);
  EXPECT_EQ(shard_index(KeyHash{0xFFFF}, 65'536), 65'535U);
  EXPECT_EQ(shard_index(KeyHash{0xFFFF}, 1), 0U);
  EXPECT_EQ(shard_index(KeyHash{0xFFFF'FFFF'FFFF'0000}, 256), 0U) << "the other bits have no say";
}

TEST(EngineShards, TheSecretOfTheHashIsNewInEachEngine) {
  const Hasher one;
  const Hasher other;
  EXPECT_EQ(one("key").bits, one("key").bits);
  EXPECT_NE(one("key").bits, one("kez").bits);
  EXPECT_NE(one("key").bits, other("key").bits);
}

}  // namespace
}  // namespace kv::engine
