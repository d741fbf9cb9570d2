// Secrets: where a password must not be seen, and what is said where none is asked for.
#include <fstream>
#include <iterator>

#include <gmock/gmock.h>

#include "integration/info_json.hpp"
#include "integration/server_test.hpp"
#include "support/base/temporary_folder.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kPassword = "hunter2-correct-horse";

std::string of_process(const ServerProcess& server, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(server.pid()) + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Lets a client in with the password, one out without it, and looks everywhere.
void expect_secret(const ServerProcess& server) {
  RawClient client(server);
  EXPECT_EQ(client.call(get("k")), error("NOAUTH"));
  EXPECT_EQ(client.call(auth("", "wrong")), error("NOAUTH"));
  EXPECT_EQ(client.call(auth("", kPassword)), ok());
  EXPECT_EQ(client.call(whoami()), ok("default"));
  const std::string said[] = {client.call(info()).payload,        client.call(acl_list()).payload,
                              client.call(client_list()).payload, server.log(),
                              of_process(server, "cmdline"),      of_process(server, "environ")};
  for (const std::string& text : said) {
    EXPECT_FALSE(text.empty());
    EXPECT_THAT(text, Not(HasSubstr(kPassword)));
    EXPECT_THAT(text, Not(HasSubstr("argon2id")));
  }
}

TEST(Secrets, AFlagsPasswordIsSeenNowhere) {
  expect_secret(ServerProcess({"--log-level", "trace", "--password", kPassword}));
  expect_secret(ServerProcess({"--log-level", "trace", "--password=" + kPassword}));
}

TEST(Secrets, NorThatOfTheEnvironmentOrAFile) {
  expect_secret(ServerProcess(ServerOptions{{"--log-level", "trace"}, {"KV_PASSWORD=" + kPassword, "KV_SHARDS=8"}}));
  const TemporaryFolder folder;
  expect_secret(ServerProcess({"--password-file", folder.write("password", kPassword + "\nmore\n")}));
  expect_secret(ServerProcess({"--config", folder.write("kv.toml", "password = \"" + kPassword + "\"")}));
}

TEST(Secrets, PrintConfigAndMessagesHideThem) {
  const TemporaryFolder folder;
  const std::vector<std::vector<std::string>> command_lines = {
      {"--print-config", "--password", kPassword},
      {"--pasword=" + kPassword},
      {"--pasword", kPassword},
      {"--password", "first", kPassword},
      {"-p" + kPassword},
      {kPassword},
      {"--password", std::string(2'000, 'x') + kPassword},
      {"--password", kPassword, "--password", kPassword},
      {"--config", folder.write("a.toml", "password = " + kPassword)},
      {"--config", folder.write("b.toml", "password = \"" + kPassword)},
      {"--config", folder.write("c.toml", "password = ['" + kPassword + "'")},
      {"--config", folder.write("d.toml", "pasword = '" + kPassword + "'")},
      {"--password-file", folder.write("empty", "\n" + kPassword)},
      {"--acl-file", folder.write("users.acl", "user a on >" + kPassword)},
      {"--acl-file", folder.write("users2.acl", "user a on #" + kPassword)},
      {"--acl-file", folder.write("users3.acl", kPassword)},
      {"--print-config", "--otlp-endpoint", "http://user:" + kPassword + "@127.0.0.1:1"},
      {"--otlp-endpoint", "https://user:" + kPassword + "@127.0.0.1:1"},
      {"--otlp-endpoint", "http://127.0.0.1:" + kPassword},
      {"--print-config", "--otlp-endpoint", "http://127.0.0.1:1/v1/traces?key=" + kPassword},
      {"--config", folder.write("e.toml", "otlp-endpoint = 'http://" + kPassword + "@127.0.0.1:1'")},
  };
  for (const auto& command_line : command_lines) {
    const test::Run run = run_server(command_line);
    EXPECT_FALSE((run.out + run.err).empty());
    EXPECT_THAT(run.out + run.err, Not(HasSubstr(kPassword))) << testing::PrintToString(command_line);
  }
  EXPECT_THAT(run_server({"--print-config", "--password", kPassword}).out,
              HasSubstr("password = \"***\"  # from flag"));
}

TEST(Secrets, APasswordFileIsReadAgain) {
  const TemporaryFolder folder;
  const ServerProcess server({"--password-file", folder.write("password", "first")});
  EXPECT_EQ(RawClient(server).call(auth("", "first")), ok());
  folder.write("password", "second");
  server.signal(SIGHUP);
  EXPECT_TRUE(server.says("the users were read again"));
  EXPECT_EQ(RawClient(server).call(auth("", "second")), ok());
  EXPECT_EQ(RawClient(server).call(auth("", "first")), error("NOAUTH"));
}

TEST(Protected, IsWhoeverListensOnLoopbackOrAsksWhoCalls) {
  const ServerProcess loopback;
  RawClient client(loopback);
  EXPECT_EQ(info_json(client, "server").at("protected"), true);
  const ServerProcess open({"--bind", "0.0.0.0:0"});
  RawClient anybody(open);
  EXPECT_EQ(info_json(anybody, "server").at("protected"), false);
  EXPECT_TRUE(open.says("NOT PROTECTED"));
  const ServerProcess asks({"--bind", "0.0.0.0:0", "--password", kPassword});
  RawClient known(asks);
  EXPECT_EQ(known.call(auth("", kPassword)), ok());
  EXPECT_EQ(info_json(known, "server").at("protected"), true);
  EXPECT_TRUE(asks.says("listening on 0.0.0.0:"));
  EXPECT_THAT(asks.log(), Not(HasSubstr("NOT PROTECTED")));
}

}  // namespace
}  // namespace kv::test
