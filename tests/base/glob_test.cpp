#include "kv/base/glob.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/base/cpu_time.hpp"
#include "support/base/random.hpp"

namespace kv {
namespace {

using test::Random;

bool matches(ByteView pattern, ByteView text) {
  std::uint64_t steps = 0;
  return Glob(pattern).matches(text, steps);
}

struct Case {
  ByteView pattern;
  std::vector<ByteView> yes;
  std::vector<ByteView> no;
};

class GlobRules : public testing::TestWithParam<Case> {};

TEST_P(GlobRules, Hold) {
  for (const ByteView text : GetParam().yes) EXPECT_TRUE(matches(GetParam().pattern, text)) << text;
  for (const ByteView text : GetParam().no) EXPECT_FALSE(matches(GetParam().pattern, text)) << text;
}

INSTANTIATE_TEST_SUITE_P(Literal, GlobRules,
                         testing::Values(Case{"", {""}, {"a"}}, Case{"abc", {"abc"}, {"", "ab", "abcd", "abd", "ABC"}},
                                         Case{"ü", {"ü"}, {"u", "\xC3"}}, Case{"]-^!", {"]-^!"}, {"]"}}));

INSTANTIATE_TEST_SUITE_P(Wildcards, GlobRules,
                         testing::Values(Case{"*", {"", "a", "abc", ByteView("\0\xFF", 2)}, {}},
                                         Case{"**", {"", "a", "abc"}, {}}, Case{"a*", {"a", "ab", "a*"}, {"", "ba"}},
                                         Case{"*a", {"a", "ba", "aa"}, {"", "ab"}},
                                         Case{"*a*", {"a", "bab"}, {"", "b"}},
                                         Case{"a*b*c", {"abc", "aXbYc", "abbcc", "abcbc"}, {"ab", "acb", "abcd"}},
                                         Case{"?", {"a", "\xFF", "*"}, {"", "ab", "ü"}}, Case{"??", {"ü", "ab"}, {"a"}},
                                         Case{"?*", {"a", "ab"}, {""}}, Case{"*?", {"a", "ab"}, {""}},
                                         Case{"a?c", {"abc", "a?c"}, {"ac", "abbc"}}));

INSTANTIATE_TEST_SUITE_P(
    Classes, GlobRules,
    testing::Values(Case{"[abc]", {"a", "b", "c"}, {"", "d", "ab", "["}},
                    Case{"[a-c]x", {"ax", "bx", "cx"}, {"dx", "-x"}}, Case{"[c-a]", {"a", "b", "c"}, {"d", "-"}},
                    Case{"[a-a]", {"a"}, {"b", "-"}}, Case{"[^a]", {"b", "^", "\xFF"}, {"a", ""}},
                    Case{"[^a-c]", {"d"}, {"a", "b", "c"}}, Case{"[a^]", {"a", "^"}, {"b"}},
                    Case{"[]", {}, {"", "]", "[]"}}, Case{"[]a]", {}, {"]", "a", "[]a]"}},
                    Case{"[^]", {"a", "^", "]"}, {"", "ab"}}, Case{"[-a]", {"-", "a"}, {"b"}},
                    Case{"[a-]", {"-", "a"}, {"b"}}, Case{"[--0]", {"-", ".", "/", "0"}, {"a", "1"}},
                    Case{"[a-c-e]", {"a", "b", "c", "-", "e"}, {"d"}}, Case{"[*?]", {"*", "?"}, {"a"}},
                    Case{"[[]", {"["}, {"a"}}, Case{"[\x80-\xFF]", {"\x80", "\xFF"}, {"a", "\x7F"}},
                    Case{"*[0-9]", {"a1", "7"}, {"a", "1a"}}));

INSTANTIATE_TEST_SUITE_P(
    Escapes, GlobRules,
    testing::Values(Case{"\\*", {"*"}, {"a", "\\*", ""}}, Case{"\\?", {"?"}, {"a"}}, Case{"\\[a]", {"[a]"}, {"a"}},
                    Case{"\\\\", {"\\"}, {"\\\\"}}, Case{"\\a", {"a"}, {"\\a"}}, Case{"[\\]]", {"]"}, {"\\", "\\]"}},
                    Case{"[\\^a]", {"^", "a"}, {"b", "\\"}}, Case{"[a\\-c]", {"a", "-", "c"}, {"b", "\\"}},
                    Case{"[\\a-\\c]", {"a", "b", "c"}, {"\\", "-"}}, Case{"[^\\]]", {"a"}, {"]"}}));

INSTANTIATE_TEST_SUITE_P(WhatStandsForItself, GlobRules,
                         testing::Values(Case{"[", {"["}, {"", "a"}}, Case{"[abc", {"[abc"}, {"a"}},
                                         Case{"[a*", {"[a", "[abc"}, {"a"}}, Case{"[^", {"[^"}, {"a"}},
                                         Case{"[[a", {"[[a"}, {"[a"}}, Case{"[a\\]", {"[a]"}, {"a"}},
                                         Case{"[a-", {"[a-"}, {"a"}}, Case{"a\\", {"a\\"}, {"a", "a\\\\"}},
                                         Case{"\\", {"\\"}, {""}}, Case{"[\\", {"[\\"}, {"["}},
                                         Case{"*\\", {"\\", "a\\"}, {"a"}}, Case{"x[*", {"x[", "x[y"}, {"x"}}));

// A matcher that is as plain as the rules: it reads the pattern anew at every step.
class Naive {
 public:
  static bool matches(ByteView pattern, ByteView text) {
    if (pattern.empty()) return text.empty();
    if (pattern[0] == '*') {
      return matches(pattern.substr(1), text) || (!text.empty() && matches(pattern, text.substr(1)));
    }
    if (text.empty()) return false;
    const auto byte = static_cast<unsigned char>(text[0]);
    if (pattern[0] == '?') return matches(pattern.substr(1), text.substr(1));
    if (pattern[0] == '[') {
      std::size_t end = 1;
      const bool member = is_member(pattern, byte, end);
      if (end < pattern.size()) return member && matches(pattern.substr(end + 1), text.substr(1));
    }
    const std::size_t escape = pattern[0] == '\\' && pattern.size() > 1 ? 1 : 0;
    return pattern[escape] == text[0] && matches(pattern.substr(escape + 1), text.substr(1));
  }

 private:
  // Whether `byte` is in the class that begins at the front; `end` is where its `]` is, or past the pattern.
  static bool is_member(ByteView pattern, unsigned char byte, std::size_t& end) {
    const bool negated = end < pattern.size() && pattern[end] == '^';
    if (negated) ++end;
    bool found = false;
    while (end < pattern.size() && pattern[end] != ']') {
      int low = next(pattern, end);
      int high = low;
      if (end + 1 < pattern.size() && pattern[end] == '-' && pattern[end + 1] != ']') {
        ++end;
        high = next(pattern, end);
      }
      found = found || (std::min(low, high) <= byte && byte <= std::max(low, high));
    }
    return found != negated;
  }
  static int next(ByteView pattern, std::size_t& at) {
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    return static_cast<unsigned char>(pattern[at++]);
  }
};

TEST(GlobModel, MatchesAsThePlainMatcherDoes) {
  Random random;
  const auto random_text = [&](ByteView alphabet, std::size_t size_max) {
    std::string text(random.below(size_max + 1), '\0');
    for (char& c : text) c = alphabet[random.below(alphabet.size())];
    return text;
  };
  int matched = 0;
  for (int i = 0; i < 300'000; ++i) {
    const std::string pattern = random_text("aab**?[[]]^-\\", 10);
    const std::string text = random_text("aab]-^[\\", 6);
    const bool expected = Naive::matches(pattern, text);
    ASSERT_EQ(matches(pattern, text), expected) << "pattern " << pattern << ", text " << text;
    matched += expected ? 1 : 0;
  }
  EXPECT_GT(matched, 1'000) << "both answers have to come";
}

TEST(GlobSteps, AreAtMostThePatternTimesTheText) {
  Random random;
  const std::string a(2'000, 'a');
  for (const std::string& pattern : {std::string("*a*a*a*a*a*b"), std::string("*a*b"), std::string(100, 'a') + "*b",
                                     "*" + std::string(500, 'a') + "b", std::string("*[a-z]*[a-z]b"),
                                     std::string("****************b"), std::string("*")}) {
    std::uint64_t steps = 0;
    Glob(pattern).matches(a, steps);
    EXPECT_LE(steps, pattern.size() * a.size() + pattern.size() + a.size()) << pattern;
  }
  for (int i = 0; i < 2'000; ++i) {
    std::string pattern(1 + random.below(20), '\0');
    for (char& c : pattern) c = "a*?b"[random.below(4)];
    std::string text(random.below(200), '\0');
    for (char& c : text) c = "aaab"[random.below(4)];
    std::uint64_t steps = 0;
    Glob(pattern).matches(text, steps);
    EXPECT_LE(steps, pattern.size() * text.size() + pattern.size() + text.size()) << pattern << " on " << text;
  }
}

TEST(GlobSteps, AddUpOverTexts) {
  const Glob glob("*b");
  std::uint64_t steps = 0;
  glob.matches("aaa", steps);
  const std::uint64_t first = steps;
  EXPECT_GT(first, 0U);
  glob.matches("aaa", steps);
  EXPECT_EQ(steps, 2 * first);
}

// Patterns whose brackets never close take no longer to read than others.
TEST(GlobSteps, ReadingAPatternTakesTimeInProportion) {
  for (const ByteView part : {"[", "[a", "[^", "[\\", "[a-", "*[", "[]"}) {
    std::string pattern;
    while (pattern.size() < 65'000) pattern += part;
    const auto begin = test::cpu_time_of_thread();
    std::uint64_t steps = 0;
    Glob(pattern).matches("a", steps);
    EXPECT_LT(test::cpu_time_of_thread() - begin, std::chrono::seconds(2)) << part;
  }
}

}  // namespace
}  // namespace kv
