#include "kv/client/value_text.hpp"

#include <bit>
#include <limits>
#include <string>

#include <gtest/gtest.h>

#include "kv/value/build.hpp"
#include "kv/value/decode.hpp"

#include "support/base/hex.hpp"
#include "support/base/random.hpp"
#include "support/value/random_value.hpp"

namespace kv::client {
namespace {

using value::encode_bool;
using value::encode_bytes;
using value::encode_decimal;
using value::encode_float;
using value::encode_int;
using value::encode_list;
using value::encode_map;
using value::encode_null;
using value::encode_string;

std::string list_of(std::initializer_list<std::string> items) {
  return encode_list(std::vector<std::string>(items));
}

std::string map_of(std::initializer_list<std::pair<std::string, std::string>> pairs) {
  return encode_map(std::vector<std::pair<std::string, std::string>>(pairs));
}

std::string print(ByteView encoded) {
  value::DecodeScratch scratch;
  const auto decoded = value::decode_value(encoded, scratch);
  EXPECT_TRUE(decoded.has_value());
  EXPECT_TRUE(encoded.empty()) << "bytes left over";
  return decoded ? print_value(*decoded) : "";
}

double float_of_bits(std::uint64_t bits) {
  return std::bit_cast<double>(bits);
}

struct PrintedCase {
  std::string text;  // as it prints, and as it is read back
  std::string encoded;
};

const PrintedCase kPrinted[] = {
    {"null", encode_null()},
    {"true", encode_bool(true)},
    {"false", encode_bool(false)},
    {"0", encode_int(0)},
    {"42", encode_int(42)},
    {"-7", encode_int(-7)},
    {"9223372036854775807", encode_int(std::numeric_limits<std::int64_t>::max())},
    {"-9223372036854775808", encode_int(std::numeric_limits<std::int64_t>::min())},
    {"1.0", encode_float(1)},
    {"1.5", encode_float(1.5)},
    {"0.1", encode_float(0.1)},
    {"0.0", encode_float(0)},
    {"-0.0", encode_float(-0.0)},
    {"1e+22", encode_float(1e22)},
    {"5e-324", encode_float(5e-324)},
    {"1.7976931348623157e+308", encode_float(std::numeric_limits<double>::max())},
    {"inf", encode_float(std::numeric_limits<double>::infinity())},
    {"-inf", encode_float(-std::numeric_limits<double>::infinity())},
    {"nan", encode_float(float_of_bits(0x7FF8000000000000))},
    {"float(0xfff8000000000000)", encode_float(float_of_bits(0xFFF8000000000000))},
    {"float(0x7ff0000000000001)", encode_float(float_of_bits(0x7FF0000000000001))},
    {"0m", encode_decimal("0")},
    {"1.50m", encode_decimal("1.50")},
    {"-0.001m", encode_decimal("-0.001")},
    {"12345678901234567890123m", encode_decimal("12345678901234567890123")},
    {"\"\"", encode_string("")},
    {"\"text\"", encode_string("text")},
    {"\"Zürich 東京 🌍\"", encode_string("Zürich 東京 🌍")},
    {R"("a\"b\\c/d")", encode_string("a\"b\\c/d")},
    {R"("\b\f\n\r\t")", encode_string("\b\f\n\r\t")},
    {R"("\u0000\u001b\u007f\u0085")", encode_string(std::string("\0\x1B\x7F\xC2\x85", 5))},
    {"0x", encode_bytes("")},
    {"0x00ff", encode_bytes(std::string("\0\xFF", 2))},
    {"[]", list_of({})},
    {"[1, \"two\", [null]]", list_of({encode_int(1), encode_string("two"), list_of({encode_null()})})},
    {"{}", map_of({})},
    {R"({"b": 1, "a": [2.0], "": {}})",
     map_of({{"b", encode_int(1)}, {"a", list_of({encode_float(2)})}, {"", map_of({})}})},
    {R"({"a\nb": 1})", map_of({{"a\nb", encode_int(1)}})},
};

TEST(ValueText, PrintsEveryTypeSoThatItReadsBack) {
  for (const auto& [text, encoded] : kPrinted) {
    EXPECT_EQ(print(encoded), text);
    const auto parsed = parse_value(text);
    ASSERT_TRUE(parsed.has_value()) << text << ": " << parsed.error().message;
    EXPECT_EQ(test::hex(*parsed), test::hex(encoded)) << text;
  }
}

TEST(ValueText, ReadsOtherFormsOfTheSame) {
  const PrintedCase kForms[] = {
      {"  42\n", encode_int(42)},
      {"+42", encode_int(42)},
      {"007", encode_int(7)},
      {"-0", encode_int(0)},
      {"1.", encode_float(1)},
      {".5", encode_float(0.5)},
      {"-.5", encode_float(-0.5)},
      {"+1.5", encode_float(1.5)},
      {"1e3", encode_float(1000)},
      {"1E-3", encode_float(0.001)},
      {"float(2)", encode_float(2)},
      {"float( -inf )", encode_float(-std::numeric_limits<double>::infinity())},
      {"float(0x3FF0000000000000)", encode_float(1)},
      {"decimal(1.50)", encode_decimal("1.50")},
      {"decimal( -1.50e1 )", encode_decimal("-15.0")},
      {"+1m", encode_decimal("1")},
      {"1e3m", encode_decimal("1000")},
      {"-0.00m", encode_decimal("0.00")},
      {"0xFFab", encode_bytes("\xFF\xAB")},
      {"base64()", encode_bytes("")},
      {"base64(AP8=)", encode_bytes(std::string("\0\xFF", 2))},
      {"base64(Zg==)", encode_bytes("f")},
      {"base64(Zm9v)", encode_bytes("foo")},
      {R"("\/\u00e9\uD83C\uDF0D")", encode_string("/é🌍")},
      {"[1,2 ,\n3]", list_of({encode_int(1), encode_int(2), encode_int(3)})},
      {"[ ]", list_of({})},
      {R"({"a":1 , "b" :2})", map_of({{"a", encode_int(1)}, {"b", encode_int(2)}})},
  };
  for (const auto& [text, encoded] : kForms) {
    const auto parsed = parse_value(text);
    ASSERT_TRUE(parsed.has_value()) << text << ": " << parsed.error().message;
    EXPECT_EQ(test::hex(*parsed), test::hex(encoded)) << text;
  }
}

struct RefusedCase {
  std::string text;
  std::string reason;  // a part of it
};

TEST(ValueText, RefusesWhatIsNoValueAndSaysWhatToWrite) {
  const RefusedCase kRefused[] = {
      {"", "missing"},
      {"  ", "missing"},
      {"hello", "hello is no value; text needs quotes"},
      {"hello world", "text needs quotes"},
      {"Null", "text needs quotes"},
      {"TRUE", "text needs quotes"},
      {"NaN", "text needs quotes"},
      {"'text'", "text needs quotes"},
      {"東京", "東京 is no value"},
      {"\xFF", "this is no value"},
      {std::string(100, 'x'), "this is no value"},
      {"-", "is no value"},
      {".", "is no value"},
      {"1.5.5", "is no number"},
      {"1e", "is no number"},
      {"12ab", "is no number"},
      {"2024-01-01", "is no number"},
      {"9223372036854775808", "out of an Int's range; with an m"},
      {"-9223372036854775809", "out of an Int's range"},
      {"1e999", "out of a Float's range; with an m"},
      {"1..2m", "no"},
      {"1e2000m", "too many digits"},
      {"decimal(nan)", "not a decimal"},
      {"decimal(1", ") is missing"},
      {"float()", "no number"},
      {"float(0x7ff8)", "16 hexadecimal digits"},
      {"float(one)", "no number"},
      {"int(1)", "decimal(…), float(…) and base64(…)"},
      {"0xabc", "two hexadecimal digits"},
      {"0xzz", "two hexadecimal digits"},
      {"base64(A)", "no base64"},
      {"base64(AP8)", "no base64"},
      {"base64(AP9=)", "no base64"},
      {"base64(A===)", "no base64"},
      {"base64(A=A=)", "no base64"},
      {"base64(AP-_)", "no base64"},
      {"\"open", "closing double quote"},
      {"\"open\\", "an escape is one of"},
      {R"("\x41")", "an escape is one of"},
      {R"("\u12")", "an escape is one of"},
      {R"("\uD83C")", "surrogates"},
      {R"("\uDF0D")", "surrogates"},
      {R"("\uD83Cx")", "surrogates"},
      {R"("\uD83C\u0041")", "surrogates"},
      {"\"\xFF\"", "not valid UTF-8"},
      {"42 43", "follows the end"},
      {"\"a\" b", "follows the end"},
      {"[1, 2", ", or ] is missing"},
      {"[1 2]", ", or ] is missing"},
      {"[1,]", "no value"},
      {"[,1]", "no value"},
      {"[", "missing"},
      {"[hello]", "hello is no value"},
      {"{1: 2}", "keys are text in double quotes"},
      {"{a: 2}", "keys are text in double quotes"},
      {R"({"a" 2})", ": is missing"},
      {R"({"a": 2)", ", or } is missing"},
      {R"({"a": 1, "a": 2})", "two equal keys"},
      {"{\"" + std::string(65'536, 'k') + "\": 1}", "over 65,535 bytes"},
  };
  for (const auto& [text, reason] : kRefused) {
    const auto parsed = parse_value(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code, Errc::kValue) << text;
    EXPECT_NE(parsed.error().message.find(reason), std::string::npos) << text << ": " << parsed.error().message;
  }
}

TEST(ValueText, NestsAsDeepAsTheProtocolAndNoDeeper) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_TRUE(parse_value(nested(128)).has_value());
  EXPECT_FALSE(parse_value(nested(129)).has_value());
  const auto deep = parse_value(std::string(1'000'000, '['));
  ASSERT_FALSE(deep.has_value());
  EXPECT_NE(deep.error().message.find("too deep"), std::string::npos);
}

TEST(ValueText, RandomValuesComeBackByteForByte) {
  test::Random random;
  for (int round = 0; round < 20'000; ++round) {
    const std::string encoded = test::random_value(random);
    const std::string text = print(encoded);
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    const auto parsed = parse_value(text);
    ASSERT_TRUE(parsed.has_value()) << text << ": " << parsed.error().message;
    ASSERT_EQ(test::hex(*parsed), test::hex(encoded)) << text;
  }
}

TEST(ValueText, RandomFloatsComeBackBitForBit) {
  test::Random random;
  for (int round = 0; round < 100'000; ++round) {
    const std::string encoded = encode_float(float_of_bits(random.next()));
    const auto parsed = parse_value(print(encoded));
    ASSERT_TRUE(parsed.has_value());
    ASSERT_EQ(test::hex(*parsed), test::hex(encoded));
  }
}

// Reading text must end well whatever the text is; ASan watches.
TEST(ValueText, DamagedTextIsReadOrRefused) {
  test::Random random;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = print(test::random_value(random));
    for (std::uint64_t damages = 1 + random.below(3); damages > 0 && !text.empty(); --damages) {
      const std::size_t at = random.below(text.size());
      if (random.one_in(2)) {
        text.erase(at, 1 + random.below(4));
      } else {
        text[at] = static_cast<char>(random.below(256));
      }
    }
    if (const auto parsed = parse_value(text)) {
      value::DecodeScratch scratch;
      ByteView input = *parsed;
      EXPECT_TRUE(value::decode_value(input, scratch).has_value()) << text;
    }
  }
}

TEST(KeyText, AWordStandsForItself) {
  for (const std::string key : {"foo", "a b", "user:1", "42", "a\"b", "東京", "back\\slash", "'"}) {
    EXPECT_EQ(print_key(key), key);
    EXPECT_EQ(parse_key(key).value(), key);
  }
}

TEST(KeyText, WhatIsNoWordIsQuoted) {
  const PrintedCase kQuoted[] = {
      {"\"\"", ""},
      {R"("a\nb")", "a\nb"},
      {R"("\u0000")", std::string(1, '\0')},
      {R"("\"quoted\"")", "\"quoted\""},
      {R"("a\u0080")", "a\xC2\x80"},
  };
  for (const auto& [text, key] : kQuoted) {
    EXPECT_EQ(print_key(key), text);
    EXPECT_EQ(parse_key(text).value(), key);
  }
  for (const std::string text : {"\"open", "\"a\" b", "\"\\q\""}) {
    const auto key = parse_key(text);
    ASSERT_FALSE(key.has_value()) << text;
    EXPECT_EQ(key.error().code, Errc::kKey);
  }
}

TEST(KeyText, RandomKeysComeBack) {
  test::Random random;
  for (int round = 0; round < 20'000; ++round) {
    const std::string key = test::random_utf8(random, 40);
    const std::string text = print_key(key);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    ASSERT_EQ(test::hex(parse_key(text).value()), test::hex(key));
  }
}

}  // namespace
}  // namespace kv::client
