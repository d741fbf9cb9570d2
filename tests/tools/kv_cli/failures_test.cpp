// Exit codes, and what is said on stderr.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/base/hex.hpp"
#include "support/client/fake_server.hpp"
#include "support/process/raw_client.hpp"
#include "support/process/requests.hpp"
#include "support/process/server_process.hpp"
#include "tools/kv_cli/cli_process.hpp"

namespace kv::cli {
namespace {

using test::FakePeer;
using test::FakeServer;
using test::unhex;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int kRefused = 1;
constexpr int kUsage = 2;
constexpr int kNoConnection = 3;

// One line on stderr that begins with the program's name, and nothing on stdout.
void expect_failure(const CliRun& run, int exit_code, const std::string& reason) {
  EXPECT_EQ(run.exit_code, exit_code) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, StartsWith("kv-cli: "));
  EXPECT_THAT(run.err, HasSubstr(reason));
  EXPECT_EQ(run.err.find('\n'), run.err.size() - 1) << run.err;
}

TEST(Failures, TheServerSaysNo) {
  const test::ServerProcess server;
  EXPECT_EQ(output_of(server.port(), {"set", "text", "\"x\""}), "OK\n");
  EXPECT_EQ(output_of(server.port(), {"lock", "l", "me"}), "true\n");
  expect_failure(run_cli(server.port(), {"incr", "text"}), kRefused, "kv-cli: WRONGTYPE ");
  expect_failure(run_cli(server.port(), {"add", "text", "1.5"}), kRefused, "kv-cli: WRONGTYPE ");
  expect_failure(run_cli(server.port(), {"unlock", "l", "you"}), kRefused, "kv-cli: LOCKED ");
  expect_failure(run_cli(server.port(), {"get", ""}), kRefused, "kv-cli: KEY ");
  expect_failure(run_cli(server.port(), {"lock", "l", ""}), kRefused, "kv-cli: ARGUMENT ");
  expect_failure(run_cli(server.port(), {"info", "nosuch"}), kRefused, "kv-cli: ARGUMENT ");
  expect_failure(run_cli(server.port(), {"expire", "text", "9999999d"}), kRefused, "kv-cli: ARGUMENT ");
  for (const Arguments& kept : {Arguments{"snapshot"}, {"snapshot", "--background"}, {"backup", "here"}}) {
    expect_failure(run_cli(server.port(), kept), kRefused, "start the server with --data-dir");
  }
  expect_failure(run_cli(server.port(), {"backup", "\xFF"}), kRefused, "kv-cli: ARGUMENT ");
}

struct UsageCase {
  Arguments arguments;
  std::string reason;
};

TEST(Failures, BadUsageNeedsNoServer) {
  const UsageCase kCases[] = {
      {{}, "command"},
      {{"nosuch"}, "there is no such command"},
      {{"get"}, "KEY is required"},
      {{"get", "a", "b"}, "1 argument too many"},
      {{"set", "a", "1", "--tl", "5s"}, "unknown option --tl"},
      {{"get", "a", "--ttl", "5s"}, "unknown option --ttl"},
      {{"set", "a", "hello"}, "hello is no value; text needs quotes"},
      {{"set", "a", "[1,"}, "missing"},
      {{"cas", "a", "1", "two"}, "two is no value"},
      {{"set", "a", "1", "--ttl", "30"}, "a number and its unit"},
      {{"set", "a", "1", "--ttl"}, "--ttl"},
      {{"expire", "a"}, "TTL is required"},
      {{"expire", "a", "soon"}, "a number and its unit"},
      {{"incr", "a", "one"}, "one is no such number"},
      {{"incr", "a", "9223372036854775808"}, "is no such number"},
      {{"scan", "--count", "-1"}, "is no such number"},
      {{"bigkeys", "--count", "1.5"}, "--count: Value 1.5 not in range 1 to 1000;"},
      {{"bigkeys", "--samples", "x"}, "--samples: Value x not in range 1 to 9223372036854775807;"},
      {{"bigkeys", "--samples", "1.5"}, "--samples: Value 1.5 not in range 1 to 9223372036854775807;"},
      {{"monitor", "--count", "x"}, "--count: Value x not in range 1 to 9223372036854775807;"},
      {{"stat", "--count", "0"}, "--count: Value 0 not in range 1 to 9223372036854775807;"},
      {{"client", "kill", "me"}, "ID: Value me not in range 0 to 9223372036854775807;"},
      {{"mset", "a"}, "the last key has no value"},
      {{"mset", "a", "1", "b"}, "the last key has no value"},
      {{"mset", "a", "b"}, "b is no value"},
      {{"get", "\"open"}, "a key that begins with a quote"},
      {{"lock", std::string(65'536, 'k'), "me"}, "over 65,535 bytes"},
      {{"set", "--text", "a", "\xFF"}, "not valid UTF-8"},
      {{"-p", "0", "ping"}, "--port"},
      {{"-p", "65536", "ping"}, "--port"},
      {{"--timeout", "5", "ping"}, "--timeout"},
      {{"snapshot", "now"}, "1 argument too many"},
      {{"lastsave", "--background"}, "unknown option --background"},
      {{"backup"}, "DIR is required"},
      {{"backup", ""}, "the folder to put it in"},
      {{"backup", "a", "b"}, "1 argument too many"},
      {{"import"}, "FILE is required"},
      {{"import", "-", "--format", "xml"}, "auto, array, object, lines"},
      {{"import", "-", "--typed", "--key-field", "id"}, "excludes"},
  };
  for (const UsageCase& row : kCases) {
    SCOPED_TRACE(testing::PrintToString(row.arguments));
    expect_failure(run_cli(test::closed_port(), row.arguments), kUsage, row.reason);
  }
}

TEST(Failures, APasswordInTheWrongPlaceIsNotRepeated) {
  const std::string secret = "hunter2";
  const UsageCase kCases[] = {
      {{"--password", secret, "ping"}, "unknown option --password"},
      {{"--password=" + secret, "ping"}, "unknown option --password"},
      {{"--password", secret}, "unknown option --password"},
      {{"-x" + secret, "ping"}, "unknown option -x"},
      {{"hash-password", secret}, "1 argument too many"},
      {{"acl", "list", secret, secret}, "2 arguments too many"},
      {{secret, "ping"}, "1 argument too many"},
      {{secret}, "there is no such command"},
  };
  for (const UsageCase& row : kCases) {
    SCOPED_TRACE(testing::PrintToString(row.arguments));
    const CliRun run = run_cli(test::closed_port(), row.arguments);
    expect_failure(run, kUsage, row.reason);
    EXPECT_EQ(run.err.find(secret), std::string::npos) << run.err;
  }
}

TEST(Failures, NoServerIsThere) {
  expect_failure(run_cli(test::closed_port(), {"ping"}), kNoConnection, "refused");
  expect_failure(run_cli(test::closed_port(), {"-h", "256.0.0.1.", "ping"}), kNoConnection,
                 "no address for 256.0.0.1.");
  expect_failure(run_cli(test::closed_port(), {"export"}), kNoConnection, "refused");
  expect_failure(run_cli(test::closed_port(), {"import", "-"}), kNoConnection, "refused");
}

TEST(Failures, TheServerIsBusy) {
  const test::ServerProcess server({"--max-connections", "1"});
  test::RawClient only_one(server);
  only_one.call(test::ping());
  expect_failure(run_cli(server.port(), {"ping"}), kRefused, "kv-cli: BUSY ");
}

TEST(Failures, TheServerGoesAwayInTheMiddle) {
  FakeServer server([](FakePeer& peer) {
    peer.read_frame();
    peer.write(unhex("00 00000004 50"));
  });
  expect_failure(run_cli(server.port(), {"ping"}), kNoConnection, "closed the connection");
}

TEST(Failures, TheServerIsSilent) {
  FakeServer server([](FakePeer& peer) { peer.wait_for_close(); });
  expect_failure(run_cli(server.port(), {"ping", "--timeout", "50ms"}), kNoConnection, "no answer within 50 ms");
}

TEST(Failures, ThePeerSpeaksAnotherProtocol) {
  FakeServer server([](FakePeer& peer) {
    peer.read_frame();
    peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.wait_for_close();
  });
  expect_failure(run_cli(server.port(), {"ping"}), kNoConnection, "none of a kv-server");
}

TEST(Failures, WhatTheServerCollectsOnPurposeIsNoSilence) {
  const auto silence_of = [](const Arguments& arguments) {
    FakeServer server([](FakePeer& peer) {
      peer.read_frame();
      peer.wait_for_close();
    });
    return run_cli(server.port(), arguments);
  };
  expect_failure(silence_of({"monitor", "--timeout", "50ms"}), kNoConnection, "no answer within 250 ms");
  expect_failure(silence_of({"hotkeys", "--for", "300ms", "--timeout", "50ms"}), kNoConnection,
                 "no answer within 350 ms");
}

TEST(Failures, TheAnswerIsOfAnotherKind) {
  FakeServer server([](FakePeer& peer) {
    peer.read_frame();
    peer.write(unhex("00 00000001 02"));
    peer.wait_for_close();
  });
  expect_failure(run_cli(server.port(), {"exists", "k"}), kNoConnection, "not what this command's should be");
}

TEST(Failures, ATerminalIsNotAtTheServersMercy) {
  FakeServer server([](FakePeer& peer) {
    peer.read_frame();
    peer.write(unhex("02 0000000b") + "ODD a\x1B[2J\n\x7F");
    peer.wait_for_close();
  });
  expect_failure(run_cli(server.port(), {"ping"}), kRefused, "ODD a?[2J??");
}

TEST(Failures, StdoutIsFull) {
  const test::ServerProcess server;
  const auto into_full_disk = [&](const std::string& command) {
    return test::run({.argv = {"/bin/sh", "-c", "\"$0\" -p \"$1\" " + command + " >/dev/full", KV_CLI_BINARY,
                               std::to_string(server.port())},
                      .environment = {},
                      .input = {}});
  };
  EXPECT_EQ(output_of(server.port(), {"set", "k", "1"}), "OK\n");
  for (const std::string command : {"ping", "export", "scan"}) {
    const test::Run run = into_full_disk(command);
    EXPECT_EQ(run.exit.exit_code, kUsage) << command;
    EXPECT_THAT(run.err, HasSubstr("can't write")) << command;
  }
}

}  // namespace
}  // namespace kv::cli
