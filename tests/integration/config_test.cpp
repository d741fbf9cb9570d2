// Settings that change while the server runs.
#include <algorithm>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "integration/info_json.hpp"
#include "integration/server_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using testing::HasSubstr;

class Config : public ServerTest {
 protected:
  using ServerTest::ServerTest;
  std::string value_of(const std::string& name) {
    const auto answer = boost::json::parse(call(config_get(name)).payload);
    const auto& settings = answer.at("settings").as_array();
    return settings.size() == 1 ? std::string(settings[0].at("value").as_string()) : "not there";
  }
};

class LimitedConfig : public Config {
 protected:
  LimitedConfig() : Config({"--max-memory", "1GiB", "--eviction", "noeviction", "--threads", "1"}) {}
  // The setting that leaves so much room, whatever else this build of the server takes when it holds nothing.
  std::string room_for(std::size_t bytes) const { return std::to_string(idle_bytes_ + bytes); }
  // Puts that many values of 1 kB under keys of their own, a multiple of a thousand; gives how many were taken.
  std::size_t put_many(const std::string& name, std::size_t count) {
    const std::string value = encode_bytes(std::string(1'000, 'v'));
    std::size_t taken = 0;
    for (std::size_t first = 0; first < count; first += 1'000) {
      std::string requests;
      for (std::size_t i = first; i < first + 1'000; ++i) requests += set(name + std::to_string(i), value);
      const std::vector<Reply> replies = client_.pipeline(requests, 1'000);
      taken += static_cast<std::size_t>(std::ranges::count(replies, ok()));
    }
    return taken;
  }

 private:
  std::size_t idle_bytes_ = server_.rss_bytes();
};

TEST_F(Config, MoreConnectionsThanTheNewLimitAreRefused) {
  RawClient second = connect();
  EXPECT_EQ(second.call(ping()), ok("PONG"));
  EXPECT_EQ(call(config_set({{"max-connections", "2"}})), ok());
  EXPECT_EQ(value_of("max-connections"), "2");
  EXPECT_EQ(info_json(client_, "clients").at("max_connections"), 2);
  RawClient third = connect();
  EXPECT_EQ(third.receive(), error("BUSY"));
  EXPECT_EQ(call(config_set({{"max-connections", "3"}})), ok());
  EXPECT_TRUE(eventually([&] {
    RawClient again = connect();
    return again.call(ping()) == ok("PONG");
  }));
  EXPECT_EQ(second.call(ping()), ok("PONG"));
}

TEST_F(Config, WhoLowersTheLimitTooFarGetsInAgainOnceOthersHaveGone) {
  RawClient second = connect();
  EXPECT_EQ(second.call(ping()), ok("PONG"));
  EXPECT_EQ(call(config_set({{"max-connections", "1"}})), ok());
  client_.close();
  const auto raise = [this] { return connect().call(config_set({{"max-connections", "10"}})); };
  EXPECT_EQ(raise(), error("BUSY"));
  second.close();
  EXPECT_TRUE(eventually([&] { return raise() == ok(); }));
}

TEST_F(Config, AConnectionThatIsQuietForTheNewTimeEnds) {
  RawClient quiet = connect();
  EXPECT_EQ(quiet.call(ping()), ok("PONG"));
  EXPECT_EQ(call(config_set({{"idle-timeout", "1ms"}})), ok());
  EXPECT_EQ(quiet.receive_until_eof(), "");
}

TEST_F(Config, TheLogLevelIsThatOfTheServer) {
  EXPECT_EQ(call(config_set({{"log-level", "warn"}})), ok());
  EXPECT_TRUE(server_.says("a setting was changed setting=log-level from=info to=warn by=default"));
}

TEST_F(Config, AllChangeOrNone) {
  EXPECT_EQ(call(config_set({{"max-connections", "5"}, {"shards", "3"}})), invalid("ARGUMENT"));
  EXPECT_EQ(call(config_set({{"max-connections", "5"}, {"max-memory", "1GiB"}})), invalid("ARGUMENT"))
      << "it was started without";
  EXPECT_EQ(value_of("max-connections"), "10000");
  EXPECT_EQ(value_of("max-memory"), "off");
}

TEST_F(Config, EvictionWithoutALimitOfMemoryIsRefused) {
  const Reply reply = call(config_set({{"eviction", "sieve"}}));
  EXPECT_EQ(reply, invalid("ARGUMENT"));
  EXPECT_THAT(reply.payload, HasSubstr("started with --max-memory"));
  EXPECT_EQ(value_of("eviction"), "noeviction");
}

TEST_F(LimitedConfig, MemoryIsLimitedAndMadeAsTheNewSettingsSay) {
  EXPECT_EQ(call(config_set({{"max-memory", room_for(32 << 20)}})), ok());
  const std::size_t stored = put_many("key", 40'000);
  ASSERT_GT(stored, 0U);
  ASSERT_LT(stored, 40'000U);
  EXPECT_EQ(call(config_set({{"max-memory", "off"}})), invalid("ARGUMENT"));
  EXPECT_EQ(call(config_set({{"max-memory", room_for(64 << 20)}, {"eviction", "sieve"}})), ok());
  const auto memory = info_json(client_, "memory");
  EXPECT_EQ(std::to_string(memory.at("limit_bytes").to_number<std::uint64_t>()), room_for(64 << 20));
  EXPECT_EQ(memory.at("eviction"), "sieve");
  EXPECT_EQ(put_many("more", 80'000), 80'000U);
  const auto entries = info_json(client_).at("entries").to_number<std::size_t>();
  EXPECT_GT(entries, stored) << "there is more room than before";
  EXPECT_LT(entries, 80'000U) << "and less than was put";
}

}  // namespace
}  // namespace kv::test
