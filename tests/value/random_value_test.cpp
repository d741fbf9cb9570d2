// What other tests rely on: that random values are well-formed and cover every type.
#include "support/value/random_value.hpp"

#include <set>

#include <gtest/gtest.h>

#include "kv/base/utf8.hpp"
#include "kv/value/decimal.hpp"
#include "kv/value/decode.hpp"

#include "support/base/hex.hpp"

namespace kv::value {
namespace {

TEST(RandomValue, IsWellFormedAndOfEveryType) {
  test::Random random;
  std::set<ValueType> seen;
  for (int i = 0; i < 5'000; ++i) {
    const std::string bytes = test::random_value(random, {.canonical = random.one_in(2)});
    DecodeScratch scratch;
    ByteView rest = bytes;
    const auto decoded = decode_value(rest, scratch);
    ASSERT_TRUE(decoded) << decoded.error().message << ": " << test::hex(bytes);
    ASSERT_TRUE(rest.empty());
    seen.insert(decoded->type);
  }
  EXPECT_EQ(seen.size(), std::size_t{kValueTypeLast} + 1);
}

TEST(RandomValue, IsTheSameForTheSameSeed) {
  test::Random one(7);
  test::Random two(7);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(test::random_value(one), test::random_value(two));
}

TEST(RandomUtf8, IsValid) {
  test::Random random;
  for (int i = 0; i < 5'000; ++i) {
    const std::string text = test::random_utf8(random, 40);
    ASSERT_TRUE(is_utf8(text)) << test::hex(text);
  }
}

TEST(RandomDecimal, IsADecimal) {
  test::Random random;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = test::random_decimal(random);
    ASSERT_TRUE(canonical_decimal(text)) << text;
  }
}

}  // namespace
}  // namespace kv::value
