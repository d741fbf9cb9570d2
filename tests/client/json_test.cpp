#include "kv/client/json.hpp"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kv/client/value_text.hpp"
#include "kv/value/build.hpp"
#include "kv/value/decode.hpp"

#include "support/base/allocation_meter.hpp"
#include "support/base/random.hpp"
#include "support/value/random_value.hpp"

namespace kv::client {
namespace {

std::string printed(ByteView encoded) {
  value::DecodeScratch scratch;
  return print_value(value::decode_value(encoded, scratch).value());
}

std::string json(ByteView encoded) {
  value::DecodeScratch scratch;
  return print_json(value::decode_value(encoded, scratch).value());
}

// What reading a file gave: a line `position line name value` for each record, then `! line message` for a fault.
using Lines = std::vector<std::string>;

Lines read_in_pieces(ByteView file, std::size_t piece, JsonFormat format = JsonFormat::kDetect) {
  Lines lines;
  JsonRecords records(format, [&](const JsonRecord& record) {
    lines.push_back(std::to_string(record.position) + " " + std::to_string(record.line) + " " +
                    std::string(record.name.value_or("")) + " " + printed(record.value));
    return true;
  });
  bool good = true;
  while (good && !file.empty()) {
    const ByteView bytes = file.substr(0, piece);
    file.remove_prefix(bytes.size());
    good = records.feed(std::string(bytes));  // a copy that ends where the piece does: ASan sees a look past it
  }
  good = good && records.finish();
  EXPECT_EQ(good, !records.fault().has_value());
  if (records.fault()) lines.push_back("! " + std::to_string(records.fault()->line) + " " + records.fault()->message);
  return lines;
}

// The same whatever pieces the file comes in.
Lines read(ByteView file, JsonFormat format = JsonFormat::kDetect) {
  const Lines whole = read_in_pieces(file, std::max<std::size_t>(file.size(), 1), format);
  for (const std::size_t piece : {1, 2, 3, 7, 40}) {
    EXPECT_EQ(read_in_pieces(file, piece, format), whole) << "in pieces of " << piece;
  }
  return whole;
}

TEST(JsonRecords, DetectsAnArray) {
  EXPECT_EQ(read("[1, \"two\",\n {\"a\": 3}]\n"), (Lines{"0 1  1", "1 1  \"two\"", "2 2  {\"a\": 3}"}));
  EXPECT_EQ(read(" [ ] "), Lines{});
  EXPECT_EQ(read("[[1], [2]]"), (Lines{"0 1  [1]", "1 1  [2]"}));
}

TEST(JsonRecords, DetectsAnObject) {
  EXPECT_EQ(read("{\"a\": 1,\n\n \"b\":\n {\"c\": [null]}}"), (Lines{"0 1 a 1", "1 3 b {\"c\": [null]}"}));
  EXPECT_EQ(read("{}"), Lines{});
  EXPECT_EQ(read("{\"\": true}"), Lines{"0 1  true"});
}

TEST(JsonRecords, DetectsLines) {
  EXPECT_EQ(read("{\"a\": 1}\n{\"b\": 2}\n"), (Lines{"0 1  {\"a\": 1}", "1 2  {\"b\": 2}"}));
  EXPECT_EQ(read("[1]\n\n\n[2]"), (Lines{"0 1  [1]", "1 4  [2]"}));
  EXPECT_EQ(read("1\r\n2\r\n\"]\"\r\n"), (Lines{"0 1  1", "1 2  2", "2 3  \"]\""}));
  EXPECT_EQ(read("{\n \"a\": \"}\\\"}\"\n}\n{\n}\n"), (Lines{"0 1  {\"a\": \"}\\\"}\"}", "1 4  {}"}));
  EXPECT_EQ(read("12"), Lines{"0 1  12"});
  EXPECT_EQ(read(""), Lines{});
  EXPECT_EQ(read(" \n "), Lines{});
}

TEST(JsonRecords, TakesTheFormatItIsTold) {
  EXPECT_EQ(read("{\"a\": 1}\n", JsonFormat::kLines), Lines{"0 1  {\"a\": 1}"});
  EXPECT_EQ(read("[1, 2]\n", JsonFormat::kLines), Lines{"0 1  [1, 2]"});
  EXPECT_EQ(read("[1, 2]", JsonFormat::kArray), (Lines{"0 1  1", "1 1  2"}));
  EXPECT_EQ(read("{\"a\": 1}", JsonFormat::kObject), Lines{"0 1 a 1"});
  EXPECT_EQ(read("", JsonFormat::kLines), Lines{});

  EXPECT_EQ(read("{\"a\": 1}", JsonFormat::kArray), Lines{"! 1 an array is expected"});
  EXPECT_EQ(read("\n[1]", JsonFormat::kObject), Lines{"! 2 an object is expected"});
  for (const ByteView scalar : {"1 ", "\"text\"", "null", "1.5 ", "true"}) {
    EXPECT_EQ(read(scalar, JsonFormat::kArray), Lines{"! 1 an array is expected"}) << scalar;
    EXPECT_EQ(read(scalar, JsonFormat::kObject), Lines{"! 1 an object is expected"}) << scalar;
  }
  EXPECT_EQ(read("", JsonFormat::kArray), Lines{"! 1 the file is empty"});
  EXPECT_EQ(read("[1]\n[2]", JsonFormat::kArray),
            (Lines{"0 1  1", "! 2 something follows the end of the file's only value"}));
}

TEST(JsonRecords, SkipsAByteOrderMark) {
  EXPECT_EQ(read("\xEF\xBB\xBF[1]"), Lines{"0 1  1"});
  EXPECT_EQ(read("\xEF\xBB\xBF{\"a\": 1} {\"a\": 2}"), (Lines{"0 1  {\"a\": 1}", "1 1  {\"a\": 2}"}));
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "7",
                 JsonFormat::kLines),
            Lines{"0 1  7"});
}

struct NumberCase {
  std::string json;
  std::string value;
};

TEST(JsonRecords, TakesNumbersFromTheirOwnDigits) {
  const std::string thousand_nines(1'000, '9');
  const NumberCase kNumbers[] = {
      {"0", "0"},
      {"-0", "0"},
      {"42", "42"},
      {"-1", "-1"},
      {"9007199254740993", "9007199254740993"},
      {"9223372036854775807", "9223372036854775807"},
      {"9223372036854775808", "9223372036854775808m"},
      {"18446744073709551615", "18446744073709551615m"},
      {"18446744073709551616", "18446744073709551616m"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"-9223372036854775809", "-9223372036854775809m"},
      {"-18446744073709551616", "-18446744073709551616m"},
      {"1.0", "1.0m"},
      {"1.10", "1.10m"},
      {"-0.0", "0.0m"},
      {"0.1", "0.1m"},
      {"0e0", "0m"},
      {"1e2", "100m"},
      {"1E+2", "100m"},
      {"1.50e1", "15.0m"},
      {"-12.5e-3", "-0.0125m"},
      {"42.57952", "42.57952m"},
      {"0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827m"},
      {"3.14159265358979323846264338327950288", "3.14159265358979323846264338327950288m"},
      {"1234567890123456.7890", "1234567890123456.7890m"},
      {"123456789012345678901234567890", "123456789012345678901234567890m"},
      {"1e999", "1" + std::string(999, '0') + "m"},
      {"1e-1000", "0." + std::string(999, '0') + "1m"},
      {thousand_nines, thousand_nines + "m"},
  };
  for (const auto& [text, value] : kNumbers) {
    EXPECT_EQ(read(text + "\n"), Lines{"0 1  " + value}) << text;
    EXPECT_EQ(read("[" + text + "," + text + "]"), (Lines{"0 1  " + value, "1 1  " + value})) << text;
  }
}

// One number in a long line takes the parser's fast path, which looks 33 bytes ahead; at the end it doesn't.
TEST(JsonRecords, TakesRandomNumbersFromTheirOwnDigitsEverywhere) {
  test::Random random;
  for (int round = 0; round < 2'000; ++round) {
    const auto digits = [&](std::size_t most) {
      std::string text(1 + random.below(most), '0');
      for (char& digit : text) digit = static_cast<char>('0' + random.below(10));
      return text;
    };
    std::string whole = digits(24);
    whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size() - 1));
    std::string text = (random.one_in(2) ? "-" : "") + whole;
    if (!random.one_in(3)) text += "." + digits(24);
    if (random.one_in(3)) text += "e-" + std::to_string(random.below(40));
    const bool is_int = text.find_first_of(".e") == std::string::npos && parse_value(text).has_value();
    const std::string value = printed(parse_value(is_int ? text : text + "m").value());
    ASSERT_EQ(read("[" + text + ", \"some padding, longer than that look\", " + text + "]"),
              (Lines{"0 1  " + value, "1 1  \"some padding, longer than that look\"", "2 1  " + value}))
        << text;
  }
}

TEST(JsonRecords, ReadsStringsInEveryScript) {
  EXPECT_EQ(read(R"(["", "Ürümqi", "東京", "\u6771\u4eac", "\ud83c\udf0d", "\u0000\n\"\\\/"])"),
            (Lines{"0 1  \"\"", "1 1  \"Ürümqi\"", "2 1  \"東京\"", "3 1  \"東京\"", "4 1  \"🌍\"",
                   R"(5 1  "\u0000\n\"\\/")"}));
}

TEST(JsonRecords, KeepsTheOrderOfMembers) {
  EXPECT_EQ(read(R"([{"z": 1, "a": 2, "m": {"y": 3, "b": 4}}])"),
            Lines{R"(0 1  {"z": 1, "a": 2, "m": {"y": 3, "b": 4}})"});
}

TEST(JsonRecords, NamesTheLineOfAFault) {
  const auto expect_fault = [](const std::string& file, const std::string& start) {
    const Lines lines = read(file);
    ASSERT_FALSE(lines.empty()) << file;
    EXPECT_EQ(lines.back().substr(0, start.size()), start) << file;
  };
  expect_fault("[1,\n2,\nhello]", "! 3 ");
  expect_fault("[1,\n2", "! 2 ");
  expect_fault("{\"a\": 1}\n{\"b\": }\n", "! 2 ");
  expect_fault("{\"a\": 1}}\n", "! 1 ");
  expect_fault("[1] x", "! 1 ");
  expect_fault("[1]\n{\"open", "! 2 ");
  expect_fault("[\"\xFF\"]", "! 1 ");
  expect_fault("[\"\\ud800\"]", "! 1 ");
  expect_fault("[01]", "! 1 ");
  expect_fault("[NaN]", "! 1 ");
  expect_fault("[1,]", "! 1 ");
  expect_fault("\n\n[{\"a\": 1,\n\"a\": 2}]", "! 4 a Map has two equal keys");
  expect_fault("[0,\n1e1000]", "! 2 a decimal has too many digits");
  expect_fault("[\n\n0." + std::string(1'001, '0') + "]", "! 3 a decimal has too many digits");
  expect_fault("[\n{\"" + std::string(65'536, 'k') + "\": 1}]", "! 2 a name is over 65,535 bytes");
  expect_fault("{\"" + std::string(65'536, 'k') + "\": 1}", "! 1 a name is over 65,535 bytes");
}

TEST(JsonRecords, NestsAsDeepAsTheProtocolAndNoDeeper) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_EQ(read(nested(128), JsonFormat::kLines).size(), 1U);
  EXPECT_EQ(read(nested(129), JsonFormat::kLines), Lines{"! 1 arrays and objects nest too deep"});
  EXPECT_EQ(read(nested(129), JsonFormat::kArray).size(), 1U);
  EXPECT_EQ(read(nested(130), JsonFormat::kArray), Lines{"! 1 arrays and objects nest too deep"});
  const Lines deep = read_in_pieces(std::string(1'000'000, '['), 4'096, JsonFormat::kLines);
  EXPECT_EQ(deep, Lines{"! 1 arrays and objects nest too deep"});
}

TEST(JsonRecords, StopsWhenTheSinkDoes) {
  int records_seen = 0;
  JsonRecords records(JsonFormat::kLines, [&](const JsonRecord&) { return ++records_seen < 2; });
  EXPECT_FALSE(records.feed("1\n2\n3\n"));
  EXPECT_EQ(records_seen, 2);
  EXPECT_FALSE(records.fault().has_value());

  JsonRecords last(JsonFormat::kLines, [&](const JsonRecord&) { return false; });
  EXPECT_TRUE(last.feed("123"));
  EXPECT_FALSE(last.finish());
  EXPECT_FALSE(last.fault().has_value());
}

TEST(JsonRecords, SettlesOnALongFirstValueWithoutItsEnd) {
  std::string file = "[";
  while (file.size() < (17U << 20)) file += "\"" + std::string(1'000, 'x') + "\",\n";
  std::size_t records_seen = 0;
  JsonRecords records(JsonFormat::kDetect, [&](const JsonRecord&) { return ++records_seen > 0; });
  EXPECT_TRUE(records.feed(file));
  EXPECT_GT(records_seen, 10'000U);
  EXPECT_TRUE(records.feed("1]"));
  EXPECT_TRUE(records.finish());
}

// 16 MiB of records pass through; what is held at one time is one of them, and while the format is open the first
// bytes.
TEST(JsonRecords, MemoryDoesNotGrowWithTheFile) {
  std::string piece;
  while (piece.size() < (1U << 20))
    piece += R"({"name": "Zürich", "numbers": [1, 2.50, null]})"
             "\n";
  std::uint64_t records_seen = 0;
  const test::AllocationMeter meter;
  JsonRecords records(JsonFormat::kDetect, [&](const JsonRecord&) { return ++records_seen > 0; });
  for (int i = 0; i < 16; ++i) ASSERT_TRUE(records.feed(piece));
  ASSERT_TRUE(records.finish());
  EXPECT_GT(records_seen, 300'000U);
  EXPECT_LT(meter.peak_bytes(), 4 * piece.size());
}

TEST(JsonText, WritesEveryType) {
  using namespace kv::value;  // NOLINT: the encoders, a dozen of them
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::string items[] = {encode_null(),           encode_bool(true),        encode_int(-5),
                               encode_float(1),         encode_float(-0.0),       encode_float(1e100),
                               encode_float(kInfinity), encode_float(-kInfinity), encode_float(std::nan("")),
                               encode_decimal("1.50"),  encode_string("a\"\n東"), encode_bytes("f\xFF")};
  EXPECT_EQ(json(encode_list(items)), R"([null,true,-5,1.0,-0.0,1e+100,"inf","-inf","nan",1.50,"a\"\n東","Zv8="])");
  const std::pair<std::string, std::string> pairs[] = {{"b\"", encode_int(1)}, {"a", encode_list({})}};
  EXPECT_EQ(json(encode_map(pairs)), R"({"b\"":1,"a":[]})");
  EXPECT_EQ(json(encode_map({})), "{}");
}

// A Float or Bytes comes back as another type, but as the same JSON; but a Float has exponents and a -0.0, a Decimal
// hasn't.
TEST(JsonText, ComesBackAsTheSameJson) {
  test::Random random;
  int compared = 0;
  for (int round = 0; round < 5'000; ++round) {
    const std::string written = json(test::random_value(random));
    const Lines lines = read_in_pieces(written + "\n", 1 + random.below(64), JsonFormat::kLines);
    ASSERT_EQ(lines.size(), 1U) << written;
    ASSERT_EQ(lines[0].substr(0, 5), "0 1  ") << written;
    const auto has = [&](ByteView part) { return written.find(part) != std::string::npos; };
    if (has("e+") || has("e-") || has("-0.0")) continue;
    ++compared;
    EXPECT_EQ(json(parse_value(lines[0].substr(5)).value()), written);
  }
  EXPECT_GT(compared, 1'000);
}

}  // namespace
}  // namespace kv::client
