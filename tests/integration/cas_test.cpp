// CAS, and with it what makes two values equal.
#include <limits>

#include "integration/server_test.hpp"

namespace kv::test {
namespace {

class Cas : public ServerTest {
 protected:
  void expect_equal(const std::string& held, const std::string& expected) {
    call(set("k", held));
    EXPECT_EQ(call(cas("k", expected, encode_string("new"))), ok_bool(true));
    EXPECT_EQ(call(get("k")), ok(encode_string("new")));
  }
  void expect_different(const std::string& held, const std::string& expected) {
    call(set("k", held));
    EXPECT_EQ(call(cas("k", expected, encode_string("new"))), ok_not_swapped(held));
    EXPECT_EQ(call(get("k")), ok(held));
  }
};

TEST_F(Cas, SwapsWhenTheValueIsTheExpectedOneAndElseAnswersTheCurrent) {
  call(set("k", encode_int(1)));
  EXPECT_EQ(call(cas("k", encode_int(2), encode_int(3))), ok_not_swapped(encode_int(1)));
  EXPECT_EQ(call(cas("k", encode_int(1), encode_int(3))), ok_bool(true));
  EXPECT_EQ(call(get("k")), ok(encode_int(3)));
}

TEST_F(Cas, AnAbsentKeyIsCreatedByExpectedNullAndElseAnswersNull) {
  EXPECT_EQ(call(cas("k", encode_int(1), encode_int(2))), null());
  EXPECT_EQ(call(exists("k")), ok_bool(false));
  EXPECT_EQ(call(cas("k", encode_null(), encode_int(2))), ok_bool(true));
  EXPECT_EQ(call(get("k")), ok(encode_int(2)));
  EXPECT_EQ(call(ttl("k")), ok_i64(-1));
  EXPECT_EQ(call(cas("t", encode_null(), encode_int(2), kLongMs)), ok_bool(true));
  EXPECT_GT(call(ttl("t")).i64(), 0);
}

TEST_F(Cas, ExpectedNullMatchesAStoredNullToo) {
  expect_equal(encode_null(), encode_null());
  expect_different(encode_int(0), encode_null());
}

TEST_F(Cas, TtlZeroKeepsTheExpiryAndAnyOtherSetsIt) {
  call(set("k", encode_int(1), kLongMs));
  EXPECT_EQ(call(cas("k", encode_int(1), encode_int(2), 0)), ok_bool(true));
  const std::int64_t kept = call(ttl("k")).i64();
  EXPECT_GT(kept, 0);
  EXPECT_EQ(call(cas("k", encode_int(2), encode_int(3), 10 * kLongMs)), ok_bool(true));
  EXPECT_GT(call(ttl("k")).i64(), static_cast<std::int64_t>(kLongMs));
  EXPECT_EQ(call(cas("k", encode_int(9), encode_int(4), kLongMs)), ok_not_swapped(encode_int(3)));
  EXPECT_GT(call(ttl("k")).i64(), static_cast<std::int64_t>(kLongMs)) << "without a swap the expiry stays too";

  call(set("forever", encode_int(1)));
  EXPECT_EQ(call(cas("forever", encode_int(1), encode_int(2), 0)), ok_bool(true));
  EXPECT_EQ(call(ttl("forever")), ok_i64(-1));
}

TEST_F(Cas, ScalarsCompareByTypeAndValue) {
  const std::string values[] = {encode_null(),     encode_int(1),       encode_int(0),       encode_float(1),
                                encode_float(0),   encode_decimal("1"), encode_decimal("0"), encode_string("1"),
                                encode_string(""), encode_bytes("1"),   encode_bytes(""),    encode_bool(false),
                                encode_bool(true), list_of({}),         map_of({})};
  for (const std::string& held : values) {
    for (const std::string& expected : values) {
      if (held == expected) {
        expect_equal(held, expected);
      } else {
        expect_different(held, expected);
      }
    }
  }
}

TEST_F(Cas, FloatsCompareByValueButANanByItsBits) {
  const std::string nan = '\x02' + u64(0x7FF8'0000'0000'0000);
  const std::string other_nan = '\x02' + u64(0x7FF8'0000'0000'0001);
  expect_equal(encode_float(0.0), encode_float(-0.0));
  expect_equal(encode_float(-0.0), encode_float(0.0));
  expect_equal(nan, nan);
  expect_different(nan, other_nan);
  expect_different(nan, encode_float(0));
  expect_equal(list_of({nan, encode_float(-0.0)}), list_of({nan, encode_float(0.0)}));
}

TEST_F(Cas, DecimalsCompareAsNumbers) {
  expect_equal(encode_decimal("1.0"), encode_decimal("1.00"));
  expect_equal(encode_decimal("1.00"), encode_decimal("1"));
  expect_equal(encode_decimal("0"), encode_decimal("-0.000"));
  expect_equal(encode_decimal("1000"), encode_decimal("1e3"));
  expect_equal(encode_decimal("-12.5"), encode_decimal("-12.500"));
  expect_different(encode_decimal("1.0"), encode_decimal("1.01"));
  expect_different(encode_decimal("10"), encode_decimal("1"));
  expect_different(encode_decimal("100"), encode_decimal("10.0"));
  expect_different(encode_decimal("1"), encode_decimal("-1"));
}

TEST_F(Cas, ListsCompareItemByItem) {
  expect_equal(list_of({encode_int(1), encode_decimal("2.0")}), list_of({encode_int(1), encode_decimal("2")}));
  expect_different(list_of({encode_int(1), encode_int(2)}), list_of({encode_int(2), encode_int(1)}));
  expect_different(list_of({encode_int(1)}), list_of({encode_int(1), encode_int(1)}));
  expect_different(list_of({list_of({})}), list_of({map_of({})}));
}

TEST_F(Cas, MapsCompareByPairsInAnyOrder) {
  const std::string map = map_of({{"a", encode_int(1)}, {"b", list_of({encode_decimal("2")})}, {"", encode_null()}});
  expect_equal(map, map_of({{"", encode_null()}, {"b", list_of({encode_decimal("2.0")})}, {"a", encode_int(1)}}));
  expect_equal(map_of({{"x", map}}), map_of({{"x", map}}));
  expect_different(map, map_of({{"a", encode_int(1)}, {"b", list_of({encode_decimal("2")})}}));
  expect_different(map, map_of({{"a", encode_int(1)}, {"b", list_of({encode_decimal("3")})}, {"", encode_null()}}));
  expect_different(map, map_of({{"a", encode_int(1)}, {"B", list_of({encode_decimal("2")})}, {"", encode_null()}}));
  expect_different(map_of({{"a", encode_int(1)}, {"b", encode_int(2)}}),
                   map_of({{"a", encode_int(2)}, {"b", encode_int(1)}}));
}

TEST_F(Cas, TheCurrentValueIsAnsweredAsItWasSentNotAsItIsCompared) {
  const std::string held = map_of({{"z", encode_decimal("1.00")}, {"a", encode_float(-0.0)}});
  call(set("k", held));
  EXPECT_EQ(call(cas("k", encode_int(1), encode_int(2))), ok_not_swapped(held));
}

TEST_F(Cas, ANewValueMayBeEqualButWrittenDifferently) {
  call(set("k", encode_decimal("1.0")));
  EXPECT_EQ(call(cas("k", encode_decimal("1"), encode_decimal("1.000"))), ok_bool(true));
  EXPECT_EQ(call(get("k")), ok(encode_decimal("1.000")));
}

}  // namespace
}  // namespace kv::test
