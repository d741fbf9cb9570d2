// The health of the real server, by HTTP and as a service manager is told; tests/integration/durability has recovery
// and full disks.
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include "integration/server_test.hpp"
#include "support/base/datagram_receiver.hpp"
#include "support/http/http_client.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string notify_socket() {
  return "@kv-health-test-" + std::to_string(getpid());
}

class HealthTest : public ::testing::Test {
 protected:
  // A thread of its own that does nothing until it is let go; false where the kernel doesn't allow it.
  bool hold(pid_t thread) {
    if (ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0) return false;
    if (ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) != 0) return false;
    int status = 0;
    return waitpid(thread, &status, __WALL) == thread && WIFSTOPPED(status);
  }
  static void let_go(pid_t thread) { EXPECT_EQ(ptrace(PTRACE_DETACH, thread, nullptr, nullptr), 0); }

  pid_t thread_called(const std::string& name) const {
    const std::filesystem::path tasks = "/proc/" + std::to_string(server_.pid()) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
      std::string line;
      std::getline(std::ifstream(task.path() / "comm"), line);
      if (line == name) return static_cast<pid_t>(std::stol(task.path().filename().string()));
    }
    return 0;
  }

  // What comes next, but for the watchdog's.
  std::string next_message() const {
    std::string message;
    EXPECT_TRUE(eventually([&] {
      message = manager_.receive();
      return !message.empty() && message != "WATCHDOG=1";
    }));
    return message;
  }
  bool watchdog_is_told() const {
    return eventually([this] { return manager_.receive() == "WATCHDOG=1"; });
  }

  const DatagramReceiver manager_{notify_socket()};
  ServerProcess server_{ServerOptions{.args = {"--admin-bind", "127.0.0.1:0", "--threads", "1"},
                                      .environment = {"NOTIFY_SOCKET=" + notify_socket(), "WATCHDOG_USEC=100000"}}};
  const std::uint16_t admin_ = admin_port(server_.log());
};

TEST_F(HealthTest, AServerThatServesIsAliveAndReady) {
  HttpClient client(admin_);
  EXPECT_EQ(client.get("/livez").body, "alive\n");
  const HttpReply ready = client.get("/readyz");
  EXPECT_EQ(ready.status, 200);
  EXPECT_EQ(ready.body, "ready\n");
  EXPECT_EQ(client.get("/healthz").status, 200);
  EXPECT_EQ(client.get("/").status, 404);
}

TEST_F(HealthTest, TheProcessBeganWhenItDidHoweverOftenItIsAsked) {
  HttpClient client(admin_);
  const auto start = [&] {
    const std::string metrics = client.get("/metrics").body;
    const std::size_t line = metrics.find("\nprocess_start_time_seconds ");
    return metrics.substr(line, metrics.find('\n', line + 1) - line);
  };
  const std::string first = start();
  EXPECT_THAT(first, StartsWith("\nprocess_start_time_seconds 1"));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(start(), first);
}

TEST_F(HealthTest, TheServiceManagerIsToldOfTheStartTheWatchAndTheEnd) {
  EXPECT_THAT(next_message(), StartsWith("READY=1\n"));
  EXPECT_TRUE(watchdog_is_told());
  server_.signal(SIGTERM);
  EXPECT_THAT(next_message(), StartsWith("STOPPING=1\n"));
  EXPECT_EQ(server_.wait_exit(), (Exit{0, 0}));
}

// Who has seen its connection end can't be told that the server is ready; that the process has ended already is as
// good.
TEST_F(HealthTest, AServerIsNotReadyAnyMoreWhenConnectionsEnd) {
  RawClient never_reads(server_);
  never_reads.send(ping(std::string(32 << 20, 'p')));  // for which the end waits
  ASSERT_TRUE(eventually([&] { return !never_reads.is_quiet(); }));
  RawClient idle(server_);
  EXPECT_EQ(idle.call(ping()), ok("PONG"));
  HttpClient asks(admin_);
  EXPECT_EQ(asks.get("/readyz").status, 200);
  server_.signal(SIGTERM);
  EXPECT_EQ(idle.receive_until_eof(), "");
  asks.send("GET /readyz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
  const std::string reply = asks.receive_to_the_end();
  if (!reply.empty()) {
    EXPECT_THAT(reply, StartsWith("HTTP/1.1 503 "));
    EXPECT_THAT(reply, HasSubstr("\r\n\r\nshutting down\n"));
  }
  EXPECT_EQ(server_.wait_exit(), (Exit{0, 0}));
}

TEST_F(HealthTest, AnIoThreadThatHangsIsNoticed) {
  EXPECT_TRUE(watchdog_is_told());
  const pid_t thread = thread_called("kv-io-0");
  ASSERT_NE(thread, 0);
  if (!hold(thread)) GTEST_SKIP() << "no thread may be stopped here: " << std::generic_category().message(errno);
  HttpReply alive;
  EXPECT_TRUE(eventually([&] { return (alive = http_get(admin_, "/livez")).status != 200; }));
  EXPECT_EQ(alive.status, 503);
  EXPECT_THAT(alive.body, StartsWith("an I/O thread has not responded for "));
  EXPECT_EQ(http_get(admin_, "/readyz").status, 503);
  // What was sent before may still lie there, and one more wait for room behind it; then nothing comes, for more than
  // ten times the watchdog's period.
  const auto is_silent = [this] {
    while (!manager_.receive().empty()) {
    }
    return !eventually([this] { return !manager_.receive().empty(); }, std::chrono::seconds(1));
  };
  EXPECT_TRUE(is_silent() || is_silent());

  let_go(thread);
  EXPECT_TRUE(eventually([&] { return http_get(admin_, "/readyz").status == 200; }));
  EXPECT_TRUE(watchdog_is_told());
}

TEST_F(HealthTest, WhatIsNoHttpDisturbsNobody) {
  HttpClient wrong_port(admin_);
  wrong_port.send(ping("hello") + "\r\n\r\n");
  EXPECT_EQ(wrong_port.receive().status, 400);
  HttpClient huge(admin_);
  huge.send("GET /livez HTTP/1.1\r\nCookie: " + std::string(4U << 20, 'c'));
  EXPECT_EQ(huge.receive().status, 431);
  HttpClient posts(admin_);
  posts.send("POST /readyz HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n" + std::string(1'000'000, 'b'));
  EXPECT_EQ(posts.receive().status, 405);
  std::vector<HttpClient> many;
  for (int i = 0; i < 100; ++i) many.emplace_back(admin_).send("GET /li");
  RawClient client(server_);
  EXPECT_EQ(client.call(ping()), ok("PONG"));
  many.clear();
  EXPECT_TRUE(eventually([&] {
    HttpClient asks(admin_);
    asks.send("GET /livez HTTP/1.0\r\n\r\n");
    return asks.receive_to_the_end().starts_with("HTTP/1.0 200 ");
  }));
}

TEST(AdminBind, AnAddressThatCannotBeHadIsOneLineAndExitCode1) {
  const ServerProcess other;
  const test::Run run = run_server(
      {"--bind", "127.0.0.1:0", "--log-level", "off", "--admin-bind", "127.0.0.1:" + std::to_string(other.port())});
  EXPECT_EQ(run.exit, (Exit{1, 0}));
  EXPECT_THAT(run.err, StartsWith("kv-server: cannot listen for --admin-bind on 127.0.0.1:"));
}

TEST(AdminBind, AnAddressThatOthersReachIsWarnedOf) {
  const ServerProcess server({"--admin-bind", "0.0.0.0:0"});
  EXPECT_THAT(server.log(), HasSubstr("NOT PROTECTED: anybody who reaches the admin address"));
}

TEST(AdminBind, NobodyListensUnlessItIsGiven) {
  const ServerProcess server;
  EXPECT_EQ(server.log().find("admin"), std::string::npos);
}

}  // namespace
}  // namespace kv::test
