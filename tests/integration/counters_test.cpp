// INCR, DECR and ADD.
#include <cmath>
#include <limits>

#include "integration/server_test.hpp"

namespace kv::test {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

using Counters = ServerTest;

TEST_F(Counters, AnAbsentKeyCountsAsZeroAndIsCreatedWithoutExpiry) {
  EXPECT_EQ(call(incr("up", 5)), ok_i64(5));
  EXPECT_EQ(call(decr("down", 5)), ok_i64(-5));
  EXPECT_EQ(call(incr("zero", 0)), ok_i64(0));
  EXPECT_EQ(call(get("up")), ok(encode_int(5)));
  EXPECT_EQ(call(get("zero")), ok(encode_int(0)));
  EXPECT_EQ(call(ttl("up")), ok_i64(-1));
}

TEST_F(Counters, AnExistingKeyKeepsItsExpiry) {
  call(set("k", encode_int(1), kLongMs));
  EXPECT_EQ(call(incr("k", 41)), ok_i64(42));
  EXPECT_EQ(call(decr("k", 2)), ok_i64(40));
  EXPECT_EQ(call(add("k", encode_int(2))), ok(encode_int(42)));
  EXPECT_GT(call(ttl("k")).i64(), 0);
  call(set("d", encode_decimal("9"), kLongMs));
  EXPECT_EQ(call(add("d", encode_decimal("1.25"))), ok(encode_decimal("10.25")));
  EXPECT_GT(call(ttl("d")).i64(), 0);
}

TEST_F(Counters, PastEitherEndOfI64IsOverflowAndChangesNothing) {
  call(set("max", encode_int(kMax)));
  EXPECT_EQ(call(incr("max")), error("OVERFLOW"));
  EXPECT_EQ(call(decr("max", -1)), error("OVERFLOW"));
  EXPECT_EQ(call(decr("max", kMin)), error("OVERFLOW"));
  EXPECT_EQ(call(add("max", encode_int(1))), error("OVERFLOW"));
  EXPECT_EQ(call(get("max")), ok(encode_int(kMax)));
  EXPECT_EQ(call(incr("max", kMin)), ok_i64(-1));

  call(set("min", encode_int(kMin)));
  EXPECT_EQ(call(decr("min")), error("OVERFLOW"));
  EXPECT_EQ(call(incr("min", -1)), error("OVERFLOW"));
  EXPECT_EQ(call(add("min", encode_int(-1))), error("OVERFLOW"));
  EXPECT_EQ(call(get("min")), ok(encode_int(kMin)));
  EXPECT_EQ(call(decr("min", kMin)), ok_i64(0));

  EXPECT_EQ(call(decr("absent", kMin)), error("OVERFLOW")) << "0 minus the least i64 is no i64";
  EXPECT_EQ(call(exists("absent")), ok_bool(false));
  EXPECT_EQ(call(incr("absent", kMin)), ok_i64(kMin));
}

TEST_F(Counters, AnythingButAnIntIsWrongType) {
  const std::string others[] = {encode_null(),     encode_float(1), encode_decimal("1"), encode_string("1"),
                                encode_bytes("1"), list_of({}),     map_of({}),          encode_bool(true)};
  for (const std::string& value : others) {
    call(set("k", value));
    EXPECT_EQ(call(incr("k")), error("WRONGTYPE"));
    EXPECT_EQ(call(decr("k")), error("WRONGTYPE"));
    EXPECT_EQ(call(add("k", encode_int(1))), error("WRONGTYPE"));
    EXPECT_EQ(call(get("k")), ok(value));
  }
}

TEST_F(Counters, AddMakesAnAbsentKeyTheDelta) {
  EXPECT_EQ(call(add("i", encode_int(-3))), ok(encode_int(-3)));
  EXPECT_EQ(call(add("f", encode_float(-0.0))), ok(encode_float(-0.0)));
  EXPECT_EQ(call(add("d", encode_decimal("+01.50e1"))), ok(encode_decimal("15.0")));
  EXPECT_EQ(call(get("d")), ok(encode_decimal("15.0")));
  EXPECT_EQ(call(ttl("d")), ok_i64(-1));
}

TEST_F(Counters, AddWantsBothSidesOfOneType) {
  const std::string numbers[] = {encode_int(1), encode_float(1), encode_decimal("1")};
  for (const std::string& held : numbers) {
    for (const std::string& delta : numbers) {
      if (held == delta) continue;
      call(set("k", held));
      EXPECT_EQ(call(add("k", delta)), error("WRONGTYPE"));
      EXPECT_EQ(call(get("k")), ok(held));
    }
  }
}

TEST_F(Counters, ADeltaThatIsNoNumberIsWrongTypeWhateverTheKeyHolds) {
  const std::string deltas[] = {encode_null(), encode_string("1"), encode_bytes("1"),
                                list_of({}),   map_of({}),         encode_bool(true)};
  for (const std::string& delta : deltas) {
    for (const std::string& held : {encode_int(1), delta}) {
      call(set("k", held));
      EXPECT_EQ(call(add("k", delta)), error("WRONGTYPE"));
      EXPECT_EQ(call(get("k")), ok(held));
    }
    EXPECT_EQ(call(add("absent", delta)), error("WRONGTYPE"));
    EXPECT_EQ(call(exists("absent")), ok_bool(false));
  }
}

TEST_F(Counters, FloatSumsAreThoseOfTheProcessor) {
  call(set("f", encode_float(0.1)));
  EXPECT_EQ(call(add("f", encode_float(0.2))), ok(encode_float(0.1 + 0.2)));
  call(set("f", encode_float(std::numeric_limits<double>::max())));
  EXPECT_EQ(call(add("f", encode_float(std::numeric_limits<double>::max()))), ok(encode_float(HUGE_VAL)));
  const Reply nan = call(add("f", encode_float(-HUGE_VAL)));
  ASSERT_EQ(nan.payload.size(), 9U);
  EXPECT_TRUE(std::isnan(std::bit_cast<double>(nan.u64(1))));
}

struct Sum {
  const char* left;
  const char* right;
  const char* result;
};

TEST_F(Counters, DecimalSumsAreExactAndKeepTheLargerScale) {
  constexpr Sum kSums[] = {
      {"0.10", "0.2", "0.30"},
      {"1", "2", "3"},
      {"1.5", "-1.5", "0.0"},
      {"-1", "1.00", "0.00"},
      {"999", "1", "1000"},
      {"0.999", "0.001", "1.000"},
      {"-5", "3", "-2"},
      {"5", "-8.25", "-3.25"},
      {"1e20", "1e-20", "100000000000000000000.00000000000000000001"},
      {"0.1", "0.2", "0.3"},
      {"-0.5", "-0.5", "-1.0"},
  };
  for (const auto& [left, right, result] : kSums) {
    SCOPED_TRACE(std::string(left) + " + " + right);
    call(set("d", encode_decimal(left)));
    EXPECT_EQ(call(add("d", encode_decimal(right))), ok(encode_decimal(result)));
    EXPECT_EQ(call(get("d")), ok(encode_decimal(result)));
  }
}

TEST_F(Counters, ADecimalSumOverTheLimitsIsOverflow) {
  const std::string nines(1'000, '9');
  call(set("d", encode_decimal(nines)));
  EXPECT_EQ(call(add("d", encode_decimal("1"))), error("OVERFLOW")) << "1,001 digits";
  EXPECT_EQ(call(add("d", encode_decimal("0.1"))), error("OVERFLOW")) << "1,001 digits with the scale";
  EXPECT_EQ(call(get("d")), ok(encode_decimal(nines)));
  EXPECT_EQ(call(add("d", encode_decimal("-" + nines))), ok(encode_decimal("0")));
}

}  // namespace
}  // namespace kv::test
