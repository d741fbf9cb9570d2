#include "kv/value/compare.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "kv/value/build.hpp"

#include "support/base/cpu_time.hpp"
#include "support/base/hex.hpp"
#include "support/value/random_value.hpp"

namespace kv::value {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Items = std::vector<std::string>;

bool equal_encoded(ByteView left, ByteView right) {
  const ValueView a = next_value(left);
  const ValueView b = next_value(right);
  const bool result = equal(a, b);
  EXPECT_EQ(equal(b, a), result) << "equality looks the same from both sides";
  return result;
}

std::string encode_float_bits(std::uint64_t bits) {
  return encode_float(std::bit_cast<double>(bits));
}

std::string swapped_maps(std::size_t levels, bool swapped) {
  std::string value = encode_null();
  for (; levels != 0; --levels) {
    Pairs pairs{{"a", value}, {"b", encode_int(1)}};
    if (swapped) std::swap(pairs[0], pairs[1]);
    value = encode_map(pairs);
  }
  return value;
}

struct EqualCase {
  const char* what;
  std::string left;
  std::string right;
  bool equal;
};

TEST(Equal, FollowsTheProtocolForEveryType) {
  constexpr std::uint64_t kNan = 0x7ff8000000000000;
  const EqualCase kCases[] = {
      {"Nulls", encode_null(), encode_null(), true},
      {"Ints", encode_int(5), encode_int(5), true},
      {"other Ints", encode_int(5), encode_int(-5), false},
      {"Bools", encode_bool(true), encode_bool(true), true},
      {"other Bools", encode_bool(true), encode_bool(false), false},
      {"Floats", encode_float(1.5), encode_float(1.5), true},
      {"other Floats", encode_float(1.5), encode_float(2.5), false},
      {"zeros of both signs", encode_float(0.0), encode_float(-0.0), true},
      {"infinities", encode_float(std::numeric_limits<double>::infinity()), encode_float_bits(0x7ff0000000000000),
       true},
      {"a NaN and itself", encode_float_bits(kNan), encode_float_bits(kNan), true},
      {"NaNs with other bits", encode_float_bits(kNan), encode_float_bits(kNan + 1), false},
      {"NaNs of other signs", encode_float_bits(kNan), encode_float_bits(kNan | (1ULL << 63)), false},
      {"a NaN and a number", encode_float_bits(kNan), encode_float(1), false},
      {"Decimals of one number", encode_decimal("1.0"), encode_decimal("1.00"), true},
      {"other Decimals", encode_decimal("1.0"), encode_decimal("1.01"), false},
      {"Strings", encode_string("a"), encode_string("a"), true},
      {"Strings of other lengths", encode_string("a"), encode_string(std::string("a\0", 2)), false},
      {"Bytes", encode_bytes("a"), encode_bytes("a"), true},
      {"other Bytes", encode_bytes("a"), encode_bytes("b"), false},
      {"String and Bytes", encode_string("a"), encode_bytes("a"), false},
      {"Int and Float", encode_int(0), encode_float(0), false},
      {"Int and Decimal", encode_int(1), encode_decimal("1"), false},
      {"Null and Bool", encode_null(), encode_bool(false), false},
      {"an empty List and an empty Map", encode_list({}), encode_map({}), false},
      {"empty Lists", encode_list({}), encode_list({}), true},
      {"Lists", encode_list(Items{encode_int(1), encode_null()}), encode_list(Items{encode_int(1), encode_null()}),
       true},
      {"Lists in another order", encode_list(Items{encode_int(1), encode_null()}),
       encode_list(Items{encode_null(), encode_int(1)}), false},
      {"a List and its beginning", encode_list(Items{encode_int(1), encode_null()}), encode_list(Items{encode_int(1)}),
       false},
      {"Lists of equal numbers", encode_list(Items{encode_decimal("2"), encode_float(0.0)}),
       encode_list(Items{encode_decimal("2.0"), encode_float(-0.0)}), true},
      {"Lists with a NaN each", encode_list(Items{encode_float_bits(kNan), encode_decimal("1")}),
       encode_list(Items{encode_float_bits(kNan), encode_decimal("1.0")}), true},
      {"Maps in another order", encode_map(Pairs{{"a", encode_int(1)}, {"b", encode_int(2)}}),
       encode_map(Pairs{{"b", encode_int(2)}, {"a", encode_int(1)}}), true},
      {"Maps with values swapped", encode_map(Pairs{{"a", encode_int(1)}, {"b", encode_int(2)}}),
       encode_map(Pairs{{"b", encode_int(1)}, {"a", encode_int(2)}}), false},
      {"Maps with another key", encode_map(Pairs{{"a", encode_int(1)}}), encode_map(Pairs{{"b", encode_int(1)}}),
       false},
      {"a Map and a part of it", encode_map(Pairs{{"a", encode_null()}, {"b", encode_null()}}),
       encode_map(Pairs{{"a", encode_null()}}), false},
      {"Maps whose keys differ in a NUL", encode_map(Pairs{{"a", encode_null()}}),
       encode_map(Pairs{{std::string("a\0", 2), encode_null()}}), false},
      {"Maps of equal numbers", encode_map(Pairs{{"", encode_decimal("1.0")}}),
       encode_map(Pairs{{"", encode_decimal("1")}}), true},
      {"Maps in Maps in another order", swapped_maps(128, false), swapped_maps(128, true), true},
      {"Maps in Maps of another depth", swapped_maps(128, false), swapped_maps(127, true), false},
  };
  for (const EqualCase& row : kCases) EXPECT_EQ(equal_encoded(row.left, row.right), row.equal) << row.what;
}

TEST(Equal, SeesNoDifferenceInOrderAndScale) {
  test::Random random;
  for (int round = 0; round < 5'000; ++round) {
    const std::string value = test::random_value(random);
    const std::string other = test::shuffle_value(random, value);
    ASSERT_TRUE(equal_encoded(value, other)) << test::hex(value) << " and " << test::hex(other);
  }
}

// A value in a List or a Map, and the same with that one value replaced by another that is not equal to it.
TEST(Equal, SeesAChangeAtAnyDepth) {
  test::Random random;
  for (int round = 0; round < 5'000; ++round) {
    std::string one = test::random_value(random);
    std::string other = test::random_value(random);
    if (equal_encoded(one, other)) continue;
    for (std::size_t depth = random.below(10); depth != 0; --depth) {
      const std::string beside = test::random_value(random);
      const auto wrap = [&, map = random.one_in(2)](const std::string& value) {
        return map ? encode_map(Pairs{{"x", beside}, {"y", value}}) : encode_list(Items{beside, value});
      };
      one = wrap(one);
      other = wrap(other);
    }
    ASSERT_FALSE(equal_encoded(one, test::shuffle_value(random, other)));
  }
}

TEST(Equal, HandlesMapsOfManyPairs) {
  test::Random random;
  Pairs pairs;
  for (int i = 0; i < 50'000; ++i) pairs.emplace_back("key:" + std::to_string(i), encode_int(i));
  const std::string map = encode_map(pairs);
  for (std::size_t i = pairs.size(); i > 1; --i) std::swap(pairs[i - 1], pairs[random.below(i)]);
  EXPECT_TRUE(equal_encoded(map, encode_map(pairs)));
  pairs[random.below(pairs.size())].second = encode_int(-1);
  EXPECT_FALSE(equal_encoded(map, encode_map(pairs)));
}

// The shortest CPU time of a few runs.
template <typename Function>
std::chrono::nanoseconds time_of(Function function) {
  auto best = std::chrono::nanoseconds::max();
  for (int run = 0; run < 3; ++run) {
    const auto begin = test::cpu_time_of_thread();
    function();
    best = std::min(best, test::cpu_time_of_thread() - begin);
  }
  return best;
}

// Walking what is inside once for every level around it would take 127 times as long.
TEST(Equal, TakesNotMuchLongerForDeepNestingThanForAFlatList) {
  const auto many_nulls = [](double last) {
    Items items(300'000, encode_null());
    items.push_back(encode_float(last));
    return encode_list(items);
  };
  const std::string left = many_nulls(0.0);
  const std::string right = many_nulls(-0.0);
  const auto flat = time_of([&] { EXPECT_TRUE(equal_encoded(left, right)); });

  std::string list_left = left;
  std::string list_right = right;
  std::string map_left = left;
  std::string map_right = right;
  for (int level = 0; level < 127; ++level) {
    list_left = encode_list(Items{list_left});
    list_right = encode_list(Items{list_right});
    map_left = encode_map(Pairs{{"a", map_left}, {"b", encode_null()}});
    map_right = encode_map(Pairs{{"b", encode_null()}, {"a", map_right}});
  }
  EXPECT_LT(time_of([&] { EXPECT_TRUE(equal_encoded(list_left, list_right)); }), 20 * flat);
  EXPECT_LT(time_of([&] { EXPECT_TRUE(equal_encoded(map_left, map_right)); }), 20 * flat);
}

TEST(Cursors, WalkItemsAndPairsInTheirOrder) {
  const std::string list = encode_list(Items{encode_int(1), encode_string("two"), encode_list(Items{encode_null()})});
  ByteView rest = list;
  ListCursor items(next_value(rest));
  EXPECT_EQ(items.size(), 3U);
  EXPECT_EQ(items.next().as_int(), 1);
  EXPECT_EQ(items.next().data, "two");
  EXPECT_EQ(items.next().type, ValueType::kList);
  EXPECT_FALSE(items.more());

  const std::string map = encode_map(Pairs{{"b", encode_bool(true)}, {"", encode_null()}});
  rest = map;
  MapCursor pairs(next_value(rest));
  EXPECT_EQ(pairs.size(), 2U);
  const auto first = pairs.next();
  EXPECT_EQ(first.key, "b");
  EXPECT_TRUE(first.value.as_bool());
  EXPECT_EQ(pairs.next().key, "");
  EXPECT_FALSE(pairs.more());
}

TEST(NextValue, StepsOverEveryKindOfValue) {
  test::Random random;
  for (int round = 0; round < 2'000; ++round) {
    const std::string one = test::random_value(random);
    const std::string two = test::random_value(random);
    const std::string both = one + two;
    ByteView rest = both;
    ASSERT_EQ(test::encoded(next_value(rest)), one);
    ASSERT_EQ(rest, two);
  }
}

TEST(TypeName, IsTheProtocolsOwn) {
  constexpr ByteView kNames[] = {"Null", "Int", "Float", "Decimal", "String", "Bytes", "List", "Map", "Bool"};
  for (std::uint8_t type = 0; type <= kValueTypeLast; ++type) {
    EXPECT_EQ(type_name(static_cast<ValueType>(type)), kNames[type]);
  }
}

}  // namespace
}  // namespace kv::value
