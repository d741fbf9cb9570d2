// Settings that change while the server runs.
#include <string>

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
  LimitedConfig() : Config({"--max-memory", "64MiB", "--eviction", "noeviction", "--threads", "1"}) {}
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

TEST_F(Config, AConnectionThatIsQuietForTheNewTimeEnds) {
  RawClient quiet = connect();
  EXPECT_EQ(quiet.call(ping()), ok("PONG"));
  EXPECT_EQ(call(config_set({{"idle-timeout", "1ms"}})), ok());
  EXPECT_EQ(quiet.receive_until_eof(), "");
}

TEST_F(Config, TheLogLevelIsThatOfTheServer) {
  EXPECT_EQ(call(config_set({{"log-level", "warn"}})), ok());
  EXPECT_TRUE(eventually([&] {
    return server_.log().find("a setting was changed setting=log-level from=info to=warn by=default") !=
           std::string::npos;
  }));
}

TEST_F(Config, AllChangeOrNone) {
  EXPECT_EQ(call(config_set({{"max-connections", "5"}, {"shards", "3"}})), invalid("ARGUMENT"));
  EXPECT_EQ(call(config_set({{"max-connections", "5"}, {"max-memory", "1GiB"}})), invalid("ARGUMENT"))
      << "it was started without";
  EXPECT_EQ(value_of("max-connections"), "10000");
  EXPECT_EQ(value_of("max-memory"), "off");
}

TEST_F(LimitedConfig, MemoryIsLimitedAndMadeAsTheNewSettingsSay) {
  const std::string megabyte = encode_bytes(std::string(1 << 20, 'v'));
  int stored = 0;
  while (stored < 100 && call(set("key" + std::to_string(stored), megabyte)) == ok()) ++stored;
  ASSERT_LT(stored, 64);
  EXPECT_EQ(call(config_set({{"max-memory", "off"}})), invalid("ARGUMENT"));
  EXPECT_EQ(call(config_set({{"max-memory", "96MiB"}, {"eviction", "sieve"}})), ok());
  const auto memory = info_json(client_, "memory");
  EXPECT_EQ(memory.at("limit_bytes"), 96 << 20);
  EXPECT_EQ(memory.at("eviction"), "sieve");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(call(set("more" + std::to_string(i), megabyte)), ok());
  const std::uint64_t entries = info_json(client_).at("entries").to_number<std::uint64_t>();
  EXPECT_GT(entries, static_cast<std::uint64_t>(stored)) << "there is more room than before";
  EXPECT_LT(entries, 96U);
}

}  // namespace
}  // namespace kv::test
