// MGET, MSET, MDEL and MEXISTS, as one client sees them; atomicity_test.cpp has the rest.
#include "integration/server_test.hpp"

namespace kv::test {
namespace {

using Batch = ServerTest;

TEST_F(Batch, MgetAnswersEveryKeyInItsPlaceAndNullForAnAbsentOne) {
  call(set("a", encode_int(1)));
  call(set("c", encode_string("text")));
  EXPECT_EQ(call(mget({"a", "b", "c", "a"})),
            ok_values({encode_int(1), encode_null(), encode_string("text"), encode_int(1)}));
}

TEST_F(Batch, MexistsAnswersEveryKeyInItsPlace) {
  call(mset({{"a", encode_null()}, {"c", encode_int(1)}}));
  EXPECT_EQ(call(mexists({"a", "b", "c", "a"})), ok_bools({true, false, true, true}));
}

TEST_F(Batch, MsetSetsAllWithOneTtl) {
  EXPECT_EQ(call(mset({{"a", encode_int(1)}, {"b", encode_string("x")}}, kLongMs)), ok());
  EXPECT_EQ(call(mget({"a", "b"})), ok_values({encode_int(1), encode_string("x")}));
  EXPECT_GT(call(ttl("a")).i64(), 0);
  EXPECT_GT(call(ttl("b")).i64(), 0);
  EXPECT_EQ(call(mset({{"a", encode_int(2)}})), ok());
  EXPECT_EQ(call(ttl("a")), ok_i64(-1)) << "ttl 0 means no expiry";
}

TEST_F(Batch, TheLastOfTwoPairsWithOneKeyWins) {
  EXPECT_EQ(call(mset({{"k", encode_int(1)}, {"other", encode_int(5)}, {"k", encode_int(2)}})), ok());
  EXPECT_EQ(call(get("k")), ok(encode_int(2)));
}

TEST_F(Batch, MdelCountsAKeyNamedTwiceOnce) {
  call(mset({{"a", encode_int(1)}, {"b", encode_int(1)}, {"c", encode_int(1)}}));
  EXPECT_EQ(call(mdel({"a", "a", "b", "absent", "a"})), ok_u32(2));
  EXPECT_EQ(call(mexists({"a", "b", "c"})), ok_bools({false, false, true}));
  EXPECT_EQ(call(mdel({"a", "b"})), ok_u32(0));
}

TEST_F(Batch, CountZeroIsFine) {
  EXPECT_EQ(call(mget({})), ok_values({}));
  EXPECT_EQ(call(mset({})), ok());
  EXPECT_EQ(call(mset({}, kLongMs)), ok());
  EXPECT_EQ(call(mdel({})), ok_u32(0));
  EXPECT_EQ(call(mexists({})), ok_bools({}));
}

TEST_F(Batch, TheCountsGoTo65535) {
  constexpr std::size_t kMost = 65'535;
  Pairs pairs;
  Keys keys;
  std::vector<std::string> values;
  for (std::size_t i = 0; i < kMost; ++i) {
    keys.push_back("key:" + std::to_string(i));
    values.push_back(encode_int(static_cast<std::int64_t>(i)));
    pairs.emplace_back(keys.back(), values.back());
  }
  EXPECT_EQ(call(mset(pairs)), ok());
  EXPECT_EQ(call(mget(keys)), ok_values(values));
  EXPECT_EQ(call(mexists(keys)), ok_bools(std::vector<bool>(kMost, true)));
  EXPECT_EQ(call(mdel(keys)), ok_u32(kMost));
  EXPECT_EQ(call(mexists(keys)), ok_bools(std::vector<bool>(kMost, false)));
}

TEST_F(Batch, AFaultInTheLastPairChangesNothing) {
  call(set("a", encode_int(1)));
  EXPECT_EQ(call(mset({{"a", encode_int(2)}, {"b", "\xFF"}})), invalid("VALUE"));
  EXPECT_EQ(call(mset({{"a", encode_int(2)}, {"", encode_int(2)}})), invalid("KEY"));
  EXPECT_EQ(call(mdel({"a", ""})), invalid("KEY"));
  EXPECT_EQ(call(get("a")), ok(encode_int(1)));
  EXPECT_EQ(call(exists("b")), ok_bool(false));
}

class SmallPayloads : public ServerTest {
 protected:
  SmallPayloads() : ServerTest({"--max-payload", "1KiB"}) {}
};

TEST_F(SmallPayloads, AReplyOverThePayloadLimitIsErrorTooLargeAndTheConnectionStays) {
  // A reply of exactly 1,024 bytes: a count of 2 and two values of 511.
  const std::string value = encode_bytes(std::string(506, 'v'));
  call(set("k", value));
  EXPECT_EQ(call(mget({"k", "k"})), ok_values({value, value}));
  EXPECT_EQ(call(mget({"k", "k", "absent"})), error("TOOLARGE"));
  EXPECT_EQ(call(mget({"k", "k", "k"})), error("TOOLARGE"));
  EXPECT_EQ(call(get("k")), ok(value));
}

}  // namespace
}  // namespace kv::test
