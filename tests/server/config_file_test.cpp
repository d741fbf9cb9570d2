#include "server/config_file.hpp"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/base/limits.hpp"

#include "support/base/temporary_folder.hpp"

namespace kv::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

Result<std::vector<ConfigEntry>> load(std::string_view text) {
  const test::TemporaryFolder folder;
  return load_config(folder.write("kv.toml", text));
}

std::vector<std::string> values_of(std::string_view text) {
  const auto entries = load(text);
  EXPECT_TRUE(entries.has_value()) << text;
  return entries.has_value() && entries->size() == 1 ? entries->front().values : std::vector<std::string>{"?"};
}

// The message without the path, which differs from run to run.
std::string fault_of(std::string_view text) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("kv.toml", text);
  const auto entries = load_config(path);
  if (entries.has_value()) return "no fault";
  EXPECT_THAT(entries.error().message, StartsWith(path));
  return entries.error().message.substr(path.size());
}

TEST(ConfigFile, GivesKeysValuesAndLinesInOrder) {
  const auto entries = load(
      "# a comment\r\n"
      "\n"
      "  shards=512# with a comment\n"
      "log-level\t=\t\"debug\"  \r\n"
      "bind = [ # the first\n"
      "  \"127.0.0.1:6380\" ,   # the second\n"
      "\n"
      "  '[::1]:6380',\n"
      "]\n"
      "x=1");
  ASSERT_TRUE(entries.has_value());
  ASSERT_EQ(entries->size(), 4U);
  const std::vector<ConfigEntry>& all = *entries;
  EXPECT_EQ(all[0].key, "shards");
  EXPECT_EQ(all[0].line, 3U);
  EXPECT_THAT(all[0].values, ElementsAre("512"));
  EXPECT_EQ(all[1].key, "log-level");
  EXPECT_EQ(all[1].line, 4U);
  EXPECT_THAT(all[1].values, ElementsAre("debug"));
  EXPECT_EQ(all[2].key, "bind");
  EXPECT_EQ(all[2].line, 5U);
  EXPECT_THAT(all[2].values, ElementsAre("127.0.0.1:6380", "[::1]:6380"));
  EXPECT_EQ(all[3].key, "x");
  EXPECT_EQ(all[3].line, 10U);
}

TEST(ConfigFile, ReadsEachKindOfValue) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases{
      {"k = 1", {"1"}},
      {"k = -1", {"-1"}},
      {"k = +17", {"+17"}},
      {"k = true", {"true"}},
      {"k = false", {"false"}},
      {"k = ''", {""}},
      {"k = \"\"", {""}},
      {"k = 'a b'", {"a b"}},
      {"k = \"a, b\"", {"a, b"}},
      {"k = \" a \"", {" a "}},
      {"k = \"a#b=c[d]\" # e", {"a#b=c[d]"}},
      {"k = \"[a]\"", {"[a]"}},
      {"k = 'é 東'", {"é 東"}},
      {"k = []", {}},
      {"k = [ ]", {}},
      {"k = [1]", {"1"}},
      {"k = [1,2 , 3,]", {"1", "2", "3"}},
      {"k = ['a','b c', \"d,e\"]", {"a", "b c", "d,e"}},
      {"k = [\"\", ']']", {"", "]"}},
      {"k = [\n'a'\n,\n'b'\n]", {"a", "b"}},
  };
  for (const auto& [text, values] : cases) EXPECT_EQ(values_of(text), values) << text;
}

TEST(ConfigFile, AnyStringWithoutQuotesAndBackslashesIsReadBack) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::string characters = "ab0,# =[](){}.:;%`$~-_\t*";
  const auto any_string = [&] {
    std::string text;
    for (auto left = random() % 12; left > 0; --left) text += characters[random() % characters.size()];
    return text;
  };
  for (int round = 0; round < 500; ++round) {
    const std::string one = any_string();
    const std::string other = any_string();
    ASSERT_THAT(values_of("k = \"" + one + "\""), ElementsAre(one));
    ASSERT_THAT(values_of("k=['" + one + "', \"" + other + "\"]"), ElementsAre(one, other));
  }
}

TEST(ConfigFile, AnEmptyFileSetsNothing) {
  for (const char* text : {"", "\n", "# only a comment", " \t\r\n"}) {
    const auto entries = load(text);
    ASSERT_TRUE(entries.has_value());
    EXPECT_THAT(*entries, IsEmpty());
  }
}

TEST(ConfigFile, NamesTheLineOfWhatItCantReadButNotItsValue) {
  const std::string rule =
      "not `key = value`, the value a \"string\", a whole number, true, false or a list of these: ";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"shards", rule + "shards"},
      {"k", rule + "k"},
      {"k =", rule + "k =…"},
      {"= 1", rule + "=…"},
      {"k 1", rule + "k 1"},
      {"k = 1 2", rule + "k =…"},
      {"k = 1.5", rule + "k =…"},
      {"k = -", rule + "k =…"},
      {"k = debug", rule + "k =…"},
      {"k = trueish", rule + "k =…"},
      {"k = 'a", rule + "k =…"},
      {"k = 'a' # '", "no fault"},
      {"k = a'", rule + "k =…"},
      {"k = 'a' 'b'", rule + "k =…"},
      {"k = 'a\\\\n'", rule + "k =…"},
      {"k = \"it's\"", rule + "k =…"},
      {"k = '''a'''", rule + "k =…"},
      {"a.b = 1", rule + "a.b =…"},
      {"'k' = 1", rule + "'…"},
      {"k = {a = 1}", rule + "k =…"},
      {"k = [[1]]", rule + "k =…"},
      {"k = [1 2]", rule + "k =…"},
      {"k = [,]", rule + "k =…"},
      {"k = [1,,2]", rule + "k =…"},
      {"k = 1]", rule + "k =…"},
      {"k = [1", "a list without its end: k =…"},
      {"k = [1\nj = 2", "a list without its end: k =…"},
      {"[server]", "unknown section [server]"},
      {"[[server]]", "unknown section [[server]]"},
      {"k\x1b = 1", rule + "k\\x1b =…"},
      {std::string("k\0 = 1", 6), rule + "k\\x00 =…"},
  };
  for (const auto& [text, fault] : cases) {
    const std::string expected = fault == "no fault" ? fault : ":2: " + fault;
    EXPECT_EQ(fault_of("\n" + text), expected) << text;
  }
}

TEST(ConfigFile, AKeyIsSetOnce) {
  EXPECT_EQ(fault_of("a = 1\na = 2"), ":2: a is set twice");
  EXPECT_EQ(fault_of("a = ['x']\nb = 1\na = ['y']"), ":3: a is set twice");
}

TEST(ConfigFile, AFileThatCantBeReadIsAFault) {
  const test::TemporaryFolder folder;
  const std::string missing = folder.path() + "/missing";
  EXPECT_EQ(load_config(missing).error().message, missing + ": can't be read: No such file or directory");
  EXPECT_EQ(load_config(folder.path()).error().message, folder.path() + ": can't be read: Is a directory");
  EXPECT_EQ(load_config("").error().message, "\"\": can't be read: No such file or directory");
  EXPECT_EQ(load_config("/dev/zero").error().message, "/dev/zero: is over 1 MiB");
}

TEST(ConfigFile, ItsSizeIsLimited) {
  EXPECT_EQ(fault_of(std::string(kConfigFileBytesMax + 1, '#')), ": is over 1 MiB");
  EXPECT_EQ(fault_of(std::string(kConfigFileBytesMax, '#')), "no fault");
  const std::string long_string(kConfigFileBytesMax - 6, 'x');
  EXPECT_THAT(values_of("k = \"" + long_string + "\""), ElementsAre(long_string));
  EXPECT_THAT(fault_of(std::string(kConfigFileBytesMax, '[')), StartsWith(":1: unknown section"));
  EXPECT_THAT(fault_of("k = " + std::string(kConfigFileBytesMax - 4, '[')), StartsWith(":1: a list without its end"));
}

}  // namespace
}  // namespace kv::server
