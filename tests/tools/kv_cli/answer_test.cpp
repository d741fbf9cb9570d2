#include "kv-cli/answer.hpp"

#include <gtest/gtest.h>

#include "kv/value/build.hpp"

#include "kv-cli/indent_json.hpp"
#include "support/base/hex.hpp"

namespace kv::cli {
namespace {

using test::unhex;

client::Reply ok(std::string payload) {
  return {protocol::Status::kOk, std::move(payload)};
}

struct AnswerCase {
  Answer answer;
  std::string payload;
  std::string text;
  std::string json;
};

const AnswerCase kAnswers[] = {
    {Answer::kNothing, "", "OK", "\"OK\""},
    {Answer::kBool, unhex("01"), "true", "true"},
    {Answer::kBool, unhex("00"), "false", "false"},
    {Answer::kInt, unhex("fffffffffffffffe"), "-2", "-2"},
    {Answer::kCount32, unhex("ffffffff"), "4294967295", "4294967295"},
    {Answer::kCount64, unhex("ffffffffffffffff"), "18446744073709551615", "18446744073709551615"},
    {Answer::kValue, value::encode_decimal("1.50"), "1.50m", "1.50"},
    {Answer::kValue, value::encode_null(), "null", "null"},
    {Answer::kValues, unhex("0002") + value::encode_int(1) + value::encode_bytes("f"), "1\n0x66", "[1,\"Zg==\"]"},
    {Answer::kBools, unhex("0002 01 00"), "true\nfalse", "[true,false]"},
    {Answer::kSwapped, unhex("01"), "true", R"({"swapped":true})"},
    {Answer::kSwapped, unhex("00") + value::encode_string("x"), "false\n\"x\"", R"({"swapped":false,"current":"x"})"},
    {Answer::kText, "PONG", "PONG", "\"PONG\""},
    {Answer::kText, "two\nlines", "\"two\\nlines\"", "\"two\\nlines\""},
    {Answer::kText, "\xFF", "0xff", "\"/w==\""},
    {Answer::kDocument, R"({"a":1})", "{\n  \"a\": 1\n}", R"({"a":1})"},
    {Answer::kType, unhex("07"), "Map", "\"Map\""},
    {Answer::kType, unhex("09"), "unknown", "\"unknown\""},
    {Answer::kSavedAt, unhex("0000018bcfe5687b"), "2023-11-14T22:13:20.123Z\n1700000000123",
     R"({"time":"2023-11-14T22:13:20.123Z","ms":1700000000123})"},
    {Answer::kSavedAt, unhex("0000000000000000"), "never", R"({"time":null,"ms":0})"},
    {Answer::kAcquired, unhex("01 0000000000000007"), "true\n7", R"({"acquired":true,"token":7})"},
    {Answer::kAcquired, unhex("01 ffffffffffffffff"), "true\n18446744073709551615",
     R"({"acquired":true,"token":18446744073709551615})"},
    {Answer::kAcquired, unhex("00 0000000000000007"), "false\n7", R"({"acquired":false,"ttl":7})"},
    {Answer::kAcquired, unhex("00 ffffffffffffffff"), "false\n-1", R"({"acquired":false,"ttl":-1})"},
};

TEST(Answer, PrintsForPeopleAndForScripts) {
  for (const AnswerCase& row : kAnswers) {
    EXPECT_EQ(print_answer(row.answer, ok(row.payload), OutputForm::kText).value(), row.text + '\n');
    EXPECT_EQ(print_answer(row.answer, ok(row.payload), OutputForm::kJson).value(), row.json + '\n');
  }
}

TEST(Answer, NullIsAnAnswer) {
  const client::Reply null{protocol::Status::kNull, ""};
  EXPECT_EQ(print_answer(Answer::kValue, null, OutputForm::kText).value(), "(null)\n");
  EXPECT_EQ(print_answer(Answer::kInt, null, OutputForm::kJson).value(), "null\n");
}

// A byte less or more than the answer has is not taken for it.
TEST(Answer, APayloadOfAnotherShapeIsRefused) {
  for (const AnswerCase& row : kAnswers) {
    if (row.answer == Answer::kText || row.answer == Answer::kDocument) continue;
    EXPECT_FALSE(print_answer(row.answer, ok(row.payload + '\0'), OutputForm::kText).has_value()) << row.text;
    for (std::size_t size = 0; size < row.payload.size(); ++size) {
      const auto text = print_answer(row.answer, ok(row.payload.substr(0, size)), OutputForm::kText);
      ASSERT_FALSE(text.has_value()) << row.text << " cut at " << size;
      EXPECT_EQ(text.error().code, ExitCode::kNoConnection);
    }
  }
  EXPECT_FALSE(print_answer(Answer::kBool, ok(unhex("02")), OutputForm::kText).has_value());
  EXPECT_FALSE(print_answer(Answer::kValue, ok(unhex("0902")), OutputForm::kText).has_value());
}

TEST(Answer, AKeyHasALineOfItsOwn) {
  EXPECT_EQ(print_key_line("a b", OutputForm::kText), "a b\n");
  EXPECT_EQ(print_key_line("a\nb", OutputForm::kText), "\"a\\nb\"\n");
  EXPECT_EQ(print_key_line("a b", OutputForm::kJson), "\"a b\"\n");
}

TEST(IndentJson, PutsEveryMemberOnALine) {
  EXPECT_EQ(indent_json(R"({"a":[1,{"b":"c,\"[{d"}],"e":{},"f":[ ]})"),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"c,\\\"[{d\"\n    }\n  ],\n  \"e\": {},\n  \"f\": []\n}");
  EXPECT_EQ(indent_json("{ }"), "{}");
  EXPECT_EQ(indent_json(""), "");
}

TEST(IndentJson, EndsWellOnWhatIsNone) {
  for (const ByteView text : {"}", "]]]", "\"open", "\"\\", "{", "[}", "{\"a\":[}]"}) indent_json(text);
  EXPECT_EQ(indent_json("\"open"), "\"open");
}

}  // namespace
}  // namespace kv::cli
