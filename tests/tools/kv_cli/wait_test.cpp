// kv-cli ping --wait, which tells a script when a server is up.
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/client/fake_server.hpp"
#include "support/process/raw_client.hpp"
#include "support/process/requests.hpp"
#include "support/process/server_process.hpp"
#include "tools/kv_cli/cli_process.hpp"

namespace kv::cli {
namespace {

using testing::HasSubstr;

// A port that nobody listens on, and that is given to nobody who doesn't ask for it by its number.
class ReservedPort {
 public:
  ReservedPort() {
    const int on = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    number = std::to_string(ntohs(address.sin_port));
  }
  ~ReservedPort() { close(fd_); }
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;

  std::string number;

 private:
  const int fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
};

TEST(Wait, AServerThatIsUpAnswersAtOnce) {
  const test::ServerProcess server;
  for (const std::string time : {"60", "60s", "1m", "0"}) {
    EXPECT_EQ(output_of(server.port(), {"ping", "--wait", time}), "PONG\n");
  }
}

TEST(Wait, AServerThatIsNotUpYetIsWaitedFor) {
  const ReservedPort port;
  test::ChildProcess cli(
      {.argv = {KV_CLI_BINARY, "-p", port.number, "ping", "--wait", "60"}, .environment = {}, .input = {}});
  const test::ServerProcess server({"--bind", "127.0.0.1:" + port.number});
  EXPECT_EQ(cli.wait_exit(), (test::Exit{0, 0})) << cli.stderr_text();
  EXPECT_EQ(cli.stdout_text(), "PONG\n");
}

TEST(Wait, WhatComesToNothingSaysWhy) {
  const CliRun refused = run_cli(test::closed_port(), {"ping", "--wait", "200ms"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, HasSubstr("kv-cli: no answer in 200 ms; the last try: "));
  EXPECT_THAT(refused.err, HasSubstr("refused"));

  test::FakeServer silent([](test::FakePeer& peer) { peer.wait_for_close(); });
  EXPECT_EQ(run_cli(silent.port(), {"ping", "--wait", "200ms"}).exit_code, 1);
}

TEST(Wait, AServerThatSaysNoHasAnswered) {
  const test::ServerProcess server({"--max-connections", "1"});
  test::RawClient only_one(server);
  only_one.call(test::ping());
  const CliRun run = run_cli(server.port(), {"ping", "--wait", "1h"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("kv-cli: BUSY "));
}

TEST(Wait, ATimeThatIsNoneIsBadUsage) {
  for (const std::string time : {"soon", "-1", "5x", "", "99999999999"}) {
    const CliRun run = run_cli(test::closed_port(), {"ping", "--wait", time});
    EXPECT_EQ(run.exit_code, 2) << time;
    EXPECT_THAT(run.err, HasSubstr("--wait")) << time;
  }
}

}  // namespace
}  // namespace kv::cli
