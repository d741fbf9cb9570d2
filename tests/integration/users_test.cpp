// Users of a real server: every command for every kind of user, changes while it serves, and those who may not come in.
#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>

#include "kv/security/password.hpp"

#include "integration/command_table.hpp"
#include "integration/info_json.hpp"
#include "integration/payload_faults.hpp"
#include "integration/server_test.hpp"
#include "support/base/cpu_time.hpp"
#include "support/base/temporary_folder.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

std::string hash_of(ByteView password) {
  return " #" + security::hash_password(password, {1, 8'192}).value() + " ";
}

class UsersTest : public ::testing::Test {
 protected:
  // A server whose users are these lines, each with the password "secret" where it says HASH.
  void start(std::string lines) {
    for (std::size_t at = 0; (at = lines.find("HASH")) != std::string::npos;) lines.replace(at, 4, hash_of("secret"));
    file_ = folder_.write("users.acl", lines);
    server_.emplace(std::vector<std::string>{"--acl-file", file_});
  }
  RawClient connect() { return RawClient(*server_); }
  RawClient connect_as(ByteView user) {
    RawClient client = connect();
    EXPECT_EQ(client.call(auth(user, "secret")), ok()) << user;
    return client;
  }

  TemporaryFolder folder_;
  std::string file_;
  std::optional<ServerProcess> server_;
};

// What users may do, by the words of the table.
struct Kind {
  const char* name;
  const char* rules;
  bool (*may_run)(const CommandInfo& command);
  bool reads_keys;
  bool writes_keys;
};

bool is_open(const CommandInfo& command) {
  return command.name == "AUTH" || command.name == "PING" || command.name == "WHOAMI";
}
bool is_admin(const CommandInfo& command) {
  return command.name == "FLUSH" || (command.byte >= 0x80 && command.byte <= 0x8F && command.name != "WHOAMI");
}
bool only_reads(const CommandInfo& command) {
  return command.has_flag("read") && !command.has_flag("write") && !is_admin(command);
}
bool names_keys(const CommandInfo& command) {
  for (const char* field : {"key", "key_rest", "keys", "pairs"}) {
    if (std::ranges::find(command.fields, field) != command.fields.end()) return true;
  }
  return false;
}

const Kind kKinds[] = {
    {"none", "on HASH ~*", [](const CommandInfo&) { return false; }, true, true},
    {"keyless", "on HASH +@all -flush", [](const CommandInfo& c) { return c.name != "FLUSH"; }, false, false},
    {"reader", "on HASH ~* +@read", only_reads, true, true},
    {"writer", "on HASH ~* +@write", [](const CommandInfo& c) { return c.has_flag("write") && !is_admin(c); }, true,
     true},
    {"user", "on HASH ~* +@all -@admin", [](const CommandInfo& c) { return !is_admin(c); }, true, true},
    {"looker", "on HASH %R~* +@all -@admin", [](const CommandInfo& c) { return !is_admin(c); }, true, false},
    {"filler", "on HASH %W~* +@all -@admin", [](const CommandInfo& c) { return !is_admin(c); }, false, true},
    {"admin", "on HASH ~* +@all", [](const CommandInfo&) { return true; }, true, true},
};

bool is_allowed(const Kind& kind, const CommandInfo& command) {
  if (is_open(command)) return true;
  if (!kind.may_run(command)) return false;
  if (!names_keys(command)) return true;
  return (kind.reads_keys || !command.has_flag("read")) && (kind.writes_keys || !command.has_flag("write"));
}

TEST_F(UsersTest, EveryCommandForEveryKindOfUser) {
  std::string lines;
  for (const Kind& kind : kKinds) lines += std::string("user ") + kind.name + ' ' + kind.rules + '\n';
  start(lines);
  RawClient nobody = connect();
  for (const CommandInfo& command : read_command_table()) {
    std::string payload;
    for (const std::string& field : command.fields) payload += valid_field(field, "key");
    const std::string request = frame(command.byte, payload);
    if (command.name != "AUTH") {  // which would fail, and after some failures slow this down
      EXPECT_EQ(nobody.call(request) == error("NOAUTH"), command.name != "PING") << command.name;
    }
    for (const Kind& kind : kKinds) {
      if (command.name == "AUTH") continue;
      const Reply reply = connect_as(kind.name).call(request);
      EXPECT_EQ(reply == error("NOPERM"), !is_allowed(kind, command))
          << kind.name << ' ' << command.name << ' ' << reply;
      EXPECT_NE(reply, error("NOAUTH"));
    }
  }
}

TEST_F(UsersTest, SighupReadsTheFileAgainAndABrokenOneChangesNothing) {
  start("user app on HASH ~* +get\nuser other on HASH +@all\n");
  RawClient app = connect_as("app");
  RawClient other = connect_as("other");
  EXPECT_EQ(app.call(set("k", encode_int(1))), error("NOPERM"));
  folder_.write("users.acl", "user app on" + hash_of("secret") + "~* +get +set\n");
  server_->signal(SIGHUP);
  ASSERT_TRUE(server_->says("the users were read again"));
  EXPECT_EQ(app.call(set("k", encode_int(1))), ok());
  EXPECT_EQ(other.call(get("k")), error("NOAUTH"));
  folder_.write("users.acl", "# nothing\nuser app on +@all\nuser app2 on >secret\n");
  server_->signal(SIGHUP);
  ASSERT_TRUE(server_->says(file_ + ":3: rule 2: expected on, off,"));
  EXPECT_EQ(app.call(incr("k")), error("NOPERM"));
  EXPECT_EQ(connect_as("app").call(get("k")), ok(encode_int(1)));
}

TEST_F(UsersTest, ABrokenFileIsToldAndTheServerDoesNotStart) {
  const test::Run run =
      run_server({"--bind", "127.0.0.1:0", "--acl-file", folder_.write("users.acl", "user a on\nuser b\nc\n")});
  EXPECT_EQ(run.exit.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("users.acl:3: expected: user NAME RULES"));
  EXPECT_EQ(run_server({"--acl-file", "/no/such"}).exit.exit_code, 1);
  EXPECT_EQ(run_server({"--acl-file", "a", "--password", "b"}).exit.exit_code, 2);
}

TEST_F(UsersTest, WhatIsSavedIsReadAtTheNextStart) {
  start("user admin on HASH ~* +@all\n");
  RawClient admin = connect_as("admin");
  EXPECT_EQ(admin.call(acl_setuser("app", "on" + hash_of("secret") + "~app:* +@read connections=3")), ok());
  const std::string list = admin.call(acl_list()).payload;
  EXPECT_EQ(admin.call(acl_save()), ok());
  admin.close();
  server_.reset();
  server_.emplace(std::vector<std::string>{"--acl-file", file_});
  EXPECT_EQ(connect_as("admin").call(acl_list()).payload, list);
  EXPECT_EQ(connect_as("app").call(get("app:1")), null());
}

TEST_F(UsersTest, RequestsBehindAuthAreCarriedOutAsWhoItThenIs) {
  start("user app on HASH ~* +@all\n");
  RawClient client = connect();
  const std::string large = encode_string(std::string(100'000, 'v'));
  const std::vector<Reply> replies = client.pipeline(
      get("k") + auth("app", "secret") + set("k", large) + get("k") + auth("app", "wrong") + whoami(), 6);
  EXPECT_EQ(replies[0], error("NOAUTH"));
  EXPECT_EQ(replies[1], ok());
  EXPECT_EQ(replies[2], ok()) << "larger than what nobody may send";
  EXPECT_EQ(replies[3], ok(large));
  EXPECT_EQ(replies[4], error("NOAUTH"));
  EXPECT_EQ(replies[5], ok("app"));
}

TEST_F(UsersTest, WhoClosesItsSendingSideGetsAllAnswers) {
  start("user app on" + (" #" + security::hash_password("secret").value()) + " ~* +@all\n");
  RawClient client = connect();
  client.send(auth("app", "secret") + whoami());
  client.half_close();
  EXPECT_EQ(client.receive(), ok());
  EXPECT_EQ(client.receive(), ok("app"));
  EXPECT_EQ(client.receive_until_eof(), "");
}

TEST_F(UsersTest, AConnectionThatEndsMakesRoomForAnother) {
  start("user app on HASH ~* +@all connections=2\n");
  RawClient first = connect_as("app");
  RawClient second = connect_as("app");
  RawClient third = connect();
  EXPECT_EQ(third.call(auth("app", "secret")), error("BUSY"));
  second.close();
  EXPECT_TRUE(eventually([&] { return third.call(auth("app", "secret")) == ok(); }));
}

TEST_F(UsersTest, AThousandThatComeBackAreLetInAtOnce) {
  start("user app on #" + security::hash_password("secret").value() + " ~* +@all\n");
  connect_as("app");
  const auto begin = cpu_time_of_process(server_->pid());
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(connect_as("app").call(whoami()), ok("app"));
  EXPECT_LT(cpu_time_of_process(server_->pid()) - begin, kSlowness * std::chrono::seconds(5))
      << "a check of each would take a minute";
}

TEST_F(UsersTest, WhoKeepsGuessingIsSlowedAndHoldsNobodyUp) {
  start("user app on HASH ~* +@all\n");
  RawClient served = connect_as("app");
  RawClient guesser = connect();
  const auto begin = steady_clock::now();
  for (int i = 0; i < 7; ++i) EXPECT_EQ(guesser.call(auth("app", std::to_string(i))), error("NOAUTH"));
  guesser.send(auth("app", "8"));
  EXPECT_EQ(served.call(get("k")), null());
  EXPECT_EQ(info_json(served, "stats").at("authentication_failures"), 7);
  EXPECT_EQ(guesser.receive(), error("NOAUTH"));
  EXPECT_GE(steady_clock::now() - begin, milliseconds(100 + 200)) << "before the seventh and the eighth";
  EXPECT_TRUE(server_->says("authentication failed address=127.0.0.1:"));
}

TEST_F(UsersTest, TwoThousandThatNeverAuthenticateCostLittleAndGo) {
  start("user app on HASH ~* +@all\n");
  RawClient served = connect_as("app");
  const std::size_t before = server_->rss_bytes();
  std::vector<RawClient> strangers;
  for (int i = 0; i < 2'000; ++i) {
    strangers.push_back(connect());
    strangers.back().send(ping() + header(0x02, 4'096));
  }
  for (RawClient& stranger : strangers) EXPECT_EQ(stranger.receive(), ok("PONG"));
  if (!kSanitized) {
    EXPECT_LT(server_->rss_bytes() - before, strangers.size() * (16U << 10));
  }
  RawClient greedy = connect();
  greedy.send(header(0x02, 4'097));
  EXPECT_EQ(greedy.receive(), invalid("TOOLARGE"));
  EXPECT_EQ(served.call(ping()), ok("PONG"));
  for (RawClient& stranger : strangers) EXPECT_EQ(stranger.receive_until_eof(), "") << "10 s are over";
  EXPECT_EQ(served.call(get("k")), null());
}

}  // namespace
}  // namespace kv::test
