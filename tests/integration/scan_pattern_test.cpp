// The glob of SCAN, rule by rule.
#include <set>

#include "integration/scan_all.hpp"
#include "integration/server_test.hpp"

namespace kv::test {
namespace {

struct Glob {
  std::string pattern;
  std::string key;
  bool matches;
};

const Glob kGlobs[] = {
    {"", "anything", true},
    {"foo", "foo", true},
    {"foo", "fooo", false},
    {"foo", "fo", false},
    {"FOO", "foo", false},
    // * is any run of bytes, ? is one byte
    {"*", "anything", true},
    {"f*", "f", true},
    {"f*", "foo", true},
    {"f*", "of", false},
    {"*o", "foo", true},
    {"*a*b*", "xxaxxbxx", true},
    {"*a*b*", "xxbxxaxx", false},
    {"**", "x", true},
    {"a*", "b", false},
    {"?", "x", true},
    {"?", "xy", false},
    {"??", "ü", true},
    {"?", "ü", false},
    {"f?o", "foo", true},
    {"f?o", "fo", false},
    {"*?", "x", true},
    // classes
    {"[abc]", "b", true},
    {"[abc]", "d", false},
    {"[abc]", "ab", false},
    {"[a-c]x", "bx", true},
    {"[a-c]", "d", false},
    {"[a-c0-9]", "7", true},
    {"[^a]", "b", true},
    {"[^a]", "a", false},
    {"[^a-c]", "b", false},
    {"[^a-c]", "z", true},
    {"x[^a]", "x", false},
    {"[c-a]", "b", true},
    {"[c-a]", "d", false},
    {"[^c-a]", "b", false},
    {"[*]", "*", true},
    {"[*]", "x", false},
    {"[?]", "x", false},
    {"[a^]", "^", true},
    {"[]", "]", false},
    {"[]", "[]", false},
    {"a[]", "a", false},
    {"[]*", "x", false},
    {"*[]*", "x", false},
    // an unclosed [ stands for itself
    {"[", "[", true},
    {"[abc", "[abc", true},
    {"[abc", "a", false},
    {"x[", "x[", true},
    {"[a-", "[a-", true},
    {"[^", "[^", true},
    {"[*", "[anything", true},
    {"[?", "[x", true},
    // \ escapes, in a class too
    {"\\*", "*", true},
    {"\\*", "x", false},
    {"\\?", "?", true},
    {"\\[a]", "[a]", true},
    {"\\[a]", "a", false},
    {"\\\\", "\\", true},
    {"\\a", "a", true},
    {"[\\]]", "]", true},
    {"[\\]]", "\\", false},
    {"[a\\-c]", "-", true},
    {"[a\\-c]", "b", false},
    {"[\\^a]", "^", true},
    {"[\\^a]", "a", true},
    {"[\\^a]", "b", false},
    {"[\\\\]", "\\", true},
    {"[a\\]", "[a]", true},  // its ] is escaped, so the [ is unclosed
    // a final \ stands for itself
    {"a\\", "a\\", true},
    {"a\\", "a", false},
    {"\\", "\\", true},
};

using ScanPattern = ServerTest;

TEST_F(ScanPattern, EveryRuleOfTheGlob) {
  for (const Glob& glob : kGlobs) {
    call(flush());
    call(set(glob.key, encode_null()));
    EXPECT_EQ(!scan_all(client_, 10'000, glob.pattern).empty(), glob.matches)
        << "pattern " << glob.pattern << ", key " << glob.key;
  }
}

TEST_F(ScanPattern, MayBeAnyBytesThoughKeysAreUtf8) {
  call(set("ü", encode_null()));  // c3 bc
  call(set("z", encode_null()));
  const auto matches = [&](ByteView pattern) { return scan_all(client_, 10'000, pattern).size(); };
  EXPECT_EQ(matches("\xC3?"), 1U);
  EXPECT_EQ(matches("\xC3*"), 1U);
  EXPECT_EQ(matches("[\xC0-\xCF]\xBC"), 1U);
  EXPECT_EQ(matches("[^\xC3]"), 1U);
  EXPECT_EQ(matches("\xFF"), 0U);
  EXPECT_EQ(matches(ByteView("\0", 1)), 0U);
  EXPECT_EQ(matches("*\xBC"), 1U);
}

TEST_F(ScanPattern, PicksItsKeysOutOfMany) {
  std::set<std::string> expected;
  for (int i = 0; i < 2'000; ++i) {
    const std::string key = (i % 10 == 0 ? "user:" : "item:") + std::to_string(i);
    call(set(key, encode_null()));
    if (i % 10 == 0) expected.insert(key);
  }
  const std::vector<std::string> found = scan_all(client_, 50, "user:*");
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()), expected);
}

TEST_F(ScanPattern, TheLongestPatternIsFine) {
  const std::string key(1'000, 'k');
  call(set(key, encode_null()));
  EXPECT_EQ(scan_all(client_, 100, std::string(65'535, '*')).size(), 1U);
  EXPECT_EQ(scan_all(client_, 100, std::string(65'535, '?')).size(), 0U);
  EXPECT_EQ(scan_all(client_, 100, std::string(65'535, '[')).size(), 0U);
}

}  // namespace
}  // namespace kv::test
