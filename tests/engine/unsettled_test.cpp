#include "engine/unsettled.hpp"

#include <cstdint>

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

TEST_F(UnsettledReads, OfWhatFlushRemovedDependOnIt) {
  put("a");
  Call call{.now = 1};
  engine.flush(call);
  EXPECT_EQ(read("a"), call.lsn);
  EXPECT_EQ(read("never there"), call.lsn);
}

}  // namespace
}  // namespace kv::engine
