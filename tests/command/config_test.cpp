// The command on settings: CONFIG.
#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "command/test_server.hpp"

namespace kv::test {
namespace {

namespace json = boost::json;

class Config : public CommandTest {
 protected:
  Config() {
    administration.all_settings = {{.name = "bind", .values = {"a:1", "b:2"}, .is_list = true},
                                   {.name = "max-connections", .values = {"10"}, .is_live = true},
                                   {.name = "max-memory", .values = {"off"}, .is_live = true},
                                   {.name = "password", .values = {"***"}}};
  }
  json::value settings_like(ByteView pattern) {
    const Reply reply = run(config_get(pattern));
    EXPECT_EQ(reply.status, protocol::Status::kOk);
    return json::parse(reply.payload).at("settings");
  }
};

TEST_F(Config, GetTellsTheSettingsWhoseNamesAreLikeThePattern) {
  EXPECT_EQ(settings_like("max-*"), json::parse(R"([{"name": "max-connections", "value": "10", "live": true},
                                                    {"name": "max-memory", "value": "off", "live": true}])"));
  EXPECT_EQ(settings_like("bind"), json::parse(R"([{"name": "bind", "value": ["a:1", "b:2"], "live": false}])"));
  EXPECT_EQ(settings_like("*").as_array().size(), 4U);
  EXPECT_EQ(settings_like("").as_array().size(), 4U) << "as with SCAN";
  EXPECT_EQ(settings_like("nope"), json::array());
}

TEST_F(Config, SetHandsAllChangesOverAtOnceAndSaysWhoAsks) {
  EXPECT_EQ(run(config_set({{"max-connections", "20"}, {"max-memory", "1GiB"}})), ok());
  EXPECT_EQ(administration.changed_settings, (Pairs{{"max-connections", "20"}, {"max-memory", "1GiB"}}));
  EXPECT_EQ(administration.changed_by.user, "default");
  EXPECT_EQ(administration.changed_by.address, caller->peer().address);
  EXPECT_EQ(run(config_set({})), ok());
}

TEST_F(Config, WhatTheServerRefusesIsSaid) {
  administration.refuses_settings = Error{Errc::kArgument, "max-connections: 0 is not between 1 and 1000000"};
  const Reply reply = run(config_set({{"max-connections", "0"}}));
  EXPECT_EQ(reply, invalid("ARGUMENT"));
  EXPECT_EQ(reply.payload, "ARGUMENT max-connections: 0 is not between 1 and 1000000");
}

// What goes over all entries must not run where sessions do.
TEST_F(Config, RunsBesideTheIoThreads) {
  const std::string request = config_set({{"eviction", "lru"}});
  EXPECT_EQ(dispatcher.weigh({static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)}),
            protocol::Weight::kHeavy);
}

}  // namespace
}  // namespace kv::test
