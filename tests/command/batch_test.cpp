// Commands on several keys: MGET MSET MDEL MEXISTS.
#include <string>

#include <gtest/gtest.h>

#include "command/test_server.hpp"

namespace kv::test {
namespace {

using namespace value;  // NOLINT(google-build-using-namespace): the values that tests write

class Batch : public CommandTest {};

const std::string kOne = encode_int(1);
const std::string kTwo = encode_int(2);
const std::string kLarge = encode_bytes(std::string(5'000, 'x'));

TEST_F(Batch, MgetAnswersInTheOrderOfTheKeysWithNullForAbsentOnes) {
  run(set("a", kOne));
  run(set("large", kLarge));
  run(set("null", encode_null()));
  run(set("gone", kTwo, 10));
  advance(10);
  EXPECT_EQ(run(mget({"large", "nope", "a", "gone", "null", "a"})),
            ok_values({kLarge, encode_null(), kOne, encode_null(), encode_null(), kOne}));
  EXPECT_EQ(run(mexists({"large", "nope", "a", "gone", "null", "a"})),
            ok_bools({true, false, true, false, true, true}));
}

TEST_F(Batch, MsetSetsAllWithOneTtl) {
  run(set("a", kTwo, 9'000));
  EXPECT_EQ(run(mset({{"a", kOne}, {"b", kLarge}}, 500)), ok());
  expect_holds("a", kOne, 500);
  expect_holds("b", kLarge, 500);
  EXPECT_EQ(run(mset({{"a", kTwo}})), ok());
  expect_holds("a", kTwo);
}

TEST_F(Batch, OfAKeyNamedTwiceTheLastWins) {
  EXPECT_EQ(run(mset({{"a", kOne}, {"b", kTwo}, {"a", kLarge}, {"a", kTwo}})), ok());
  expect_holds("a", kTwo);
  EXPECT_EQ(run(mset({{"a", kTwo}, {"a", kLarge}})), ok());
  expect_holds("a", kLarge);
}

TEST_F(Batch, MsetMakesOrdinaryValuesOfLocks) {
  run(lock("key", "owner"));
  run(mset({{"key", encode_string("owner")}}));
  EXPECT_EQ(run(unlock("key", "owner")), error("WRONGTYPE"));
}

TEST_F(Batch, MdelCountsEachKeyOnce) {
  run(mset({{"a", kOne}, {"b", kTwo}, {"c", kLarge}}));
  run(lock("lock", "owner"));
  EXPECT_EQ(run(mdel({"a", "nope", "b", "a", "lock"})), ok_u32(3));
  EXPECT_EQ(run(mexists({"a", "b", "c", "lock"})), ok_bools({false, false, true, false}));
}

TEST_F(Batch, ACountOfZeroIsFine) {
  EXPECT_EQ(run(mget({})), ok_values({}));
  EXPECT_EQ(run(mset({})), ok());
  EXPECT_EQ(run(mdel({})), ok_u32(0));
  EXPECT_EQ(run(mexists({})), ok_bools({}));
}

TEST_F(Batch, ManyKeysAtOnce) {
  Keys all;
  Pairs pairs;
  for (int i = 0; i < 65'535; ++i) {
    all.push_back(std::to_string(i));
    pairs.emplace_back(all.back(), encode_int(i));
  }
  EXPECT_EQ(run(mset(pairs)), ok());
  const Reply values = run(mget(all));
  ASSERT_EQ(values.payload.size(), 2 + 9 * all.size());
  EXPECT_EQ(values.payload.substr(values.payload.size() - 9), encode_int(65'534));
  EXPECT_EQ(run(mdel(all)), ok_u32(65'535));
  EXPECT_EQ(engine.usage().entries, 0U);
}

TEST_F(Batch, AReplyOverThePayloadLimitIsTooLarge) {
  TestServer server({.payload_bytes_max = 100'000});
  server.run(set("big", encode_bytes(std::string(60'000, 'x'))));
  EXPECT_EQ(server.run(mget({"big"})).payload.size(), 2 + 5 + 60'000U);
  EXPECT_EQ(server.run(mget({"big", "big"})), error("TOOLARGE"));
  EXPECT_EQ(server.run(mexists({"big", "big"})), ok_bools({true, true}));
  EXPECT_EQ(server.counters.totals().errors[static_cast<std::size_t>(Errc::kReplyTooLarge)], 1U);
  // 4 GB in all, asked for with half a megabyte: nothing is copied to find out.
  TestServer usual;
  usual.run(set("big", encode_bytes(std::string(60'000'000, 'x'))));
  EXPECT_EQ(usual.run(mget(Keys(65'535, "big"))), error("TOOLARGE"));
}

TEST_F(Batch, CountsHitsAndMisses) {
  run(set("a", kOne));
  run(get("a"));
  run(get("nope"));
  run(mget({"a", "a", "nope"}));
  const auto totals = counters.totals();
  EXPECT_EQ(totals[observability::Counter::kHits], 3U);
  EXPECT_EQ(totals[observability::Counter::kMisses], 2U);
}

TEST_F(Batch, WhatIsWrongWithThePayloadIsSaidAndChangesNothing) {
  using enum protocol::Command;
  run(set("a", kOne));
  EXPECT_EQ(run(frame(kMget, "\x01")), invalid("FRAME"));
  EXPECT_EQ(run(frame(kMget, u16(2) + sized("a"))), invalid("FRAME"));
  EXPECT_EQ(run(frame(kMget, u16(1) + sized("a") + "x")), invalid("FRAME"));
  EXPECT_EQ(run(frame(kMexists, u16(2) + sized("a") + sized(""))), invalid("KEY"));
  EXPECT_EQ(run(frame(kMdel, u16(2) + sized("a") + sized("\xFF"))), invalid("KEY"));
  EXPECT_EQ(run(frame(kMset, u16(2) + u64(0) + sized("a") + kTwo + sized("b"))), invalid("FRAME"));
  EXPECT_EQ(run(frame(kMset, u16(2) + u64(0) + sized("a") + kTwo + sized("b") + "\x09")), invalid("VALUE"));
  EXPECT_EQ(run(frame(kMset, u16(1) + u64(~std::uint64_t{0}) + sized("a") + kTwo)), invalid("ARGUMENT"));
  expect_holds("a", kOne);
  EXPECT_EQ(keys(), Keys{"a"});
}

}  // namespace
}  // namespace kv::test
