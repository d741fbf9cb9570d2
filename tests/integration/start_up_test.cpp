// The command line of the real program: what starts it, what doesn't, and how it says so. tests/server/options_test.cpp
// has the options one by one.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "integration/info_json.hpp"
#include "support/process/child_process.hpp"
#include "support/process/raw_client.hpp"
#include "support/process/requests.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using Args = std::vector<std::string>;

// One line on stderr, nothing on stdout, that exit code, and no server that stays up.
void expect_failure(const Args& args, int exit_code, const std::vector<std::string>& environment = {}) {
  const Run run = run_server(args, environment);
  SCOPED_TRACE(run.err);
  EXPECT_EQ(run.exit, (Exit{exit_code, 0}));
  EXPECT_EQ(run.out, "");
  EXPECT_TRUE(run.err.starts_with("kv-server: "));
  EXPECT_EQ(std::ranges::count(run.err, '\n'), 1);
  EXPECT_TRUE(run.err.ends_with('\n'));
}

TEST(StartUp, ABadValueIsOneLineAndExitCode2) {
  const Args bad[] = {
      {"--shards", "0"},
      {"--shards", "65537"},
      {"--shards", "many"},
      {"--shards", "-1"},
      {"--shards"},
      {"--threads", "0"},
      {"--bind", "nonsense"},
      {"--bind", "127.0.0.1"},
      {"--bind", ":99999"},
      {"--log-level", "loud"},
      {"--log-format", "xml"},
      {"--max-payload", "5 parsecs"},
      {"--max-key-bytes", "0"},
      {"--max-key-bytes", "65536"},
      {"--max-connections", "0"},
      {"--request-timeout", "soon"},
      {"--no-such-flag"},
      {"stray"},
      {"--config", "/no/such/file"},
  };
  for (const Args& args : bad) {
    SCOPED_TRACE(::testing::PrintToString(args));
    expect_failure(args, 2);
  }
  expect_failure({}, 2, {"KV_SHARDS=0"});
  expect_failure({}, 2, {"KV_BIND=127.0.0.1:0,nonsense"});
}

TEST(StartUp, AnAddressThatCannotBeHadIsOneLineAndExitCode1) {
  const ServerProcess server;
  const std::string taken = "127.0.0.1:" + std::to_string(server.port());
  expect_failure({"--bind", taken, "--log-level", "off"}, 1);
  expect_failure({"--bind", "127.0.0.1:0", "--bind", taken, "--log-level", "off"}, 1);
  expect_failure({"--bind", "192.0.2.1:6380", "--log-level", "off"}, 1);  // an address that no machine has
  EXPECT_EQ(RawClient(server).call(ping()), ok("PONG")) << "whose address it was goes on";
}

TEST(StartUp, ALogFileThatCannotBeOpenedIsExitCode1) {
  expect_failure({"--bind", "127.0.0.1:0", "--log-file", "/no/such/folder/server.log"}, 1);
}

TEST(StartUp, SeveralAddressesAreServedAlike) {
  const ServerProcess server({"--bind", "127.0.0.1:0"});
  const std::string log = server.log();
  const std::string mark = "listening on 127.0.0.1:";
  const std::size_t second = log.find(mark, log.find(mark) + 1);
  ASSERT_NE(second, std::string::npos) << log;
  const auto port = static_cast<std::uint16_t>(std::stoul(log.substr(second + mark.size())));
  EXPECT_NE(port, server.port());
  RawClient first_client(server);
  RawClient second_client(port);
  EXPECT_EQ(first_client.call(set("k", encode_int(1))), ok());
  EXPECT_EQ(second_client.call(get("k")), ok(encode_int(1)));
}

TEST(StartUp, TooFewFilesForSoManyConnectionsAreWarnedOf) {
  constexpr const char* kWarning = "fewer files may be open than --max-connections needs limit=300 needed=";
  const std::string mark = "listening on 127.0.0.1:";
  CommandLine command =
      server_command({"--bind", "127.0.0.1:0", "--threads", "1", "--log-level", "info", "--max-connections", "200"});
  const Args limited{"/bin/sh", "-c", "ulimit -n 300; exec \"$0\" \"$@\""};
  command.argv.insert(command.argv.begin(), limited.begin(), limited.end());
  ChildProcess server(command);
  const auto has_said = [&](const std::string& text) { return server.stderr_text().find(text) != std::string::npos; };
  ASSERT_TRUE(eventually([&] { return has_said(mark); })) << server.stderr_text();
  const std::string log = server.stderr_text();
  EXPECT_FALSE(has_said(kWarning)) << log;
  {
    RawClient client(static_cast<std::uint16_t>(std::stoul(log.substr(log.find(mark) + mark.size()))));
    EXPECT_EQ(client.call(config_set({{"max-connections", "300"}})), ok());
  }
  EXPECT_TRUE(eventually([&] { return has_said(kWarning); })) << server.stderr_text();
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait_exit(), (Exit{0, 0}));

  command.argv.back() = "300";
  ChildProcess another(command);
  EXPECT_TRUE(eventually([&] { return another.stderr_text().find(mark) != std::string::npos; }));
  EXPECT_NE(another.stderr_text().find(kWarning), std::string::npos) << another.stderr_text();
  another.signal(SIGTERM);
  EXPECT_EQ(another.wait_exit(), (Exit{0, 0}));
}

TEST(StartUp, WhatIsAskedAboutTheProgramIsAnsweredWithExitCode0) {
  for (const char* flag : {"--version", "--help", "--print-config", "--check-config", "--print-commands"}) {
    SCOPED_TRACE(flag);
    const auto result = run_server({flag});
    EXPECT_EQ(result.exit, (Exit{0, 0}));
    EXPECT_NE(result.out, "");
    EXPECT_EQ(result.err, "");
  }
}

TEST(StartUp, AFlagWinsOverTheEnvironmentOverTheFile) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("kv-start-up-test-" + std::to_string(getpid()) + ".toml");
  std::ofstream(file) << "shards = 2\n";
  const auto shards = [](const ServerOptions& options) {
    const ServerProcess server(options);
    RawClient client(server);
    return info_json(client).at("shards").to_number<int>();
  };
  EXPECT_EQ(shards({{"--config", file.string()}, {}}), 2);
  EXPECT_EQ(shards({{"--config", file.string()}, {"KV_SHARDS=3"}}), 3);
  EXPECT_EQ(shards({{"--config", file.string(), "--shards", "4"}, {"KV_SHARDS=3"}}), 4);
  EXPECT_EQ(shards({{}, {}}), 256);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace kv::test
