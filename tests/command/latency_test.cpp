// The command on latencies: LATENCY.
#include <chrono>
#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "command/test_server.hpp"

namespace kv::test {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

class Latency : public CommandTest {
 protected:
  // Of all commands but this one itself.
  json::array latencies() {
    const Reply reply = run(latency());
    EXPECT_EQ(reply.status, protocol::Status::kOk);
    const json::value told = json::parse(reply.payload);
    json::array others;
    for (const json::value& one : told.at("commands").as_array()) {
      if (one.at("command") != "LATENCY") others.push_back(one);
    }
    return others;
  }
  void took(protocol::Command command, std::chrono::nanoseconds time) {
    const protocol::Frame frame{static_cast<std::uint8_t>(command), ""};
    dispatcher.timed({&frame, 1}, *caller, time);
  }
};

TEST_F(Latency, IsToldOfEveryCommandThatWasRun) {
  EXPECT_TRUE(latencies().empty());
  for (int i = 0; i < 98; ++i) took(protocol::Command::kGet, 1us);
  took(protocol::Command::kGet, 10us);
  took(protocol::Command::kGet, 1ms);
  took(protocol::Command::kSet, 5us);
  took(static_cast<protocol::Command>(0xFF), 1us);
  const json::array all = latencies();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].at("command"), "unknown") << "in the order of their bytes, and this one has none";
  EXPECT_EQ(all[1].at("command"), "GET");
  EXPECT_EQ(all[2].at("command"), "SET");
  EXPECT_EQ(all[1].at("count"), 100);
  const auto is_near = [&](const char* figure, std::chrono::nanoseconds time) {
    const auto told = all[1].at(figure).to_number<std::int64_t>();
    return told > time.count() && told <= time.count() * 9 / 8;
  };
  EXPECT_TRUE(is_near("p50_ns", 1us));
  EXPECT_TRUE(is_near("p99_ns", 10us));
  EXPECT_TRUE(is_near("p99_9_ns", 1ms));
  EXPECT_TRUE(is_near("max_ns", 1ms));
}

TEST_F(Latency, ResetForgetsWhatWasButNotTheSums) {
  took(protocol::Command::kGet, 1ms);
  took(protocol::Command::kSet, 1ms);
  EXPECT_EQ(run(latency_reset()), ok());
  EXPECT_TRUE(latencies().empty());
  took(protocol::Command::kGet, 1us);
  const json::array all = latencies();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].at("count"), 1);
  EXPECT_LT(all[0].at("max_ns").to_number<std::int64_t>(), 2'000);
  EXPECT_EQ(counters.totals().commands[static_cast<std::uint8_t>(protocol::Command::kGet)].latency.count(), 2U);
}

TEST_F(Latency, HasNoOtherCall) {
  EXPECT_EQ(run(frame(protocol::Command::kLatency, "\2")), invalid("ARGUMENT"));
  EXPECT_EQ(run(frame(protocol::Command::kLatency, "")), invalid("FRAME"));
}

}  // namespace
}  // namespace kv::test
