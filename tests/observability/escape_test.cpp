#include "observability/escape.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "kv/base/utf8.hpp"
#include "kv/observability/log.hpp"

namespace kv::log {
namespace {

using namespace std::string_literals;

std::string escaped(ByteView bytes, Escape escape) {
  std::string out;
  append_escaped(out, bytes, escape);
  return out;
}

struct Case {
  std::string bytes;
  std::string message;
  std::string quoted;
  std::string json;
};

TEST(Escape, WritesEachKindOfCharacterAsItsPlaceAllows) {
  const std::vector<Case> cases{
      {"", "", "", ""},
      {"plain text 42", "plain text 42", "plain text 42", "plain text 42"},
      {"Zürich 東京 🦀", "Zürich 東京 🦀", "Zürich 東京 🦀", "Zürich 東京 🦀"},
      {"a\nb\rc\td", R"(a\nb\rc\td)", R"(a\nb\rc\td)", R"(a\nb\rc\td)"},
      {R"(say "\")", R"(say "\")", R"(say \"\\\")", R"(say \"\\\")"},
      {"\x1b[31m\x7f\0"s, R"(\x1b[31m\x7f\x00)", R"(\x1b[31m\x7f\x00)", R"(\u001b[31m\u007f\u0000)"},
      {"\u009b31m", R"(\xc2\x9b31m)", R"(\xc2\x9b31m)", R"(\u009b31m)"},
      {"a\u2028b\u202e", R"(a\xe2\x80\xa8b\xe2\x80\xae)", R"(a\xe2\x80\xa8b\xe2\x80\xae)", R"(a\u2028b\u202e)"},
      {"\u061c\u200f\u2066", R"(\xd8\x9c\xe2\x80\x8f\xe2\x81\xa6)", R"(\xd8\x9c\xe2\x80\x8f\xe2\x81\xa6)",
       R"(\u061c\u200f\u2066)"},
      {"\xff\x80", R"(\xff\x80)", R"(\xff\x80)", R"(\ufffd\ufffd)"},
      {"\xc3", R"(\xc3)", R"(\xc3)", R"(\ufffd)"},                                      // cut short
      {"\xc3(", R"(\xc3()", R"(\xc3()", R"(\ufffd()"},                                  // no continuation
      {"\xc0\xaf", R"(\xc0\xaf)", R"(\xc0\xaf)", R"(\ufffd\ufffd)"},                    // overlong
      {"\xed\xa0\x80", R"(\xed\xa0\x80)", R"(\xed\xa0\x80)", R"(\ufffd\ufffd\ufffd)"},  // a surrogate
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.quoted);
    EXPECT_EQ(escaped(test.bytes, Escape::kMessage), test.message);
    EXPECT_EQ(escaped(test.bytes, Escape::kQuoted), test.quoted);
    EXPECT_EQ(escaped(test.bytes, Escape::kJson), test.json);
  }
}

TEST(Escape, NoByteReachesTheLineRaw) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string bytes{static_cast<char>(first), static_cast<char>(second)};
      for (const Escape escape : {Escape::kMessage, Escape::kQuoted, Escape::kJson}) {
        const std::string out = escaped(bytes, escape);
        ASSERT_TRUE(is_utf8(out)) << first << ' ' << second;
        for (const char byte : out) ASSERT_TRUE((byte & 0x80) != 0 || (byte >= 0x20 && byte < 0x7f)) << out;
      }
      boost::system::error_code error;
      const boost::json::value parsed = boost::json::parse('"' + escaped(bytes, Escape::kJson) + '"', error);
      ASSERT_FALSE(error) << first << ' ' << second;
      if (is_utf8(bytes)) {
        ASSERT_EQ(parsed.as_string(), bytes);
      }
    }
  }
}

TEST(Escape, CutsBetweenCharactersAndSaysWhatIsMissing) {
  EXPECT_EQ(escape_for_log("abcdef", 6), "abcdef");
  EXPECT_EQ(escape_for_log("abcdef", 4), "abcd…(+2 bytes)");
  EXPECT_EQ(escape_for_log("abcdef", 0), "…(+6 bytes)");
  EXPECT_EQ(escape_for_log("aéé", 2), "a…(+4 bytes)");
  EXPECT_EQ(escape_for_log("aéé", 3), "aé…(+2 bytes)");
  EXPECT_EQ(escape_for_log("🦀🦀", 7), "🦀…(+4 bytes)");
  EXPECT_EQ(escape_for_log("\x80\x80\x80\x80\x80\x80", 5), R"(\x80…(+5 bytes))");
  EXPECT_EQ(escape_for_log("a \"b\"\n", 100), R"(a \"b\"\n)");
  EXPECT_EQ(escape_for_log(std::string(1'000'000, 'x'), 3), "xxx…(+999997 bytes)");
}

}  // namespace
}  // namespace kv::log
