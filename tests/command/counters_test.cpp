// Commands that count: INCR DECR ADD.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "command/test_server.hpp"

namespace kv::test {
namespace {

using namespace value;  // NOLINT(google-build-using-namespace): the values that tests write

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

class CounterCommands : public CommandTest {
 protected:
  void expect_add(const std::string& current, const std::string& delta, const Reply& expected) {
    run(set("key", current));
    EXPECT_EQ(run(add("key", delta)), expected);
    EXPECT_EQ(run(get("key")), ok(expected.is_error() ? current : expected.payload));
  }
};

TEST_F(CounterCommands, AnAbsentKeyCountsAsZeroAndIsCreatedWithoutExpiry) {
  EXPECT_EQ(run(incr("up", 5)), ok_i64(5));
  EXPECT_EQ(run(decr("down", 5)), ok_i64(-5));
  EXPECT_EQ(run(incr("zero", 0)), ok_i64(0));
  expect_holds("up", encode_int(5));
  expect_holds("down", encode_int(-5));
  expect_holds("zero", encode_int(0));
  run(set("expired", encode_int(7), 10));
  advance(10);
  EXPECT_EQ(run(incr("expired", 1)), ok_i64(1));
  expect_holds("expired", encode_int(1));
}

TEST_F(CounterCommands, AnExistingKeyKeepsItsExpiry) {
  run(set("key", encode_int(40), 1'000));
  EXPECT_EQ(run(incr("key", 3)), ok_i64(43));
  EXPECT_EQ(run(decr("key", 1)), ok_i64(42));
  EXPECT_EQ(run(add("key", encode_int(-2))), ok(encode_int(40)));
  expect_holds("key", encode_int(40), 1'000);
}

TEST_F(CounterCommands, PastEitherEndIsAnOverflowAndChangesNothing) {
  struct Case {
    std::int64_t current;
    std::string request;
    Reply expected;
  };
  const std::vector<Case> cases{
      {kMax, incr("key", 1), error("OVERFLOW")},
      {kMax - 1, incr("key", 1), ok_i64(kMax)},
      {kMin, decr("key", 1), error("OVERFLOW")},
      {kMin + 1, decr("key", 1), ok_i64(kMin)},
      {kMin, incr("key", -1), error("OVERFLOW")},
      {kMax, decr("key", -1), error("OVERFLOW")},
      {0, decr("key", kMin), error("OVERFLOW")},
      {-1, decr("key", kMin), ok_i64(kMax)},
      {kMax, incr("key", kMin), ok_i64(-1)},
      {kMin, incr("key", kMin), error("OVERFLOW")},
      {kMax, add("key", encode_int(1)), error("OVERFLOW")},
  };
  for (const Case& c : cases) {
    run(set("key", encode_int(c.current), 500));
    EXPECT_EQ(run(c.request), c.expected);
    expect_holds("key", encode_int(c.expected.is_error() ? c.current : c.expected.i64()), 500);
  }
  EXPECT_EQ(run(decr("absent", kMin)), error("OVERFLOW"));
  EXPECT_EQ(run(exists("absent")), ok_bool(false));
}

TEST_F(CounterCommands, OnlyAnIntCanBeIncremented) {
  for (const std::string& value : {encode_null(), encode_float(1), encode_decimal("1"), encode_string("1"),
                                   encode_bytes("1"), list_of({}), map_of({}), encode_bool(true)}) {
    run(set("key", value));
    EXPECT_EQ(run(incr("key")), error("WRONGTYPE"));
    EXPECT_EQ(run(decr("key")), error("WRONGTYPE"));
    EXPECT_EQ(run(add("key", encode_int(1))), error("WRONGTYPE"));
    EXPECT_EQ(run(get("key")), ok(value));
  }
  run(lock("lock", "owner"));
  EXPECT_EQ(run(incr("lock")), error("WRONGTYPE"));
  EXPECT_EQ(run(unlock("lock", "owner")), ok_bool(true));
}

TEST_F(CounterCommands, TheErrorNamesBothTypes) {
  run(set("key", encode_string("text")));
  EXPECT_EQ(run(incr("key")).payload, "WRONGTYPE expected Int, found String");
}

TEST_F(CounterCommands, AddAddsNumbersOfOneType) {
  const double infinity = std::numeric_limits<double>::infinity();
  expect_add(encode_int(40), encode_int(2), ok(encode_int(42)));
  expect_add(encode_float(0.5), encode_float(0.25), ok(encode_float(0.75)));
  expect_add(encode_float(1e308), encode_float(1e308), ok(encode_float(infinity)));
  expect_add(encode_decimal("0.10"), encode_decimal("0.2"), ok(encode_decimal("0.30")));
  expect_add(encode_decimal("0.1"), encode_decimal("-0.1"), ok(encode_decimal("0.0")));
  expect_add(encode_decimal("99"), encode_decimal("1e0"), ok(encode_decimal("100")));
  expect_add(encode_decimal("1" + std::string(900, '0')), encode_decimal("1"),
             ok(encode_decimal("1" + std::string(899, '0') + "1")));
}

TEST_F(CounterCommands, AFloatSumMayBeNan) {
  const double infinity = std::numeric_limits<double>::infinity();
  run(set("key", encode_float(infinity)));
  const Reply reply = run(add("key", encode_float(-infinity)));
  ASSERT_EQ(reply.payload.size(), 9U);
  EXPECT_TRUE(std::isnan(std::bit_cast<double>(reply.u64(1))));
  EXPECT_EQ(run(get("key")), reply);
}

TEST_F(CounterCommands, TypesDoNotMix) {
  const std::vector<std::string> numbers{encode_int(1), encode_float(1), encode_decimal("1")};
  for (const std::string& current : numbers) {
    for (const std::string& delta : numbers) {
      if (current[0] != delta[0]) expect_add(current, delta, error("WRONGTYPE"));
    }
  }
}

TEST_F(CounterCommands, ADeltaThatIsNoNumberIsRefusedWhateverTheKeyHolds) {
  for (const std::string& delta : {encode_null(), encode_string("1"), encode_bytes("1"), list_of({encode_int(1)}),
                                   map_of({}), encode_bool(true)}) {
    EXPECT_EQ(run(add("absent", delta)), error("WRONGTYPE"));
    EXPECT_EQ(run(exists("absent")), ok_bool(false));
    expect_add(encode_int(1), delta, error("WRONGTYPE"));
    expect_add(delta, delta, error("WRONGTYPE"));
  }
}

TEST_F(CounterCommands, AnAbsentKeyBecomesTheDelta) {
  for (const std::string& delta : {encode_int(-7), encode_float(-0.0), encode_decimal("1.50")}) {
    EXPECT_EQ(run(add("key", delta)), ok(delta));
    expect_holds("key", delta);
    run(del("key"));
  }
  EXPECT_EQ(run(add("key", encode_decimal("15e-1"))), ok(encode_decimal("1.5"))) << "in its canonical form";
}

TEST_F(CounterCommands, ADecimalOverTheLimitsIsAnOverflow) {
  const std::string nines = std::string(1'000, '9');
  const std::string smallest = "0." + std::string(999, '0') + "1";
  expect_add(encode_decimal(nines), encode_decimal("1"), error("OVERFLOW"));
  expect_add(encode_decimal(nines), encode_decimal("-1"), ok(encode_decimal(std::string(999, '9') + "8")));
  expect_add(encode_decimal("-" + nines), encode_decimal("-1"), error("OVERFLOW"));
  expect_add(encode_decimal("1"), encode_decimal(smallest), error("OVERFLOW"));  // 1,001 digits
  expect_add(encode_decimal(smallest), encode_decimal(smallest),
             ok(encode_decimal("0." + std::string(999, '0') + "2")));
}

TEST_F(CounterCommands, WhatIsWrongWithThePayloadIsSaid) {
  using enum protocol::Command;
  EXPECT_EQ(run(frame(kIncr, sized("key") + u32(1))), invalid("FRAME"));
  EXPECT_EQ(run(frame(kDecr, sized("key") + u64(1) + "x")), invalid("FRAME"));
  EXPECT_EQ(run(frame(kIncr, sized("") + u64(1))), invalid("KEY"));
  EXPECT_EQ(run(frame(kAdd, sized("key"))), invalid("FRAME"));
  EXPECT_EQ(run(frame(kAdd, sized("key") + encode_decimal("NaN"))), invalid("VALUE"));
  EXPECT_EQ(run(exists("key")), ok_bool(false));
}

}  // namespace
}  // namespace kv::test
