// Commands on one value: GET SET DEL EXISTS TYPE SETNX SWAP TAKE CAS.
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "command/test_server.hpp"
#include "support/base/random.hpp"
#include "support/value/random_value.hpp"

namespace kv::test {
namespace {

using namespace value;  // NOLINT(google-build-using-namespace): the values that tests write

class Strings : public CommandTest {};

const std::string kOne = encode_int(1);
const std::string kTwo = encode_int(2);

// A String too long for a slab.
std::string large(char fill) {
  return encode_string(std::string(5'000, fill));
}

// One value of each type, as it has to come back.
std::vector<std::string> all_types() {
  return {encode_null(),
          encode_int(-42),
          encode_float(1.5),
          encode_decimal("1.10"),
          encode_string("grüße"),
          encode_bytes(std::string("\0\xFF", 2)),
          list_of({encode_int(1), encode_null(), list_of({})}),
          map_of({{"b", encode_int(1)}, {"a", encode_bool(true)}, {"", encode_null()}}),
          encode_bool(false)};
}

// Values too large to be copied ------------------------------------------------------------------------------------

TEST_F(Strings, ValuesOfEverySizeComeBackWhole) {
  std::vector<std::string> values;
  for (const std::size_t around : {std::size_t{1'024}, kReplyTailBytesMin}) {
    for (std::size_t size = around - 30; size <= around + 10; ++size)
      values.push_back(encode_bytes(std::string(size, 'v')));
  }
  for (const std::size_t size : {kReplyTailBytesMin * 3, std::size_t{1} << 20}) {
    values.push_back(encode_string(std::string(size, 's')));
    values.push_back(list_of({encode_int(1), encode_bytes(std::string(size, 'b'))}));
    values.push_back(map_of({{"k", encode_bytes(std::string(size, 'm'))}}));
  }
  for (const std::string& value : values) {
    run(set("key", value));
    ASSERT_TRUE(run(get("key")) == ok(value)) << value.size();
    ASSERT_TRUE(run(cas("key", kOne, kTwo)) == ok('\0' + value)) << value.size();
    ASSERT_TRUE(run(swap("key", value)) == ok(value)) << value.size();
    ASSERT_TRUE(run(mget({"key", "absent", "key"})) == ok(std::string("\0\3", 2) + value + encode_null() + value))
        << value.size();
    ASSERT_TRUE(run(take("key")) == ok(value)) << value.size();
    ASSERT_EQ(run(get("key")), null());
  }
}

// Whoever has been answered has the value of that moment, though it is sent later.
TEST_F(Strings, ALargeReplyStaysAsItWasWhateverBecomesOfTheKey) {
  const std::string first = encode_bytes(std::string(kReplyTailBytesMin, '1'));
  const std::string second = encode_bytes(std::string(kReplyTailBytesMin, '2'));
  for (const std::string& request : {get("key"), take("key"), swap("key", second), cas("key", kOne, kTwo)}) {
    run(set("key", first));
    ByteBuffer out;
    const protocol::Handled handled =
        dispatcher.handle({static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)}, *caller, clock.now(),
                          protocol::Weight::kLight, out);
    ASSERT_NE(handled.tail, nullptr);
    run(set("key", second));
    run(flush());
    EXPECT_TRUE(handled.tail->bytes() == std::string(kReplyTailBytesMin, '1'));
    EXPECT_LT(out.size(), 20U);
  }
}

// GET, SET, DEL, EXISTS, TYPE ----------------------------------------------------------------------------------------

TEST_F(Strings, GetOfAnAbsentKeyIsNull) {
  EXPECT_EQ(run(get("nope")), null());
}

TEST_F(Strings, EveryTypeComesBackByteForByte) {
  for (const std::string& value : all_types()) {
    EXPECT_EQ(run(set("key", value)), ok());
    EXPECT_EQ(run(get("key")), ok(value));
    EXPECT_EQ(run(type("key")), ok(value.substr(0, 1)));
  }
  for (const std::uint64_t bits : {0x7FF8'0000'0000'0001U, 0xFFF0'0000'0000'0001U, 0x8000'0000'0000'0000U}) {
    const std::string value = encode_float(std::bit_cast<double>(bits));
    run(set("key", value));
    EXPECT_EQ(run(get("key")), ok(value)) << "NaNs and -0.0 keep their bits";
  }
}

TEST_F(Strings, AnyValueComesBackByteForByte) {
  Random random;
  for (int i = 0; i < 500; ++i) {
    const std::string value = random_value(random);
    ASSERT_EQ(run(set("key", value)), ok());
    ASSERT_EQ(run(get("key")), ok(value));
  }
}

TEST_F(Strings, DecimalsComeBackCanonicalWhereverTheyStand) {
  run(set("key", encode_decimal("+1.50e1")));
  EXPECT_EQ(run(get("key")), ok(encode_decimal("15.0")));
  run(set("key", list_of({encode_decimal("-0.00"), map_of({{"d", encode_decimal("007")}})})));
  EXPECT_EQ(run(get("key")), ok(list_of({encode_decimal("0.00"), map_of({{"d", encode_decimal("7")}})})));
}

TEST_F(Strings, SetReplacesValueExpiryAndLock) {
  run(set("key", kOne, 1'000));
  expect_holds("key", kOne, 1'000);
  run(set("key", encode_string("two")));
  expect_holds("key", encode_string("two"));
  run(lock("locked", "owner"));
  run(set("locked", encode_string("owner")));
  EXPECT_EQ(run(unlock("locked", "owner")), error("WRONGTYPE"));
}

TEST_F(Strings, AKeyIsAbsentFromTheMomentOfItsDeadline) {
  run(set("key", kOne, 1'000));
  advance(999);
  expect_holds("key", kOne, 1);
  EXPECT_EQ(run(exists("key")), ok_bool(true));
  advance(1);
  EXPECT_EQ(run(get("key")), null());
  EXPECT_EQ(run(exists("key")), ok_bool(false));
  EXPECT_EQ(run(type("key")), null());
  EXPECT_EQ(run(del("key")), ok_bool(false));
}

TEST_F(Strings, ADeadlinePastTheYear9999IsRefused) {
  const std::uint64_t longest = kDeadlineMax - clock.now();
  for (const auto& request : {set("key", kOne, longest + 1), setnx("key", kOne, ~std::uint64_t{0}),
                              swap("key", kOne, longest + 1), cas("key", encode_null(), kOne, longest + 1)}) {
    EXPECT_EQ(run(request), invalid("ARGUMENT"));
  }
  EXPECT_EQ(run(exists("key")), ok_bool(false));
  EXPECT_EQ(run(set("key", kOne, longest)), ok());
  expect_holds("key", kOne, static_cast<std::int64_t>(longest));
}

TEST_F(Strings, DelSaysWhetherTheKeyWasThere) {
  run(set("key", kOne));
  EXPECT_EQ(run(exists("key")), ok_bool(true));
  EXPECT_EQ(run(del("key")), ok_bool(true));
  EXPECT_EQ(run(del("key")), ok_bool(false));
  EXPECT_EQ(run(exists("key")), ok_bool(false));
}

TEST_F(Strings, KeysAreOneTo65535BytesOfUtf8) {
  for (const std::string& key : {std::string(1, '\0'), std::string(65'535, 'k'), std::string("😀")}) {
    EXPECT_EQ(run(set(key, kOne)), ok());
    EXPECT_EQ(run(get(key)), ok(kOne));
  }
  for (const std::string& key :
       {std::string(), std::string(65'536, 'k'), std::string("\xFF"), std::string("\xC0\x80")}) {
    EXPECT_EQ(run(get(key)), invalid("KEY"));
    EXPECT_EQ(run(del(key)), invalid("KEY"));
  }
  EXPECT_EQ(run(set("", kOne)), invalid("KEY"));
  EXPECT_EQ(run(set("\xFF", kOne)), invalid("KEY"));
}

TEST(StringsLimits, AKeyLimitOfItsOwnHoldsForKeysAlone) {
  TestServer server({.key_bytes_max = 5});
  const std::string longer = "longer than five";
  EXPECT_EQ(server.run(set("12345", kOne)), ok());
  EXPECT_EQ(server.run(set("123456", kOne)), invalid("KEY"));
  EXPECT_EQ(server.run(get("123456")), invalid("KEY"));
  EXPECT_EQ(server.run(set("key", map_of({{longer, kOne}}))), ok());
  EXPECT_EQ(server.run(test::lock("lock", longer)), ok_bool(true));
}

// SETNX, SWAP, TAKE
// ----------------------------------------------------------------------------------------------------

TEST_F(Strings, SetnxStoresOnlyWhereNothingIs) {
  EXPECT_EQ(run(setnx("key", kOne, 500)), ok_bool(true));
  EXPECT_EQ(run(setnx("key", kTwo, 900)), ok_bool(false));
  expect_holds("key", kOne, 500);
  advance(500);
  EXPECT_EQ(run(setnx("key", kTwo)), ok_bool(true));
  expect_holds("key", kTwo);
  EXPECT_EQ(run(setnx("large", large('a'))), ok_bool(true));
  EXPECT_EQ(run(setnx("large", large('b'))), ok_bool(false));
  expect_holds("large", large('a'));
}

TEST_F(Strings, SwapSetsEitherWayAndAnswersWithTheOldValue) {
  EXPECT_EQ(run(swap("key", kOne, 700)), null());
  expect_holds("key", kOne, 700);
  EXPECT_EQ(run(swap("key", kTwo)), ok(kOne));
  expect_holds("key", kTwo);
  EXPECT_EQ(run(swap("key", large('a'))), ok(kTwo));
  EXPECT_EQ(run(swap("key", large('b'), 5)), ok(large('a')));
  expect_holds("key", large('b'), 5);
  EXPECT_EQ(run(swap("key", encode_null())), ok(large('b')));
  expect_holds("key", encode_null());
}

TEST_F(Strings, SwapMakesAnOrdinaryValueOfALock) {
  run(lock("key", "owner"));
  EXPECT_EQ(run(swap("key", kOne)), ok(encode_string("owner")));
  EXPECT_EQ(run(unlock("key", "owner")), error("WRONGTYPE"));
  expect_holds("key", kOne);
}

TEST_F(Strings, TakeAnswersAndDeletes) {
  EXPECT_EQ(run(take("key")), null());
  for (const std::string& value : {kOne, large('a'), encode_null()}) {
    run(set("key", value, 1'000));
    EXPECT_EQ(run(take("key")), ok(value));
    EXPECT_EQ(run(exists("key")), ok_bool(false));
  }
  run(lock("key", "owner"));
  EXPECT_EQ(run(take("key")), ok(encode_string("owner")));
  EXPECT_EQ(run(lock("key", "other")), ok_bool(true)) << "it frees a lock like any removal";
}

// CAS
// ------------------------------------------------------------------------------------------------------------------

TEST_F(Strings, CasSwapsWhenTheCurrentValueIsAsExpected) {
  run(set("key", kOne));
  EXPECT_EQ(run(cas("key", kOne, kTwo)), ok_bool(true));
  EXPECT_EQ(run(cas("key", kOne, encode_int(3))), ok_not_swapped(kTwo));
  expect_holds("key", kTwo);
}

TEST_F(Strings, CasOfAnAbsentKey) {
  EXPECT_EQ(run(cas("key", kOne, kTwo)), null());
  EXPECT_EQ(run(exists("key")), ok_bool(false));
  EXPECT_EQ(run(cas("key", encode_null(), kTwo)), ok_bool(true));
  expect_holds("key", kTwo);
  EXPECT_EQ(run(cas("other", encode_null(), kTwo, 300)), ok_bool(true));
  expect_holds("other", kTwo, 300);
  advance(300);
  EXPECT_EQ(run(cas("other", kTwo, kOne)), null());
  EXPECT_EQ(run(cas("other", encode_null(), kOne)), ok_bool(true)) << "an expired key is absent";
  expect_holds("other", kOne);
}

TEST_F(Strings, CasWithNullMatchesAStoredNullToo) {
  run(set("key", encode_null()));
  EXPECT_EQ(run(cas("key", encode_null(), kOne)), ok_bool(true));
  EXPECT_EQ(run(cas("key", encode_null(), kTwo)), ok_not_swapped(kOne));
}

TEST_F(Strings, CasKeepsTheExpiryUnlessItIsGivenOne) {
  run(set("key", kOne, 1'000));
  EXPECT_EQ(run(cas("key", kOne, kTwo)), ok_bool(true));
  expect_holds("key", kTwo, 1'000);
  EXPECT_EQ(run(cas("key", kTwo, kOne, 50)), ok_bool(true));
  expect_holds("key", kOne, 50);
  EXPECT_EQ(run(cas("key", kTwo, kOne, 70)), ok_not_swapped(kOne));
  expect_holds("key", kOne, 50);
  run(set("key", kOne));
  EXPECT_EQ(run(cas("key", kOne, kTwo, 30)), ok_bool(true));
  expect_holds("key", kTwo, 30);
}

TEST_F(Strings, CasThatSwapsMakesAnOrdinaryValueOfALock) {
  run(lock("key", "owner"));
  EXPECT_EQ(run(cas("key", encode_string("another"), kOne)), ok_not_swapped(encode_string("owner")));
  EXPECT_EQ(run(extend("key", "owner")), ok_bool(true)) << "still a lock";
  EXPECT_EQ(run(cas("key", encode_string("owner"), encode_string("owner"))), ok_bool(true));
  EXPECT_EQ(run(unlock("key", "owner")), error("WRONGTYPE"));
  expect_holds("key", encode_string("owner"), 30'000);
}

TEST_F(Strings, CasComparesAsTheProtocolDefinesEquality) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double other_nan = std::bit_cast<double>(0x7FF8'0000'0000'0001U);
  struct Case {
    std::string current;
    std::string expected;
    bool equal;
  };
  const std::vector<Case> cases{
      {encode_int(0), encode_float(0), false},
      {encode_int(1), encode_bool(true), false},
      {encode_string("a"), encode_bytes("a"), false},
      {encode_float(0.0), encode_float(-0.0), true},
      {encode_float(nan), encode_float(nan), true},
      {encode_float(nan), encode_float(other_nan), false},
      {encode_decimal("1.0"), encode_decimal("1.00"), true},
      {encode_decimal("1.0"), encode_decimal("+10e-1"), true},
      {encode_decimal("1.0"), encode_decimal("1.01"), false},
      {list_of({kOne, kTwo}), list_of({kOne, kTwo}), true},
      {list_of({kOne, kTwo}), list_of({kTwo, kOne}), false},
      {list_of({kOne}), list_of({kOne, kTwo}), false},
      {map_of({{"a", kOne}, {"b", kTwo}}), map_of({{"b", kTwo}, {"a", kOne}}), true},
      {map_of({{"a", kOne}, {"b", kTwo}}), map_of({{"a", kTwo}, {"b", kOne}}), false},
      {map_of({{"d", encode_decimal("2")}}), map_of({{"d", encode_decimal("2.0")}}), true},
  };
  for (const Case& c : cases) {
    run(set("key", c.current));
    const Reply reply = run(cas("key", c.expected, encode_string("swapped")));
    EXPECT_EQ(reply, c.equal ? ok_bool(true) : ok_not_swapped(c.current)) << ok(c.current) << " and " << ok(c.expected);
    EXPECT_EQ(run(get("key")), ok(c.equal ? encode_string("swapped") : c.current));
  }
}

TEST_F(Strings, CasOfLargeValues) {
  run(set("key", large('a'), 1'000));
  EXPECT_EQ(run(cas("key", large('b'), kOne)), ok_not_swapped(large('a')));
  EXPECT_EQ(run(cas("key", encode_null(), kOne)), ok_not_swapped(large('a')));
  EXPECT_EQ(run(cas("key", large('a'), large('b'))), ok_bool(true));
  expect_holds("key", large('b'), 1'000);
  EXPECT_EQ(run(cas("key", large('b'), kOne, 400)), ok_bool(true));
  expect_holds("key", kOne, 400);
  EXPECT_EQ(run(cas("key", kOne, large('c'))), ok_bool(true));
  expect_holds("key", large('c'), 400);
  EXPECT_EQ(run(cas("new", encode_null(), large('d'))), ok_bool(true));
  expect_holds("new", large('d'));
}

// The first fault in the bytes is the one reported, and nothing has changed.
TEST_F(Strings, WhatIsWrongWithThePayloadIsSaidAndChangesNothing) {
  run(set("key", kOne));
  const std::string bad_value = "\x09";
  const std::string ttl_max = u64(~std::uint64_t{0});
  struct Case {
    protocol::Command command;
    std::string payload;
    const char* word;
  };
  using enum protocol::Command;
  const std::vector<Case> cases{
      {kSet, "", "FRAME"},
      {kSet, sized("key") + u64(0), "FRAME"},
      {kSet, sized("key") + u64(0) + kOne + "x", "FRAME"},
      {kSet, sized("key") + u64(0) + bad_value, "VALUE"},
      {kSet, sized("key") + ttl_max + bad_value, "ARGUMENT"},
      {kSet, sized("\xFF") + ttl_max + bad_value, "KEY"},
      {kSetnx, sized("key") + u64(0) + encode_bool(true).substr(0, 1) + "\x02", "VALUE"},
      {kSwap, sized("key") + u64(0) + encode_decimal("1.2.3"), "VALUE"},
      {kSwap, sized("key") + u64(0) + encode_string("\xFF"), "VALUE"},
      {kSwap, sized("key") + u64(0) + map_of({{"a", kOne}, {"a", kOne}}), "VALUE"},
      {kCas, sized("key") + kOne + bad_value + u64(0), "VALUE"},
      {kCas, sized("key") + bad_value + kTwo + u64(0), "VALUE"},
      {kCas, sized("key") + kOne + kTwo + ttl_max, "ARGUMENT"},
      {kCas, sized("key") + kOne + kTwo, "FRAME"},
      {kSet, sized("key") + u64(0) + list_of({}).substr(0, 1) + u32(0xFFFF'FFFF), "FRAME"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(run(frame(c.command, c.payload)), invalid(c.word)) << ok(c.payload);
    expect_holds("key", kOne);
  }
}

}  // namespace
}  // namespace kv::test
