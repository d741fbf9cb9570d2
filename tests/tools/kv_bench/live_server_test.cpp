// kv-bench against real servers: what it reports adds up.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tools/kv_bench/bench_process.hpp"

#ifdef KV_EPOLL_ECHO_BINARY
#include <csignal>
#endif
#ifdef KV_BENCH_TEST_SERVER
#include "support/base/temporary_folder.hpp"
#include "support/process/raw_client.hpp"
#include "support/process/requests.hpp"
#include "support/process/server_process.hpp"
#endif

namespace kv::bench {
namespace {

void expect_sound(const BenchRun& run, std::uint64_t operations) {
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.count("operations"), operations);
  EXPECT_EQ(run.count_of("get") + run.count_of("set"), operations);
  EXPECT_EQ(run.count("hits") + run.count("misses"), run.count_of("get"));
  EXPECT_EQ(run.count("errors"), 0);
  EXPECT_EQ(run.count("unanswered"), 0);
  EXPECT_GT(run.report.at("ops_per_second").to_number<double>(), 0);
  EXPECT_GT(run.report.at("client_cpu_us_per_op").to_number<double>(), 0);
  double last = 0;
  for (const char* name : {"min", "p50", "p90", "p99", "p99_9", "max"}) {
    EXPECT_GE(run.latency_us(name), last) << name;
    last = run.latency_us(name);
  }
}

#ifdef KV_EPOLL_ECHO_BINARY
class EchoServer {
 public:
  explicit EchoServer(const std::string& value_bytes = "32")
      : child_({.argv = {KV_EPOLL_ECHO_BINARY, "0", value_bytes}, .environment = {}, .input = {}}) {
    EXPECT_TRUE(test::eventually([&] { return child_.stdout_text().ends_with('\n'); }));
  }
  ~EchoServer() {
    child_.signal(SIGTERM);
    EXPECT_EQ(child_.wait_exit(), (test::Exit{0, 0}));
  }
  std::string pid() const { return std::to_string(child_.pid()); }
  std::size_t open_fds() const { return child_.open_fds(); }
  std::uint16_t port() const {
    const std::string said = child_.stdout_text();
    return static_cast<std::uint16_t>(std::stoi(said.substr(said.rfind(':') + 1)));
  }

 private:
  test::ChildProcess child_;
};

TEST(KvBenchOnEcho, CountsAddUp) {
  EchoServer server;
  const BenchRun gets =
      run_bench(server.port(), {"-n", "5003", "-c", "5", "-P", "7", "-t", "2", "--server-pid", server.pid()});
  expect_sound(gets, 5003);
  EXPECT_EQ(gets.count("hits"), 5003);
  EXPECT_GT(gets.report.at("server_cpu_us_per_op").to_number<double>(), 0);
  const BenchRun mixed = run_bench(server.port(), {"-n", "4000", "-P", "3", "--op", "mixed", "--mix", "0.5"});
  expect_sound(mixed, 4000);
  EXPECT_NEAR(static_cast<double>(mixed.count_of("get")), 2000, 400);
  EXPECT_TRUE(mixed.report.at("server_cpu_us_per_op").is_null());
  expect_sound(run_bench(server.port(), {"-n", "100", "--preload", "--keys", "1000", "--op", "set"}), 100);
}

TEST(KvBenchOnEcho, EndsWithItsDuration) {
  EchoServer server;
  const BenchRun run = run_bench(server.port(), {"-d", "0.3", "--warmup", "0.1"});
  expect_sound(run, run.count("operations"));
  EXPECT_GE(run.report.at("seconds").to_number<double>(), 0.25);
}

TEST(KvBenchOnEcho, ReportsWhatItHasWhenItIsEnded) {
  EchoServer server;
  const std::size_t open_before = server.open_fds();
  for (const char* rate : {"0", "1000"}) {
    ASSERT_TRUE(test::eventually([&] { return server.open_fds() == open_before; }));
    test::ChildProcess bench({.argv = {KV_BENCH_BINARY, "--port", std::to_string(server.port()), "--json", "--warmup",
                                       "0", "-d", "600", "--rate", rate, "-c", "5"},
                              .environment = {},
                              .input = {}});
    ASSERT_TRUE(test::eventually([&] { return server.open_fds() == open_before + 5; }));
    bench.signal(SIGINT);
    EXPECT_EQ(bench.wait_exit(), (test::Exit{0, 0}));
    const boost::json::value report = boost::json::parse(bench.stdout_text());
    EXPECT_EQ(report.at("unanswered").to_number<std::uint64_t>(), 0);
    EXPECT_LT(report.at("seconds").to_number<double>(), 600);
  }
}

TEST(KvBenchOnEcho, OpenLoopSendsWhatItWasAskedTo) {
  EchoServer server;
  const BenchRun run = run_bench(server.port(), {"-d", "0.5", "--rate", "2000", "-c", "10", "-t", "2"});
  expect_sound(run, 1000);
}

TEST(KvBenchOnEcho, VerifyCatchesAWrongValue) {
  EchoServer server;
  const BenchRun run = run_bench(server.port(), {"-n", "500", "--verify"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(run.report.at("errors_by_kind"), (boost::json::object{{"wrong-value", 500}}));
}

TEST(KvBenchOnEcho, LargeValuesPassInParts) {
  EchoServer server("3000000");
  expect_sound(run_bench(server.port(), {"-n", "40", "-c", "3", "-P", "4", "--op", "mixed", "--mix", "0.5",
                                         "--value-size", "3000000"}),
               40);
}
#endif

#ifdef KV_BENCH_TEST_SERVER
TEST(KvBenchOnServer, FindsEveryKeyThatItLoaded) {
  test::ServerProcess server;
  const std::vector<std::string> common{"-n", "3000", "-c", "10", "-P", "4", "--keys", "5000", "--verify"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), common.begin(), common.end());
    return run_bench(server.port(), more);
  };
  const BenchRun before = with({});
  expect_sound(before, 3000);
  EXPECT_EQ(before.count("misses"), 3000);
  const BenchRun loaded = with({"--preload", "-t", "2", "--server-pid", std::to_string(server.pid())});
  expect_sound(loaded, 3000);
  EXPECT_EQ(loaded.count("hits"), 3000);
  const BenchRun mixed = with({"--op", "mixed", "--mix", "0.5"});
  expect_sound(mixed, 3000);
  EXPECT_EQ(mixed.count("misses"), 0);
  const BenchRun other_values = with({"--value-size", "33"});
  EXPECT_EQ(other_values.exit_code, 1);
  EXPECT_EQ(other_values.count("errors"), 3000);
}

TEST(KvBenchOnServer, AuthenticatesWhereItIsAsked) {
  const test::TemporaryFolder folder;
  const std::string password = folder.write("password", "secret");
  test::ServerProcess server({"--password-file", password});
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"-n", "300", "-c", "10"});
    return run_bench(server.port(), more);
  };
  expect_sound(with({"--password-file", password}), 300);
  EXPECT_EQ(with({}).count("errors"), 300);
  const BenchRun wrong = with({"--password-file", folder.write("wrong", "wrong")});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_NE(wrong.err.find("NOAUTH"), std::string::npos) << wrong.err;
  EXPECT_EQ(with({"--user", "app"}).exit_code, 2) << "there is no password";
  const auto by_flag = with({"--password", "secret"});
  EXPECT_EQ(by_flag.exit_code, 2);
  EXPECT_EQ(by_flag.err, "kv-bench: unknown option --password; see kv-bench --help\n");
}

TEST(KvBenchOnServer, LargeValuesPassInParts) {
  test::ServerProcess server;
  const BenchRun run = run_bench(server.port(), {"-n", "60", "-c", "3", "-P", "4", "--op", "mixed", "--mix", "0.5",
                                                 "--keys", "10", "--preload", "--value-size", "3000000", "--verify"});
  expect_sound(run, 60);
  EXPECT_EQ(run.count("misses"), 0);
}

TEST(KvBenchOnServer, GivesKeysTheirTimeToLive) {
  test::ServerProcess server;
  expect_sound(run_bench(server.port(), {"-n", "10", "--op", "set", "--keys", "1", "--ttl", "3600000"}), 10);
  test::RawClient client(server);
  const test::Reply left = client.call(test::ttl("key:000000000000"));
  EXPECT_GT(left.i64(), 0);
  EXPECT_LE(left.i64(), 3'600'000);
}
#endif

}  // namespace
}  // namespace kv::bench
