// The slow log, and the command on it: SLOWLOG.
#include "kv/command/slow_log.hpp"

#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "command/test_server.hpp"

namespace kv::test {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

class SlowLogTest : public CommandTest {
 protected:
  // Another connection's requests took so long together.
  void slow(const std::vector<std::string>& requests, std::chrono::nanoseconds time = 20ms) {
    std::vector<protocol::Frame> frames;
    for (const std::string& request : requests) {
      frames.push_back({static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)});
    }
    slow_log.add(frames, *client, time);
  }
  json::array entries(std::uint32_t count = 0) {
    const Reply reply = run(slowlog_get(count));
    EXPECT_EQ(reply.status, protocol::Status::kOk);
    return json::parse(reply.payload).at("entries").as_array();
  }

  std::unique_ptr<protocol::Caller> client = dispatcher.connect({.id = 9, .address = "10.0.0.1:5"});
};

TEST_F(SlowLogTest, AnEntryTellsAllThatIsKnown) {
  slow({mset({{"a\n", encode_string("a value")}, {"b", encode_int(1)}})}, 12'345'678ns);
  json::object expected = json::parse(R"({"id": 0, "us": 12345, "requests": 1, "connection": 9,
                                          "address": "10.0.0.1:5", "user": "default", "command": "MSET",
                                          "key": "a\\n", "keys": 2})")
                              .as_object();
  expected["time_ms"] = clock.now();
  EXPECT_EQ(entries(), json::array{expected});
}

TEST_F(SlowLogTest, TheNewestComeFirstAndAreCounted) {
  for (int i = 0; i < 30; ++i) slow({get("key" + std::to_string(i))});
  const json::array ten = entries();
  ASSERT_EQ(ten.size(), 10U);
  EXPECT_EQ(ten[0].at("key"), "key29");
  EXPECT_EQ(ten[0].at("id"), 29);
  EXPECT_EQ(ten[9].at("key"), "key20");
  EXPECT_EQ(entries(1'000).size(), 30U);
  EXPECT_EQ(run(slowlog_len()), ok_u64(30));
  EXPECT_EQ(json::parse(run(slowlog_get(1)).payload).at("total"), 30);
}

TEST_F(SlowLogTest, TheOldestGivesWayAndIdsGoOn) {
  for (std::size_t i = 0; i < kSlowlogLengthDefault + 5; ++i) slow({ping()});
  EXPECT_EQ(run(slowlog_len()), ok_u64(kSlowlogLengthDefault));
  EXPECT_EQ(entries(1)[0].at("id"), kSlowlogLengthDefault + 4);
  slow_log.set({.length = 3});
  EXPECT_EQ(run(slowlog_len()), ok_u64(3));
  EXPECT_EQ(entries(1)[0].at("id"), kSlowlogLengthDefault + 4);
  EXPECT_EQ(run(slowlog_reset()), ok());
  EXPECT_EQ(run(slowlog_len()), ok_u64(0));
  slow({ping()});
  EXPECT_EQ(entries(1)[0].at("id"), kSlowlogLengthDefault + 5);
}

TEST_F(SlowLogTest, TheThresholdIsThatOfTheSettings) {
  EXPECT_EQ(slow_log.threshold(), 10ms);
  slow_log.set({.threshold = 5us});
  EXPECT_EQ(slow_log.threshold(), 5us);
  slow_log.set({.threshold = 0us});
  EXPECT_GT(slow_log.threshold(), std::chrono::hours(1'000'000));
}

TEST_F(SlowLogTest, OfSeveralTheFirstIsToldAndHowManyThereWere) {
  slow({get("a"), get("b"), set("c", encode_int(1))});
  EXPECT_EQ(entries()[0].at("key"), "a");
  EXPECT_EQ(entries()[0].at("requests"), 3);
}

TEST_F(SlowLogTest, NoSecretIsKept) {
  slow({auth("me", "hunter2")});
  slow({config_set({{"password", "hunter2"}})});
  slow({frame(std::uint8_t{0xFE}, "hunter2")});
  slow({frame(protocol::Command::kSet, "hunter2")});
  const json::array all = entries();
  ASSERT_EQ(all.size(), 4U);
  EXPECT_EQ(json::serialize(all).find("hunter2"), std::string::npos);
  EXPECT_EQ(all[1].at("command"), "") << "no command has this byte";
  EXPECT_EQ(all[0].at("command"), "SET");
  EXPECT_FALSE(all[0].as_object().contains("key")) << "its payload makes no sense";
}

TEST_F(SlowLogTest, WhoMayNotReadAllKeysIsShownNone) {
  slow({get("yours")});
  ASSERT_TRUE(users.set("default", "resetkeys ~mine:*").has_value());
  EXPECT_FALSE(entries()[0].as_object().contains("key"));
  EXPECT_EQ(entries()[0].at("keys"), 1);
}

TEST_F(SlowLogTest, AListThatIsTooLongEndsEarlier) {
  TestServer small({.payload_bytes_max = 4'096});
  const auto other = small.dispatcher.connect({.id = 9});
  const std::string request = ping();
  const protocol::Frame frame{static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)};
  for (int i = 0; i < 100; ++i) small.slow_log.add({&frame, 1}, *other, 20ms);
  const Reply reply = small.run(slowlog_get(100));
  ASSERT_EQ(reply.status, protocol::Status::kOk);
  EXPECT_LE(reply.payload.size(), 4'096U);
  EXPECT_GT(json::parse(reply.payload).at("entries").as_array().size(), 10U);
}

}  // namespace
}  // namespace kv::test
