#include "kv/security/user.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "security/commands.hpp"

namespace kv::security {
namespace {

using testing::HasSubstr;

const std::string kHash =
    "$argon2id$v=19$m=8,t=1,p=1$rG0Lh87A7XBudDaNcgRFew$UBGwKD5y18Blgna9emWimZL3sB+qeEG0L7nT7qfuzts";

User user_of(ByteView words, std::string name = "app") {
  User user(std::move(name), test::kCommands);
  const auto changed = change(user, words);
  EXPECT_TRUE(changed.has_value()) << changed.error().message;
  return user;
}

std::string fault_of(ByteView words) {
  User user("app", test::kCommands);
  const auto changed = change(user, words);
  return changed ? "no fault" : changed.error().message;
}

TEST(User, IsMadeByWords) {
  const User user = user_of("on  cert\tconnections=7 #" + kHash + " ~app:* +@read ");
  EXPECT_TRUE(user.is_on && user.takes_certificates && !user.needs_no_password);
  EXPECT_EQ(user.connections_max, 7U);
  EXPECT_THAT(user.hashes, testing::ElementsAre(kHash));
  EXPECT_TRUE(user.rules.may_run(0x01));
  EXPECT_FALSE(user.rules.may_run(0x02));
}

TEST(User, ByItselfIsOffAndMayNothing) {
  EXPECT_EQ(to_line(user_of(""), Hashes::kShown), "user app off");
}

TEST(User, ItsLineMakesItAgain) {
  for (const std::string& words :
       {std::string("on"), std::string("off cert"), std::string("on connections=1000000 ~* +@all -flush"),
        "on #" + kHash + " %R~a %W~b ~c +@read -@string"}) {
    const std::string line = to_line(user_of(words), Hashes::kShown);
    EXPECT_EQ(line, "user app " + words);
    EXPECT_EQ(to_line(user_of(line.substr(9)), Hashes::kShown), line);
  }
}

TEST(User, HiddenHashesAreCountedOnly) {
  EXPECT_EQ(to_line(user_of("on #" + kHash), Hashes::kHidden), "user app on #***");
}

TEST(User, LaterWordsUndoEarlierOnes) {
  EXPECT_EQ(to_line(user_of("on cert connections=3 ~* +@all #" + kHash + " reset"), Hashes::kShown), "user app off");
  EXPECT_EQ(to_line(user_of("on off cert nocert connections=3 connections=0"), Hashes::kShown), "user app off");
  EXPECT_EQ(to_line(user_of("#" + kHash + " #" + kHash), Hashes::kHidden), "user app off #***");
  EXPECT_EQ(to_line(user_of("#" + kHash + " resetpass"), Hashes::kHidden), "user app off");
  EXPECT_EQ(to_line(user_of("nopass #" + kHash, "default"), Hashes::kHidden), "user default off #***");
  EXPECT_EQ(to_line(user_of("#" + kHash + " nopass", "default"), Hashes::kHidden), "user default off nopass");
}

TEST(User, AWrongWordIsToldByItsPlaceAndNeverQuoted) {
  EXPECT_THAT(fault_of("on secret"), HasSubstr("rule 2: expected on, off,"));
  EXPECT_THAT(fault_of("on >secret"), HasSubstr("rule 2: expected on, off,"));
  EXPECT_THAT(fault_of("#secret"), HasSubstr("rule 1: behind # an argon2id hash is expected"));
  EXPECT_THAT(fault_of("nopass"), HasSubstr("for the user default alone"));
  EXPECT_THAT(fault_of("+secret1"), HasSubstr("there is no command;"));
  for (const char* words : {"connections=", "connections=-1", "connections=x", "connections=1000001"}) {
    EXPECT_THAT(fault_of(words), HasSubstr("a number from 0")) << words;
  }
  for (const char* words : {"on secret", ">secret", "#secret", "on <secret", "secret=1"}) {
    EXPECT_EQ(fault_of(words).find("secret"), std::string::npos) << fault_of(words);
  }
}

TEST(User, HasAFewPasswordsAtMost) {
  std::string words;
  for (std::size_t i = 0; i < kPasswordHashesMax; ++i) words += "#" + test::cheap_hash("p") + " ";
  EXPECT_EQ(user_of(words).hashes.size(), kPasswordHashesMax);
  EXPECT_THAT(fault_of(words + "#" + test::cheap_hash("p")), HasSubstr("at most 4"));
}

TEST(UserName, IsShortVisibleUtf8) {
  for (const ByteView good : {"a", "app-1", "h\xC3\xA9llo", "user@example"}) EXPECT_TRUE(is_user_name(good)) << good;
  EXPECT_TRUE(is_user_name(std::string(kUserNameBytesMax, 'n')));
  EXPECT_FALSE(is_user_name(std::string(kUserNameBytesMax + 1, 'n')));
  for (const ByteView bad : {"", "a b", "a\n", "\x7F", "\xFF", "a\tb"}) EXPECT_FALSE(is_user_name(bad)) << bad;
}

TEST(Presence, CountsUpToALimit) {
  Presence presence;
  EXPECT_TRUE(presence.enter(2));
  EXPECT_TRUE(presence.enter(2));
  EXPECT_FALSE(presence.enter(2));
  EXPECT_TRUE(presence.enter(0)) << "no limit";
  presence.leave();
  presence.leave();
  EXPECT_TRUE(presence.enter(2));
  EXPECT_EQ(presence.connections(), 2U);
}

}  // namespace
}  // namespace kv::security
