// Which keys are used most: the call hot of KEYS.
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "command/test_server.hpp"

namespace kv::test {
namespace {

namespace json = boost::json;

class HotKeys : public CommandTest {
 protected:
  // Another connection asks for these together.
  void others(const std::vector<std::string>& requests) {
    std::vector<protocol::Frame> frames;
    for (const std::string& request : requests) {
      frames.push_back({static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)});
    }
    dispatcher.timed(frames, *client, {});
  }
  static json::value answer_of(protocol::PendingReply& pending) {
    ByteBuffer out;
    pending.complete(out);
    const Reply reply = decode_reply(out.view());
    EXPECT_EQ(reply.status, protocol::Status::kOk);
    return json::parse(reply.payload);
  }

  std::unique_ptr<protocol::Caller> client = dispatcher.connect({.id = 9});
};

TEST_F(HotKeys, TheMostUsedComeFirstWithTheirReadsAndWrites) {
  const auto pending = start(hotkeys(2, 1'000));
  EXPECT_EQ(pending->time_left(), std::chrono::milliseconds(1'000));
  for (int i = 0; i < 5; ++i) others({get("a")});
  for (int i = 0; i < 3; ++i) others({set("b", encode_int(1))});
  others({swap("b", encode_int(2))});
  others({get("c")});
  advance(400);
  EXPECT_EQ(pending->time_left(), std::chrono::milliseconds(600));
  EXPECT_EQ(answer_of(*pending), json::parse(R"({"sampled_ms": 400, "requests": 10, "error": 0,
                                                 "keys": [{"key": "a", "reads": 5, "writes": 0},
                                                          {"key": "b", "reads": 1, "writes": 4}]})"));
}

TEST_F(HotKeys, OneOfAGroupCountsForAllOfIt) {
  const auto pending = start(hotkeys(10, 1'000));
  for (int i = 0; i < 100; ++i) others({get("a"), get("a"), get("b"), get("a")});
  const json::value answer = answer_of(*pending);
  EXPECT_EQ(answer.at("requests"), 400);
  const auto& keys = answer.at("keys").as_array();
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].at("key"), "a");
  const auto reads = keys[0].at("reads").to_number<int>();
  EXPECT_GT(reads, 240);
  EXPECT_LT(reads, 360) << "300 of 400, or about that";
}

TEST_F(HotKeys, EveryKeyOfABatchIsCounted) {
  const auto pending = start(hotkeys(10, 1'000));
  others({mget({"a", "b"})});
  others({mset({{"b", encode_int(1)}})});
  others({ping("no key")});
  EXPECT_EQ(answer_of(*pending).at("keys"), json::parse(R"([{"key": "b", "reads": 1, "writes": 1},
                                                            {"key": "a", "reads": 1, "writes": 0}])"));
}

TEST_F(HotKeys, BeforeAndAfterNothingIsCounted) {
  others({get("a")});
  const auto first = start(hotkeys(10, 1'000));
  const auto second = start(hotkeys(10, 2'000));
  EXPECT_EQ(answer_of(*first).at("requests"), 0);
  others({get("b")});
  EXPECT_EQ(answer_of(*second).at("requests"), 1);
  EXPECT_EQ(json::parse(run(hotkeys(10, 0)).payload).at("keys"), json::array()) << "in no time at all";
}

TEST_F(HotKeys, TimeAndNumberHaveALimit) {
  EXPECT_EQ(start(hotkeys(10, 3'600'000))->time_left(), std::chrono::milliseconds(kHotKeysTimeMax));
  EXPECT_EQ(run(hotkeys(10, 86'400'001)), invalid("ARGUMENT"));
  const auto pending = start(hotkeys(0, 1'000));
  for (int i = 0; i < 20; ++i) others({get("key" + std::to_string(i))});
  EXPECT_EQ(answer_of(*pending).at("keys").as_array().size(), kHotKeysDefault);
}

TEST_F(HotKeys, ThereIsNoEndToTheKeysThatMayCome) {
  const auto pending = start(hotkeys(1, 1'000));
  for (int i = 0; i < 5'000; ++i) {
    others({get("cold" + std::to_string(i))});
    others({get("hot")});
  }
  const json::value answer = answer_of(*pending);
  EXPECT_EQ(answer.at("keys").as_array()[0].at("key"), "hot");
  EXPECT_LE(answer.at("error").to_number<int>(), 10'000 / 1'024);
}

TEST_F(HotKeys, KeysThatTheUserMayNotReadAreNotTold) {
  ASSERT_TRUE(users.set("default", "resetkeys ~mine:*").has_value());
  const auto pending = start(hotkeys(10, 1'000));
  others({get("mine:a")});
  others({get("yours")});
  const json::value answer = answer_of(*pending);
  ASSERT_EQ(answer.at("keys").as_array().size(), 1U);
  EXPECT_EQ(answer.at("keys").as_array()[0].at("key"), "mine:a");
}

}  // namespace
}  // namespace kv::test
