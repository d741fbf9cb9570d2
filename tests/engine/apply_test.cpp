// Mutations on their way back: recovery applies them.
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "engine/recording_sink.hpp"
#include "engine/test_engine.hpp"

namespace kv::engine {
namespace {

using test::call_at;
using test::Change;
using test::clear;
using test::deadline_of;
using test::delete_of;
using test::lock_of;
using test::put_of;
using test::RecordingSink;
using test::Seen;
using test::TestEngine;

const std::string kLarge(5'000, 'x');

class Apply : public testing::Test, public TestEngine {
 protected:
  void apply(const Change& change) { engine.apply(change.mutation()); }
};

TEST_F(Apply, DoesWhatTheMutationSays) {
  apply(put_of("a", "1"));
  apply(put_of("b", kLarge, now + 5));
  apply(put_of("c", "1", now + 5));
  EXPECT_EQ(get("a"), (Seen{"1"}));
  EXPECT_EQ(get("b"), (Seen{kLarge, now + 5}));
  apply(put_of("a", kLarge));
  apply(put_of("b", "now small"));
  apply(deadline_of("c", 0));
  EXPECT_EQ(get("a"), (Seen{kLarge}));
  EXPECT_EQ(get("b"), (Seen{"now small"}));
  EXPECT_EQ(get("c"), (Seen{"1"}));
  apply(deadline_of("a", now + 7));
  apply(delete_of("b"));
  apply(delete_of("absent"));
  apply(deadline_of("absent", now + 7));
  EXPECT_EQ(entries(), (std::map<std::string, Seen>{{"a", {kLarge, now + 7}}, {"c", {"1"}}}));
  apply(clear());
  EXPECT_EQ(engine.usage().entries, 0U);
  EXPECT_EQ(engine.usage().data_bytes, 0U);
  apply(put_of("a", "1"));
  EXPECT_EQ(get("a"), (Seen{"1"}));
}

TEST_F(Apply, KeepsTheTypeOfAValue) {
  Change put = put_of("key", "12345678");
  put.type = value::ValueType::kInt;
  apply(put);
  engine.read("key", call_at(now), [](const EntryView& entry) { EXPECT_EQ(entry.value.type, value::ValueType::kInt); });
}

TEST_F(Apply, TakesNoNoticeOfTheTime) {
  apply(put_of("key", "value", 1));
  apply(deadline_of("key", 2));
  EXPECT_EQ(entries(), (std::map<std::string, Seen>{{"key", {"value", 2}}}));
  apply(deadline_of("key", now + 1));
  EXPECT_TRUE(has("key"));
}

TEST_F(Apply, IsNotRecorded) {
  RecordingSink sink;
  engine.set_mutation_sink(&sink);
  for (const Change& change :
       {put_of("a", "1"), deadline_of("a", now), lock_of("b", "o", now), delete_of("b"), clear()})
    apply(change);
  EXPECT_TRUE(sink.records().empty());
  engine.set_mutation_sink(nullptr);
}

TEST_F(Apply, TokensGoOnAfterTheLargestOne) {
  Change lock = lock_of("lock", "owner", now + 100);
  lock.token = (now + 10'000) * 65'536;
  apply(lock);
  EXPECT_EQ(engine.last_token(), lock.token);
  EXPECT_EQ(owner("lock"), "owner");
  lock.token -= 5;
  apply(lock);
  EXPECT_EQ(engine.acquire("other", "owner", 10, call_at(now), nullptr).token, (now + 10'000) * 65'536 + 1);
  engine.raise_last_token(3);
  engine.raise_last_token((now + 20'000) * 65'536);
  EXPECT_EQ(engine.last_token(), (now + 20'000) * 65'536);
  EXPECT_EQ(engine.acquire("third", "owner", 10, call_at(now), nullptr).token, (now + 20'000) * 65'536 + 1);
}

TEST_F(Apply, WhatIsReservedIsEnoughForSoManyEntries) {
  constexpr int kKeys = 100'000;
  engine.reserve(kKeys);
  const std::uint64_t reserved = engine.usage().table_bytes;
  for (int i = 0; i < kKeys; ++i) apply(put_of("key " + std::to_string(i), "value"));
  EXPECT_EQ(engine.usage().table_bytes, reserved) << "a table grew";
  EXPECT_LT(reserved, kKeys * 2U * sizeof(std::uint64_t));
  EXPECT_EQ(entries(1'000).size(), kKeys);
}

}  // namespace
}  // namespace kv::engine
