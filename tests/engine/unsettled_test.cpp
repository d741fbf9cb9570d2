#include "engine/unsettled.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "kv/engine/engine.hpp"
#include "kv/engine/mutation.hpp"

namespace kv::engine {
namespace {

constexpr KeyHash kOne{1};
constexpr KeyHash kOther{2};

TEST(Unsettled, KnowsTheLastChangeOfEachKey) {
  Unsettled unsettled;
  EXPECT_EQ(unsettled.last_of(kOne), kNoLsn);
  unsettled.add(kOne, Lsn{1}, kNoLsn);
  unsettled.add(kOther, Lsn{2}, kNoLsn);
  unsettled.add(kOne, Lsn{3}, kNoLsn);
  EXPECT_EQ(unsettled.last_of(kOne), Lsn{3});
  EXPECT_EQ(unsettled.last_of(kOther), Lsn{2});
  EXPECT_EQ(unsettled.last_of(KeyHash{3}), kNoLsn);
}

TEST(Unsettled, WhatChangesAllKeysCountsForEach) {
  Unsettled unsettled;
  unsettled.add(kOne, Lsn{1}, kNoLsn);
  unsettled.add_all(Lsn{2});
  unsettled.add(kOther, Lsn{3}, kNoLsn);
  EXPECT_EQ(unsettled.last_of(kOne), Lsn{2});
  EXPECT_EQ(unsettled.last_of(kOther), Lsn{3});
}

TEST(Unsettled, KnowsTheLastChangeBetweenTwoPositions) {
  Unsettled unsettled;
  for (std::uint64_t i = 1; i <= 5; ++i) unsettled.add(KeyHash{i << 16}, Lsn{10 - i}, kNoLsn);
  EXPECT_EQ(unsettled.last_between(1, 6), Lsn{9});
  EXPECT_EQ(unsettled.last_between(2, 4), Lsn{8});
  EXPECT_EQ(unsettled.last_between(5, ~std::uint64_t{0}), Lsn{5});
  EXPECT_EQ(unsettled.last_between(6, ~std::uint64_t{0}), kNoLsn);
  EXPECT_EQ(unsettled.last_between(3, 3), kNoLsn);
  unsettled.add_all(Lsn{11});
  EXPECT_EQ(unsettled.last_between(6, 7), Lsn{11});
}

TEST(Unsettled, ForgetsNothingThatIsNotSettledHoweverMuchThereIs) {
  Unsettled unsettled;
  constexpr std::uint64_t kChanges = 10'000;
  for (std::uint64_t i = 1; i <= kChanges; ++i) unsettled.add(KeyHash{i}, Lsn{i}, Lsn{i / 2});
  for (std::uint64_t i = kChanges / 2 + 1; i <= kChanges; ++i) EXPECT_EQ(unsettled.last_of(KeyHash{i}), Lsn{i});
}

// Numbers records, and never settles one.
class SlowLog final : public MutationSink {
 public:
  Lsn record(std::span<const Mutation>) noexcept override { return Lsn{++last}; }
  bool reads_depend_on_log() const override { return true; }
  std::uint64_t last = 0;
};

class UnsettledReads : public testing::Test {
 protected:
  UnsettledReads() { engine.set_mutation_sink(&log); }
  Lsn put(ByteView key) {
    Call call{.now = 1};
    engine.modify(key, call, [&](const EntryView*) { return Change::put({}, 0); });
    return call.lsn;
  }
  Lsn read(ByteView key) {
    Call call{.now = 1};
    engine.read(key, call, [](const EntryView&) {});
    return call.lsn;
  }

  // All keys share one shard and its lock, but not what they wait for.
  Engine engine{{.shards = 1}};
  SlowLog log;
};

TEST_F(UnsettledReads, DependOnTheChangesOfTheirOwnKey) {
  put("a");
  const Lsn second = put("a");
  const Lsn third = put("b");
  EXPECT_EQ(read("a"), second);
  EXPECT_EQ(read("b"), third);
  EXPECT_EQ(read("c"), kNoLsn);
}

TEST_F(UnsettledReads, DependOnTheBatchThatChangedTheirKey) {
  put("a");
  const value::KeyValue pairs[] = {{"b", {}}, {"c", {}}};
  Call call{.now = 1};
  engine.put_many(pairs, 0, call);
  EXPECT_EQ(read("b"), call.lsn);
  EXPECT_EQ(read("c"), call.lsn);
  EXPECT_LT(read("a"), call.lsn);
  const ByteView keys[] = {"b"};
  Call removal{.now = 1};
  engine.remove_many(keys, removal);
  EXPECT_EQ(read("b"), removal.lsn);
  EXPECT_EQ(read("c"), call.lsn);
}

// It tells of those that it returns and of those that are absent, from its cursor on to the next.
TEST_F(UnsettledReads, OfAScanDependOnTheKeysBetweenItsCursors) {
  constexpr int kKeys = 100;
  for (int i = 0; i < kKeys; ++i) put(std::to_string(i));
  const ByteView gone[] = {"7", "42", "77"};
  Call removal{.now = 1};
  engine.remove_many(gone, removal);
  int dependent_on_removal = 0;
  Lsn last_of_all = kNoLsn;
  std::uint64_t cursor = 0;
  do {
    Call call{.now = 1};
    Lsn last_of_keys = kNoLsn;
    cursor = engine.scan(cursor, 1, call, [&](ByteView key) {
      last_of_keys = Lsn{static_cast<std::uint64_t>(std::stoi(std::string(key))) + 1};
      return true;
    });
    EXPECT_GE(call.lsn, last_of_keys);
    if (call.lsn == removal.lsn)
      ++dependent_on_removal;
    else
      EXPECT_EQ(call.lsn, last_of_keys) << "of others it has said nothing";
    last_of_all = std::max(last_of_all, call.lsn);
  } while (cursor != 0);
  EXPECT_EQ(last_of_all, removal.lsn);
  EXPECT_GE(dependent_on_removal, 1);
  EXPECT_LE(dependent_on_removal, 3);
}

TEST_F(UnsettledReads, OfWhatFlushRemovedDependOnIt) {
  put("a");
  Call call{.now = 1};
  engine.flush(call);
  EXPECT_EQ(read("a"), call.lsn);
  EXPECT_EQ(read("never there"), call.lsn);
}

}  // namespace
}  // namespace kv::engine
