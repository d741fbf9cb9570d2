// kv-bench against servers that go wrong: it says what happened, and it always ends.
#include <atomic>
#include <chrono>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/protocol/status.hpp"
#include "kv/value/build.hpp"

#include "kv-bench/socket.hpp"
#include "support/base/hex.hpp"
#include "tools/kv_bench/bench_process.hpp"
#include "tools/kv_bench/fake_server.hpp"

namespace kv::bench {
namespace {

using ::testing::HasSubstr;
using Call = FakeServer::Call;

constexpr int kWrongReplies = 1;
constexpr int kUsage = 2;
constexpr int kNoConnection = 3;

std::string reply(protocol::Status status, const std::string& payload) {
  return std::string(1, static_cast<char>(status)) + test::u32(static_cast<std::uint32_t>(payload.size())) + payload;
}
std::string ok(const std::string& payload = {}) {
  return reply(protocol::Status::kOk, payload);
}

TEST(KvBench, TakesRepliesThatComeByteByByte) {
  FakeServer server([](const Call&) { return ok(value::encode_bytes("anything")); }, FakeServer::Sending::kByteByByte);
  const BenchRun run = run_bench(server.port(), {"-n", "60", "-c", "2", "-P", "5"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.count("operations"), 60);
  EXPECT_EQ(run.count("hits"), 60);
}

TEST(KvBench, CountsMissesAsAnswers) {
  FakeServer server([](const Call& call) {
    return call.index % 2 == 0 ? reply(protocol::Status::kNull, "") : ok(value::encode_bytes(""));
  });
  const BenchRun run = run_bench(server.port(), {"-n", "10", "-c", "1"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.count("misses"), 5);
  EXPECT_EQ(run.count("hits"), 5);
}

TEST(KvBench, CountsRefusalsByTheirWord) {
  FakeServer server([](const Call& call) {
    return call.index % 4 == 0 ? reply(protocol::Status::kError, "OOM no \n room")
                               : reply(protocol::Status::kInvalid, "KEY bad");
  });
  const BenchRun run = run_bench(server.port(), {"-n", "100", "-c", "1", "-P", "10", "--op", "set"});
  EXPECT_EQ(run.exit_code, kWrongReplies);
  EXPECT_EQ(run.count("operations"), 100);
  EXPECT_EQ(run.count("errors"), 100);
  EXPECT_EQ(run.report.at("errors_by_kind"), (boost::json::object{{"KEY", 75}, {"OOM", 25}}));
  EXPECT_EQ(run.report.at("first_error"), "OOM no ? room");
}

TEST(KvBench, FindsAValueThatIsNotTheKeys) {
  FakeServer server([](const Call& call) {
    std::string value = std::string(call.request.payload) + "qrstuvwx";
    if (call.index == 7) value.back() = 'X';
    return ok(value::encode_bytes(value));
  });
  const BenchRun run = run_bench(server.port(), {"-n", "20", "-c", "1", "--value-size", "24", "--verify"});
  EXPECT_EQ(run.exit_code, kWrongReplies);
  EXPECT_EQ(run.count("hits"), 20);
  EXPECT_EQ(run.report.at("errors_by_kind"), (boost::json::object{{"wrong-value", 1}}));
  const BenchRun unverified = run_bench(server.port(), {"-n", "20", "-c", "1", "--value-size", "24"});
  EXPECT_EQ(unverified.exit_code, 0);
}

TEST(KvBench, StopsAtBytesThatAreNoReply) {
  for (const std::string& bytes : {std::string("HTTP/1.1 400 Bad Request\r\n"), ok() + ok()}) {
    FakeServer server([&](const Call&) { return bytes; });
    const BenchRun run = run_bench(server.port(), {"-d", "1000", "-c", "3", "--op", "set"});
    EXPECT_EQ(run.exit_code, kWrongReplies);
    EXPECT_THAT(run.err, HasSubstr("not a reply"));
  }
}

TEST(KvBench, SaysWhyAConnectionWasLost) {
  FakeServer server([](const Call& call) -> std::optional<std::string> {
    if (call.index == 5) return std::nullopt;
    return reply(protocol::Status::kError, "BUSY too many");
  });
  const BenchRun run = run_bench(server.port(), {"-d", "1000", "-c", "3"});
  EXPECT_EQ(run.exit_code, kNoConnection);
  EXPECT_THAT(run.err, HasSubstr("connection lost"));
  EXPECT_THAT(run.err, HasSubstr("BUSY too many"));
}

TEST(KvBench, FailsToLoadWhatTheServerRefuses) {
  FakeServer server([](const Call&) { return reply(protocol::Status::kError, "READONLY for now"); });
  const BenchRun run = run_bench(server.port(), {"-n", "10", "--keys", "100", "--preload"});
  EXPECT_EQ(run.exit_code, kWrongReplies);
  EXPECT_THAT(run.err, HasSubstr("100 keys could not be loaded: READONLY for now"));
}

TEST(KvBench, GivesUpOnAServerThatSaysNothing) {
  FakeServer server([](const Call&) { return ""; });
  for (const char* load : {"-n", "-d"}) {
    const BenchRun run = run_bench(server.port(), {load, "1000", "--timeout", "0.2"});
    EXPECT_EQ(run.exit_code, kNoConnection);
    EXPECT_THAT(run.err, HasSubstr("no reply for 200 ms"));
  }
}

TEST(KvBench, CountsWhatOneConnectionWasNeverAnswered) {
  FakeServer server([](const Call& call) { return call.connection == 1 ? "" : ok(); });
  const BenchRun run = run_bench(server.port(), {"-d", "0.2", "-c", "3", "-P", "2", "--op", "set", "--timeout", "2"});
  EXPECT_EQ(run.exit_code, kWrongReplies) << run.err;
  EXPECT_EQ(run.count("unanswered"), 2);
  EXPECT_EQ(run.count("operations"), run.count_of("set"));
  EXPECT_GE(run.latency_us("max"), 1'900'000);  // their age when they were given up
}

// 1,000 requests a second of which each waits for the one before: half a second without an answer delays hundreds of
// them, and all of those must be seen, not only the one that was under way.
TEST(KvBench, OpenLoopSeesEveryRequestThatAStallDelays) {
  std::atomic<bool> stalled = false;
  FakeServer server([&](const Call& call) {
    if (call.index == 100 && !stalled.exchange(true)) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    return ok();
  });
  const std::vector<std::string> common{"-n", "1000", "-c", "1", "--op", "set"};
  std::vector<std::string> open = common;
  open.insert(open.end(), {"--rate", "1000"});
  const BenchRun run = run_bench(server.port(), open);
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.count("operations"), 1000);
  EXPECT_GE(run.latency_us("p90"), 250'000);
  EXPECT_GE(run.latency_us("max"), 450'000);
}

TEST(KvBench, SaysThatNobodyListens) {
  // A port that is taken, so that nobody else gets it meanwhile, but not listened on.
  const FileDescriptor taken(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(taken.get(), generic, size), 0);
  ASSERT_EQ(getsockname(taken.get(), generic, &size), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  const BenchRun run = run_bench(ntohs(address.sin_port), {});
  EXPECT_EQ(run.exit_code, kNoConnection);
  EXPECT_THAT(run.err, HasSubstr("can't connect to 127.0.0.1 port " + port + ": Connection refused"));
}

TEST(KvBench, RefusesWhatMakesNoSense) {
  const std::vector<std::vector<std::string>> rows{
      {"--op", "del"},
      {"--proto", "http"},
      {"--connections", "0"},
      {"--pipeline", "0"},
      {"--keys", "0"},
      {"--keys", "1001", "--key-size", "3"},
      {"--key-size", "65536"},
      {"--proto", "memcached", "--key-size", "251"},
      {"--proto", "memcached", "--ttl", "2592000001"},
      {"--threads", "2", "--connections", "1"},
      {"--mix", "1.5"},
      {"--rate", "-1"},
      {"--value-size", "many"},
      {"--value-size", "5GiB"},
      {"--nonsense"},
      {"stray"},
  };
  for (const std::vector<std::string>& row : rows) {
    const BenchRun run = run_bench(1, row);
    EXPECT_EQ(run.exit_code, kUsage) << ::testing::PrintToString(row);
    EXPECT_FALSE(run.err.empty());
  }
}

}  // namespace
}  // namespace kv::bench
