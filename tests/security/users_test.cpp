#include "kv/security/users.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/base/limits.hpp"
#include "kv/security/password.hpp"

#include "security/commands.hpp"
#include "support/base/temporary_folder.hpp"

namespace kv::security {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string kHash =
    "$argon2id$v=19$m=8,t=1,p=1$rG0Lh87A7XBudDaNcgRFew$UBGwKD5y18Blgna9emWimZL3sB+qeEG0L7nT7qfuzts";

std::string read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string fault_of(ByteView text) {
  const auto users = parse_users(text, "users.acl", test::kCommands);
  return users ? "no fault" : users.error().message;
}

TEST(AclText, IsALineForEachUser) {
  const auto users =
      parse_users("# comment\n\n  user b on \r\nuser a off ~x\n\tuser default on nopass", "f", test::kCommands);
  ASSERT_TRUE(users.has_value()) << users.error().message;
  EXPECT_EQ(to_text(*users, Hashes::kShown), "user a off ~x\nuser b on\nuser default on nopass\n");
}

TEST(AclText, OfNothingMakesNobody) {
  EXPECT_EQ(parse_users("", "f", test::kCommands).value().size(), 0U);
  EXPECT_EQ(parse_users("\n# nobody\n", "f", test::kCommands).value().size(), 0U);
}

TEST(AclText, AFaultIsToldByFileAndLine) {
  EXPECT_EQ(fault_of("\nuser a on\nalice on\n"), "users.acl:3: expected: user NAME RULES…");
  EXPECT_THAT(fault_of("user"), StartsWith("users.acl:1: behind `user` a name is expected"));
  EXPECT_THAT(fault_of("user " + std::string(kUserNameBytesMax + 1, 'n')), HasSubstr("a name is expected"));
  EXPECT_THAT(fault_of("user a\nuser b\nuser a"), StartsWith("users.acl:3: this user stands in the file twice"));
  EXPECT_THAT(fault_of("user a on\nuser b on ~* >secret +get"), StartsWith("users.acl:2: rule 3: expected on, off,"));
  EXPECT_EQ(fault_of("user a >secret").find("secret"), std::string::npos);
}

TEST(Users, AtFirstEverybodyMayDoEverything) {
  const Users users(test::kCommands);
  EXPECT_EQ(users.text(Hashes::kShown), "user default on nopass ~* +@all\n");
  EXPECT_FALSE(users.need_authentication());
  EXPECT_TRUE(users.find("default")->rules.allows_everything());
  EXPECT_FALSE(users.has_file());
}

TEST(Users, NeedAuthenticationWithoutADefaultThatIsOnAndHasNoPassword) {
  Users users(test::kCommands);
  EXPECT_TRUE(users.set("default", "#" + kHash).has_value());
  EXPECT_TRUE(users.need_authentication());
  EXPECT_TRUE(users.set("default", "nopass").has_value());
  EXPECT_FALSE(users.need_authentication());
  EXPECT_TRUE(users.set("default", "off").has_value());
  EXPECT_TRUE(users.need_authentication());
  EXPECT_TRUE(users.remove("default"));
  EXPECT_TRUE(users.need_authentication());
}

TEST(Users, AreMadeChangedAndRemovedEachInAGenerationOfItsOwn) {
  Users users(test::kCommands);
  std::uint64_t last = users.generation();
  EXPECT_NE(last, 0U);
  const auto expect_new_generation = [&] { EXPECT_GT(users.generation(), std::exchange(last, users.generation())); };
  EXPECT_TRUE(users.set("app", "on +get").has_value());
  expect_new_generation();
  const auto before = users.find("app");
  EXPECT_TRUE(users.set("app", "-get +set").has_value());
  expect_new_generation();
  EXPECT_EQ(to_line(*users.find("app"), Hashes::kShown), "user app on -get +set");
  EXPECT_EQ(to_line(*before, Hashes::kShown), "user app on +get") << "who has one keeps it as it was";
  EXPECT_EQ(users.find("app")->presence, before->presence);
  EXPECT_TRUE(users.remove("app"));
  expect_new_generation();
  EXPECT_EQ(users.find("app"), nullptr);
  EXPECT_FALSE(users.remove("app"));
  EXPECT_TRUE(users.set("app", "on").has_value());
  EXPECT_NE(users.find("app")->presence, before->presence) << "this is another one";
}

TEST(Users, AFaultChangesNothing) {
  Users users(test::kCommands);
  EXPECT_TRUE(users.set("app", "on +get").has_value());
  const std::uint64_t generation = users.generation();
  EXPECT_EQ(users.set("app", "off -get nonsense").error().code, Errc::kArgument);
  EXPECT_EQ(users.set("a b", "on").error().code, Errc::kArgument);
  EXPECT_EQ(users.set("", "on").error().code, Errc::kArgument);
  EXPECT_EQ(users.text(Hashes::kShown), "user app on +get\nuser default on nopass ~* +@all\n");
  EXPECT_EQ(users.generation(), generation);
}

TEST(Users, APasswordIsCheckedAgainstAsMuchWhoeversItIsSaidToBe) {
  Users users(test::kCommands);
  EXPECT_TRUE(users.hashes_to_check(nullptr).empty()) << "there is no password yet, so there is nothing to tell";
  EXPECT_EQ(users.memory_to_check_passwords(), 0U);
  const std::string dear = hash_password("3", {2, 16'384}).value();
  EXPECT_TRUE(users.set("a", "#" + test::cheap_hash("1") + " #" + test::cheap_hash("2")).has_value());
  EXPECT_TRUE(users.set("b", "#" + test::cheap_hash("1") + " #" + dear).has_value());
  EXPECT_TRUE(users.set("c", "cert").has_value());
  const std::string cheap(cost_of(test::cheap_hash("1")));
  const std::multiset<std::string> costs{cheap, cheap, std::string(cost_of(dear))};
  for (const ByteView name : {"a", "b", "c", "nobody"}) {
    const auto user = users.find(name);
    const std::vector<std::string> hashes = users.hashes_to_check(user.get());
    std::multiset<std::string> asked;
    for (const std::string& hash : hashes) asked.emplace(cost_of(hash));
    EXPECT_EQ(asked, costs) << name;
    if (user == nullptr) continue;
    for (const std::string& own : user->hashes) EXPECT_EQ(std::ranges::count(hashes, own), 1) << name;
  }
  EXPECT_EQ(users.memory_to_check_passwords(), kPasswordThreads * 16'384);
  EXPECT_TRUE(users.remove("a"));
  EXPECT_EQ(users.hashes_to_check(nullptr).size(), 2U);
}

TEST(Passwords, TheCostOfAHashIsWhatStandsBeforeItsSalt) {
  EXPECT_EQ(cost_of("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA"), "$argon2id$v=19$m=8,t=1,p=1");
}

TEST(AclFile, SaveWritesWhatLoadReads) {
  const kv::test::TemporaryFolder folder;
  const std::string golden = "user admin on cert #" + kHash + " ~* +@all\n" + "user app on connections=100 #" + kHash +
                             " ~app:* %R~shared:* +@read +@write -incr\n" +
                             "user default on nopass %R~public:* +get\n" + "user old off\n";
  const std::string path = folder.write("users.acl", "# these go\n" + golden);
  Users users(test::kCommands, path);
  ASSERT_TRUE(users.load().has_value());
  EXPECT_EQ(users.text(Hashes::kShown), golden);
  ASSERT_TRUE(users.save().has_value());
  EXPECT_EQ(read(path), golden);
  ASSERT_TRUE(users.load().has_value());
  EXPECT_EQ(users.text(Hashes::kShown), golden);
}

TEST(AclFile, WhatSetTakesSaveWritesSoThatLoadReadsIt) {
  const kv::test::TemporaryFolder folder;
  Users users(test::kCommands, folder.write("users.acl", ""));
  for (const char byte : {'\0', '\n', '\v', '\f', '\x1B', '\x7F', '#', '"', '\\', '~'}) {
    SCOPED_TRACE(static_cast<int>(byte));
    const std::string words = std::string("on ~x") + byte + "#y +@all -flush -acl";
    if (!users.set("app", words)) continue;  // rules_test.cpp has which are refused
    const std::string before = users.text(Hashes::kShown);
    ASSERT_TRUE(users.save().has_value());
    ASSERT_TRUE(users.load().has_value());
    EXPECT_EQ(users.text(Hashes::kShown), before);
  }
}

TEST(AclFile, SaveWritesNoMoreThanLoadReads) {
  const kv::test::TemporaryFolder folder;
  const std::string path = folder.write("users.acl", "user before on\n");
  Users users(test::kCommands, path);
  std::string words = "on";
  for (std::size_t i = 0; i < kKeyPatternsMax; ++i) {
    words += " ~" + std::string(kKeyPatternBytesMax - 3, 'x') + std::to_string(100 + i);
  }
  const std::size_t users_max = kAclFileBytesMax / words.size();
  for (std::size_t i = 0; i <= users_max; ++i) ASSERT_TRUE(users.set("user" + std::to_string(i), words).has_value());
  const auto saved = users.save();
  EXPECT_EQ(saved.error().code, Errc::kInternal);
  EXPECT_THAT(saved.error().message, StartsWith(path + ": can't be written: the users take "));
  EXPECT_EQ(read(path), "user before on\n");
  ASSERT_TRUE(users.remove("user0"));
  const std::string most = users.text(Hashes::kShown);
  ASSERT_TRUE(users.save().has_value());
  ASSERT_TRUE(users.load().has_value());
  EXPECT_EQ(users.text(Hashes::kShown), most);
}

TEST(AclFile, IsWrittenForItsOwnersEyesAndLeavesNothingBeside) {
  const kv::test::TemporaryFolder folder;
  const std::string path = folder.write("users.acl", "");
  folder.write("users.acl.new", "left by an end in the middle");
  const Users users(test::kCommands, path);
  ASSERT_TRUE(users.save().has_value());
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

TEST(AclFile, ABrokenOneLeavesTheUsersAsTheyWere) {
  const kv::test::TemporaryFolder folder;
  const std::string path = folder.write("users.acl", "user a on\n");
  Users users(test::kCommands, path);
  ASSERT_TRUE(users.load().has_value());
  folder.write("users.acl", "user a off\nuser b nonsense\n");
  const auto loaded = users.load();
  EXPECT_EQ(loaded.error().code, Errc::kInternal);
  EXPECT_THAT(loaded.error().message, StartsWith(path + ":2: rule 1: expected"));
  EXPECT_EQ(users.text(Hashes::kShown), "user a on\n");
  std::filesystem::remove(path);
  EXPECT_THAT(users.load().error().message, StartsWith(path + ": can't be read: No such file"));
  EXPECT_EQ(users.text(Hashes::kShown), "user a on\n");
}

TEST(AclFile, WhereItCantBeWrittenTheOldOneStays) {
  const kv::test::TemporaryFolder folder;
  const Users nowhere(test::kCommands, folder.path() + "/none/users.acl");
  EXPECT_EQ(nowhere.save().error().code, Errc::kInternal);
  // A folder in its place can't be replaced by a file.
  std::filesystem::create_directories(folder.path() + "/taken/inside");
  const Users taken(test::kCommands, folder.path() + "/taken");
  EXPECT_EQ(taken.save().error().code, Errc::kInternal);
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/taken/inside"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/taken.new"));
}

TEST(AclFile, WhoStaysInItKeepsItsConnections) {
  const kv::test::TemporaryFolder folder;
  const std::string path = folder.write("users.acl", "user a on\nuser b on\n");
  Users users(test::kCommands, path);
  ASSERT_TRUE(users.load().has_value());
  const auto a = users.find("a");
  const auto b = users.find("b");
  folder.write("users.acl", "user a on +get\n");
  ASSERT_TRUE(users.load().has_value());
  EXPECT_EQ(users.find("a")->presence, a->presence);
  EXPECT_EQ(users.find("b"), nullptr);
}

TEST(AclFile, HasASize) {
  const kv::test::TemporaryFolder folder;
  Users users(test::kCommands, folder.write("users.acl", std::string(kAclFileBytesMax + 1, '#')));
  EXPECT_THAT(users.load().error().message, HasSubstr("is over 16777216 bytes"));
}

}  // namespace
}  // namespace kv::security
