// Authentication, whoami, acl and hash-password against a real server.
#include <fstream>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/security/password.hpp"

#include "support/base/temporary_folder.hpp"
#include "support/process/server_process.hpp"
#include "tools/kv_cli/cli_process.hpp"

namespace kv::cli {
namespace {

using testing::HasSubstr;

class UsersTest : public testing::Test {
 protected:
  UsersTest()
      : file_(folder_.write("users.acl", "user admin on #" + security::hash_password("secret", {1, 8'192}).value() +
                                             " ~* +@all\nuser reader on %R~* +@read\n")),
        password_(folder_.write("password", "secret\n")),
        server_({"--acl-file", file_}) {}

  CliRun run(Arguments arguments, std::string input = {}) { return run_cli(server_.port(), arguments, input); }
  CliRun run_as_admin(Arguments arguments, std::string input = {}) {
    arguments.insert(arguments.begin(), {"--user", "admin", "--password-file", password_});
    return run(std::move(arguments), std::move(input));
  }
  std::string file() const {
    std::ostringstream text;
    text << std::ifstream(file_).rdbuf();
    return text.str();
  }

  test::TemporaryFolder folder_;
  std::string file_;
  std::string password_;
  test::ServerProcess server_;
};

TEST_F(UsersTest, AuthenticatesWithThePasswordOfAFileTheEnvironmentOrStdin) {
  EXPECT_THAT(run({"whoami"}).err, HasSubstr("NOAUTH"));
  EXPECT_EQ(run_as_admin({"whoami"}).out, "admin\n");
  EXPECT_EQ(run({"--user", "admin", "whoami"}, "secret\n").out, "admin\n");
  const test::Run with_variable =
      test::run({.argv = {KV_CLI_BINARY, "-p", std::to_string(server_.port()), "--user", "admin", "whoami"},
                 .environment = {"KV_PASSWORD=secret"},
                 .input = ""});
  EXPECT_EQ(with_variable.out, "admin\n");
  const CliRun wrong = run({"--user", "admin", "whoami"}, "wrong\n");
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("NOAUTH"));
  EXPECT_EQ(run({"--user", "admin", "whoami"}).exit_code, 2) << "no password at all";
  EXPECT_EQ(run({"--user", "admin", "--password-file", "/no/such", "whoami"}).exit_code, 2);
}

TEST_F(UsersTest, AclListsChangesAndSavesUsers) {
  EXPECT_EQ(run_as_admin({"acl", "list"}).out, "user admin on #*** ~* +@all\nuser reader on %R~* +@read\n");
  const std::string new_password = folder_.write("new", "open sesame");
  EXPECT_EQ(
      run_as_admin({"acl", "setuser", "app", "on ~app:*", "+@read -scan", "--new-password-file", new_password}).out,
      "OK\n");
  EXPECT_EQ(run({"--user", "app", "--password-file", new_password, "get", "app:1"}).out, "(null)\n");
  EXPECT_THAT(run({"--user", "app", "--password-file", new_password, "scan"}).err, HasSubstr("NOPERM"));
  EXPECT_EQ(run_as_admin({"acl", "deluser", "reader"}).out, "true\n");
  EXPECT_EQ(run_as_admin({"acl", "deluser", "reader"}).out, "false\n");
  EXPECT_EQ(run_as_admin({"acl", "save"}).out, "OK\n");
  EXPECT_THAT(file(), testing::MatchesRegex("user admin on #[^ ]+ ~\\* \\+@all\n"
                                            "user app on #[^ ]+ ~app:\\* \\+@read -scan\n"));
  EXPECT_EQ(run_as_admin({"acl", "setuser", "app", "off"}).out, "OK\n");
  EXPECT_EQ(run_as_admin({"acl", "load"}).out, "OK\n");
  EXPECT_EQ(run({"--user", "app", "--password-file", new_password, "whoami"}).out, "app\n");
}

TEST_F(UsersTest, WhatIsWrongWithRulesIsTold) {
  const CliRun wrong = run_as_admin({"acl", "setuser", "app", "on nonsense"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("rule 2: expected on, off,"));
  for (const Arguments& arguments : {Arguments{"acl"}, Arguments{"acl", "setuser"}, Arguments{"acl", "setuser", "a b"},
                                     Arguments{"acl", "deluser"}, Arguments{"acl", "list", "all"}}) {
    EXPECT_EQ(run_cli(1, arguments).exit_code, 2) << testing::PrintToString(arguments);
  }
}

TEST(HashPassword, PrintsAHashThatTheServerTakes) {
  const CliRun hashed = run_cli(1, {"hash-password"}, "secret\n");
  EXPECT_EQ(hashed.exit_code, 0) << hashed.err;
  ASSERT_TRUE(hashed.out.ends_with('\n'));
  const std::string hash = hashed.out.substr(0, hashed.out.size() - 1);
  EXPECT_TRUE(security::is_password_hash(hash)) << hash;
  EXPECT_TRUE(security::is_password_of(hash, "secret"));
  EXPECT_EQ(run_cli(1, {"hash-password"}, "").exit_code, 2);
}

}  // namespace
}  // namespace kv::cli
