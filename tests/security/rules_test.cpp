#include "kv/security/rules.hpp"

#include <initializer_list>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "security/commands.hpp"

namespace kv::security {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Names = std::vector<std::string>;

Rules rules_of(std::initializer_list<ByteView> words) {
  Rules rules(test::kCommands);
  for (const ByteView word : words) {
    const Result<bool> added = rules.add(word);
    EXPECT_TRUE(added.has_value() && *added) << word;
  }
  return rules;
}

Names commands_of(const Rules& rules) {
  Names names;
  for (const CommandInfo& command : test::kCommands) {
    if (rules.may_run(command.byte)) names.emplace_back(command.name);
  }
  return names;
}

bool may(const Rules& rules, ByteView key, KeyUse use) {
  std::uint64_t steps = 0;
  return rules.may_use(key, use, steps);
}

TEST(Rules, AllowNothingByThemselvesButWhatIsOpen) {
  const Rules rules(test::kCommands);
  EXPECT_THAT(commands_of(rules), ElementsAre("PING"));
  for (const KeyUse use : {KeyUse::kRead, KeyUse::kWrite, KeyUse::kBoth}) EXPECT_FALSE(may(rules, "key", use));
  EXPECT_FALSE(rules.allows_everything());
}

TEST(Rules, ACommandIsNamedInAnyCase) {
  EXPECT_THAT(commands_of(rules_of({"+get"})), ElementsAre("GET", "PING"));
  EXPECT_THAT(commands_of(rules_of({"+Get", "+FLUSH"})), ElementsAre("GET", "PING", "FLUSH"));
  EXPECT_THAT(commands_of(rules_of({"+get", "+incr", "-GET"})), ElementsAre("INCR", "PING"));
}

TEST(Rules, ReadIsWhatOnlyReadsAndWriteAllThatWrites) {
  EXPECT_THAT(commands_of(rules_of({"+@read"})), ElementsAre("GET", "PING"));
  EXPECT_THAT(commands_of(rules_of({"+@write"})), ElementsAre("SET", "INCR", "PING"));
}

TEST(Rules, AFamilyIsACategoryAndAdminIsInNoOtherButAll) {
  EXPECT_THAT(commands_of(rules_of({"+@string"})), ElementsAre("GET", "SET", "PING"));
  EXPECT_THAT(commands_of(rules_of({"+@admin"})), ElementsAre("PING", "FLUSH", "ACL"));
  EXPECT_THAT(commands_of(rules_of({"+@all", "-@admin"})), ElementsAre("GET", "SET", "INCR", "PING", "INFO"));
  EXPECT_FALSE(Rules(test::kCommands).add("+@keyspace").has_value()) << "here it has only an admin's command";
}

TEST(Rules, TheLaterWordWins) {
  EXPECT_THAT(commands_of(rules_of({"-get", "+@read"})), ElementsAre("GET", "PING"));
  EXPECT_THAT(commands_of(rules_of({"+@read", "-get"})), ElementsAre("PING"));
  EXPECT_THAT(commands_of(rules_of({"+@all", "nocommands", "+info"})), ElementsAre("PING", "INFO"));
}

TEST(Rules, WhatIsOpenStaysSo) {
  EXPECT_THAT(commands_of(rules_of({"+@all", "-@all"})), ElementsAre("PING"));
  EXPECT_THAT(commands_of(rules_of({"-@connection"})), ElementsAre("PING"));
  Rules rules(test::kCommands);
  EXPECT_THAT(rules.add("-ping").error().message, HasSubstr("everybody"));
}

TEST(Rules, KeysAreReadAndWrittenByPatterns) {
  const Rules rules = rules_of({"~app:*", "%R~shared:*", "%w~log:?"});
  for (const KeyUse use : {KeyUse::kRead, KeyUse::kWrite, KeyUse::kBoth}) {
    EXPECT_TRUE(may(rules, "app:1", use));
    EXPECT_FALSE(may(rules, "other", use));
  }
  EXPECT_TRUE(may(rules, "shared:1", KeyUse::kRead));
  EXPECT_FALSE(may(rules, "shared:1", KeyUse::kWrite));
  EXPECT_FALSE(may(rules, "shared:1", KeyUse::kBoth));
  EXPECT_TRUE(may(rules, "log:1", KeyUse::kWrite));
  EXPECT_FALSE(may(rules, "log:12", KeyUse::kWrite));
  EXPECT_FALSE(may(rules, "log:1", KeyUse::kRead));
}

TEST(Rules, ReadingAndWritingMayComeFromTwoPatterns) {
  const Rules rules = rules_of({"%R~*", "%W~a*"});
  EXPECT_TRUE(may(rules, "abc", KeyUse::kBoth));
  EXPECT_FALSE(may(rules, "bcd", KeyUse::kBoth));
  EXPECT_THAT(rules_of({"%R~x", "%W~x"}).words(), ElementsAre("~x")) << "the same pattern twice is one";
}

TEST(Rules, TellWhetherAllKeysAreMeant) {
  EXPECT_TRUE(rules_of({"allkeys"}).may_use_all(KeyUse::kBoth));
  EXPECT_TRUE(rules_of({"~**"}).may_use_all(KeyUse::kBoth));
  EXPECT_TRUE(rules_of({"%R~*", "%W~*"}).may_use_all(KeyUse::kBoth));
  EXPECT_FALSE(rules_of({"%R~*"}).may_use_all(KeyUse::kBoth));
  EXPECT_TRUE(rules_of({"%R~*"}).may_use_all(KeyUse::kRead));
  EXPECT_FALSE(rules_of({"allkeys", "resetkeys"}).may_use_all(KeyUse::kRead));
  EXPECT_FALSE(rules_of({"~?*"}).may_use_all(KeyUse::kRead));
  EXPECT_FALSE(rules_of({"allkeys"}).allows_everything());
  EXPECT_TRUE(rules_of({"allkeys", "allcommands"}).allows_everything());
  EXPECT_FALSE(rules_of({"allkeys", "+@all", "-get"}).allows_everything());
}

TEST(Rules, AreWrittenInOneOrderWithNoWordTwice) {
  EXPECT_THAT(rules_of({"+get", "~b", "-@write", "%R~a", "+GET"}).words(),
              ElementsAre("~b", "%R~a", "-@write", "+get"));
  EXPECT_THAT(rules_of({"+get", "-info", "allcommands", "-flush", "allkeys"}).words(),
              ElementsAre("~*", "+@all", "-flush"));
  EXPECT_THAT(rules_of({"+get", "nocommands"}).words(), ElementsAre());
}

TEST(Rules, OtherWordsAreNoRules) {
  Rules rules(test::kCommands);
  for (const ByteView word : {"on", "get", "secret", "@all", ""}) EXPECT_EQ(rules.add(word).value(), false) << word;
}

TEST(Rules, AWrongWordIsToldWhatIsExpected) {
  Rules rules(test::kCommands);
  const std::pair<ByteView, ByteView> kWrong[] = {
      {"+nope", "no command nope"},
      {"-@nope", "no category @nope"},
      {"+", "no command;"},
      {"%~key", "%R~ or %W~"},
      {"%X~key", "%R~ or %W~"},
      {"%R", "%R~ or %W~"},
      {"~", "is empty"},
      {"%R~", "is empty"},
      {"~\xFF", "UTF-8"},
      {"~a b", "no blanks and control characters"},
      {"~x\nfoo", "no blanks and control characters"},
      {"%R~x\n#y", "no blanks and control characters"},
      {ByteView("~x\0", 3), "no blanks and control characters"},
      {"%W~\x1F", "no blanks and control characters"},
      {"~x\x7F", "no blanks and control characters"},
  };
  for (const auto& [word, expected] : kWrong) EXPECT_THAT(rules.add(word).error().message, HasSubstr(expected)) << word;
  EXPECT_THAT(rules.add("~" + std::string(kKeyPatternBytesMax + 1, 'k')).error().message, HasSubstr("1,024"));
  for (std::size_t i = 0; i < kKeyPatternsMax; ++i) EXPECT_TRUE(rules.add("~" + std::to_string(i)).value());
  EXPECT_THAT(rules.add("~more").error().message, HasSubstr("256"));
}

TEST(Rules, NothingIsQuotedThatMayBeASecret) {
  Rules rules(test::kCommands);
  for (const std::string secret : {"S3cret!", "correct horse", "thisisasecretwithoutanydigits"}) {
    for (const char* sign : {"+", "-", "+@"}) {
      const std::string message = rules.add(sign + secret).error().message;
      EXPECT_EQ(message.find(secret), std::string::npos) << message;
    }
  }
}

}  // namespace
}  // namespace kv::security
