// The command that shows what others ask for: MONITOR.
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "command/test_server.hpp"

namespace kv::test {
namespace {

namespace json = boost::json;

class Monitoring : public CommandTest {
 protected:
  // Another connection asks for this.
  void other(const std::string& request) {
    ByteBuffer out;
    const protocol::Frame frame{static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)};
    dispatcher.handle(frame, *client, clock.now(), protocol::Weight::kHeavy, out);
    dispatcher.timed({&frame, 1}, *client, {});
  }
  json::value seen() {
    const Reply reply = run(monitor());
    EXPECT_EQ(reply.status, protocol::Status::kOk);
    return json::parse(reply.payload);
  }
  std::vector<std::string> commands(const json::value& seen) {
    std::vector<std::string> names;
    for (const json::value& one : seen.at("commands").as_array()) names.emplace_back(one.at("command").as_string());
    return names;
  }
  std::vector<std::string> commands() { return commands(seen()); }

  std::unique_ptr<protocol::Caller> client = dispatcher.connect({.id = 9, .address = "10.0.0.1:5"});
};

using Names = std::vector<std::string>;

TEST_F(Monitoring, WhatOthersAskForIsShownFromTheFirstMonitorOn) {
  other(get("before"));
  EXPECT_EQ(commands(), Names{});
  other(get("k"));
  other(set("k", encode_int(1)));
  EXPECT_EQ(commands(), (Names{"GET", "SET"}));
  EXPECT_EQ(commands(), Names{}) << "each is shown once";
}

TEST_F(Monitoring, ARequestIsShownByWhomAndOnWhatWithoutItsValues) {
  seen();
  advance(5);
  other(mset({{"a", encode_string("secret value")}, {"b", encode_int(1)}}));
  const json::value all = seen();
  EXPECT_EQ(all.at("dropped"), 0);
  ASSERT_EQ(all.at("commands").as_array().size(), 1U);
  json::object expected = json::parse(R"({"connection": 9, "address": "10.0.0.1:5", "user": "default",
                                          "command": "MSET", "key": "a", "keys": 2})")
                              .as_object();
  expected["time_ms"] = clock.now();
  EXPECT_EQ(all.at("commands").as_array()[0], expected);
}

TEST_F(Monitoring, SecretsAreNeverShown) {
  seen();
  other(auth("me", "hunter2"));
  other(acl_setuser("me", "#" + std::string(64, 'a')));
  other(config_set({{"password", "hunter2"}}));
  const json::value all = seen();
  EXPECT_EQ(commands(all), (Names{"AUTH", "ACL", "CONFIG"}));
  EXPECT_EQ(json::serialize(all).find("hunter2"), std::string::npos);
  for (const json::value& one : all.at("commands").as_array()) EXPECT_FALSE(one.as_object().contains("key"));
}

TEST_F(Monitoring, KeysAreShortenedAndOnOneLine) {
  seen();
  other(get("line\nbreak"));
  other(get(std::string(1'000, 'k')));
  const json::value all = seen();
  EXPECT_EQ(all.at("commands").as_array()[0].at("key"), "line\\nbreak");
  EXPECT_EQ(all.at("commands").as_array()[1].at("key").as_string(), std::string(64, 'k') + "…(+936 bytes)");
}

TEST_F(Monitoring, WhatMakesNoSenseIsNotShown) {
  seen();
  other(frame(std::uint8_t{0xFE}, "x"));
  other(frame(protocol::Command::kSet, "x"));
  EXPECT_EQ(commands(), Names{});
}

TEST_F(Monitoring, WhoAsksForAnythingElseIsNoMonitorAnyMore) {
  seen();
  other(get("a"));
  run(ping());
  other(get("b"));
  EXPECT_EQ(commands(), Names{}) << "it begins anew";
  other(get("c"));
  EXPECT_EQ(commands(), Names{"GET"});
}

TEST_F(Monitoring, MonitorsDoNotSeeEachOther) {
  seen();
  other(monitor());
  EXPECT_EQ(commands(), Names{});
}

TEST_F(Monitoring, WhoDoesNotAskAgainIsForgotten) {
  seen();
  advance(30'001);
  other(get("a"));
  other(get("b"));
  EXPECT_EQ(commands(), Names{});
  other(get("c"));
  EXPECT_EQ(commands(), Names{"GET"});
}

TEST_F(Monitoring, WhatIsTooMuchIsDroppedAndCounted) {
  seen();
  for (std::size_t i = 0; i < kMonitorRecordsMax + 5; ++i) other(get("k"));
  json::value all = seen();
  EXPECT_EQ(all.at("dropped"), 5);
  std::size_t told = 0;
  for (; !all.at("commands").as_array().empty(); all = seen()) told += all.at("commands").as_array().size();
  EXPECT_EQ(told, kMonitorRecordsMax);
  other(get("k"));
  EXPECT_EQ(seen().at("dropped"), 0);
}

TEST_F(Monitoring, AnAnswerIsHeldBackUntilItsTimeOrUntilThereIsPlenty) {
  bool woken = false;
  auto pending = start(monitor(500));
  ASSERT_NE(pending, nullptr);
  pending->notify([&] { woken = true; });
  EXPECT_EQ(pending->time_left(), std::chrono::milliseconds(500));
  EXPECT_TRUE(pending->ends_with_peer());
  other(get("a"));
  advance(100);
  EXPECT_EQ(pending->time_left(), std::chrono::milliseconds(400));
  EXPECT_FALSE(woken);
  ByteBuffer out;
  pending->complete(out);
  EXPECT_EQ(commands(json::parse(decode_reply(out.view()).payload)), Names{"GET"});
  pending = start(monitor(500));
  pending->notify([&] { woken = true; });
  for (std::size_t i = 0; i < kMonitorRecordsMax / 2; ++i) other(get("k"));
  EXPECT_TRUE(woken);
  EXPECT_EQ(start(monitor(~std::uint64_t{0} >> 40))->time_left(), std::chrono::milliseconds(kMonitorWaitMax));
}

TEST_F(Monitoring, WhoMayNotReadAllKeysIsShownNone) {
  ASSERT_TRUE(users.set("default", "resetkeys ~mine:*").has_value());
  seen();
  other(get("mine:a"));
  const json::value all = seen();
  ASSERT_EQ(all.at("commands").as_array().size(), 1U);
  EXPECT_FALSE(all.at("commands").as_array()[0].as_object().contains("key"));
  EXPECT_EQ(all.at("commands").as_array()[0].at("keys"), 1);
}

TEST_F(Monitoring, AnAnswerFitsThePayloadLimit) {
  TestServer small({.payload_bytes_max = 1'024});
  small.run(monitor());
  const auto client = small.dispatcher.connect({.id = 9});
  const std::string request = get("k");
  const protocol::Frame frame{static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)};
  for (int i = 0; i < 50; ++i) small.dispatcher.timed({&frame, 1}, *client, {});
  std::size_t told = 0;
  for (std::size_t some = 1; some != 0; told += some) {
    const Reply reply = small.run(monitor());
    ASSERT_EQ(reply.status, protocol::Status::kOk);
    some = json::parse(reply.payload).at("commands").as_array().size();
  }
  EXPECT_EQ(told, 50U);
}

TEST_F(Monitoring, OneThatHasGoneCostsNothingAnyMore) {
  auto gone = dispatcher.connect({.id = 10});
  ByteBuffer out;
  const std::string request = monitor(1'000);
  auto pending = dispatcher
                     .handle({static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)}, *gone, clock.now(),
                             protocol::Weight::kLight, out)
                     .pending;
  ASSERT_NE(pending, nullptr);
  pending.reset();
  gone.reset();
  other(get("a"));
  EXPECT_EQ(commands(), Names{});
}

}  // namespace
}  // namespace kv::test
