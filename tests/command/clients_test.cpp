// The command on connections: CLIENT.
#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "command/test_server.hpp"

namespace kv::test {
namespace {

namespace json = boost::json;
using protocol::Weight;

class Clients : public CommandTest {
 protected:
  json::object list() {
    const Reply reply = run(client_list());
    EXPECT_EQ(reply.status, protocol::Status::kOk);
    return json::parse(reply.payload).as_object();
  }
};

TEST_F(Clients, TheListTellsAllThatIsKnown) {
  administration.open_connections = {{.id = 3,
                                      .address = "[::1]:5",
                                      .is_encrypted = true,
                                      .is_admitted = true,
                                      .name = "web \"1\"",
                                      .user = "alice",
                                      .age = std::chrono::milliseconds(1'200),
                                      .idle = std::chrono::milliseconds(100),
                                      .state = "reading",
                                      .input_bytes = 2'048,
                                      .output_bytes = 5,
                                      .last_command = 0x02},
                                     {.id = 9, .state = "writing", .last_command = 0xFE}};
  const json::object all = list();
  EXPECT_EQ(all.at("total"), 2);
  ASSERT_EQ(all.at("connections").as_array().size(), 2U);
  EXPECT_EQ(all.at("connections").as_array()[0],
            json::parse(R"({"id": 3, "address": "[::1]:5", "name": "web \"1\"", "user": "alice", "tls": true,
                            "admitted": true, "age_ms": 1200, "idle_ms": 100, "state": "reading",
                            "last_command": "SET", "input_bytes": 2048, "output_bytes": 5})"));
  EXPECT_EQ(all.at("connections").as_array()[1].at("last_command"), "") << "a byte that no command has";
}

TEST_F(Clients, AListThatIsTooLongSaysHowManyThereAre) {
  for (std::uint64_t id = 1; id <= 100; ++id) administration.open_connections.push_back({.id = id});
  TestServer small({.payload_bytes_max = 4'096});
  small.administration.open_connections = administration.open_connections;
  const Reply reply = small.run(client_list());
  ASSERT_EQ(reply.status, protocol::Status::kOk);
  EXPECT_LE(reply.payload.size(), 4'096U);
  const json::object all = json::parse(reply.payload).as_object();
  EXPECT_EQ(all.at("total"), 100);
  EXPECT_GT(all.at("connections").as_array().size(), 10U);
  EXPECT_LT(all.at("connections").as_array().size(), 100U);
}

TEST_F(Clients, KillSaysWhetherThereWasSuchAConnection) {
  administration.open_connections = {{.id = 3}};
  EXPECT_EQ(run(client_kill(3)), ok_bool(true));
  EXPECT_EQ(run(client_kill(4)), ok_bool(false));
  EXPECT_EQ(administration.closed, (std::vector<std::uint64_t>{3, 4}));
  EXPECT_FALSE(caller->ends());
}

TEST_F(Clients, WhoKillsItselfIsAnsweredFirst) {
  EXPECT_EQ(run(client_kill(caller->peer().id)), ok_bool(true));
  EXPECT_TRUE(caller->ends());
  EXPECT_TRUE(administration.closed.empty());
}

TEST_F(Clients, ANameStaysUntilThereIsAnother) {
  EXPECT_EQ(caller->name(), "");
  EXPECT_EQ(run(client_set_name("web-1")), ok());
  EXPECT_EQ(caller->name(), "web-1");
  EXPECT_EQ(run(client_set_name(std::string(256, 'n'))), invalid("ARGUMENT"));
  EXPECT_EQ(caller->name(), "web-1");
  EXPECT_EQ(run(client_set_name("")), ok());
  EXPECT_EQ(caller->name(), "");
}

// What waits for all I/O threads must not run on one of them; and a name is changed on its session's own.
TEST_F(Clients, WhatAsksTheIoThreadsRunsBesideThem) {
  const auto weight = [&](const std::string& request) {
    return dispatcher.weigh({static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)});
  };
  EXPECT_EQ(weight(client_list()), Weight::kHeavy);
  EXPECT_EQ(weight(client_kill(1)), Weight::kHeavy);
  EXPECT_EQ(weight(client_set_name("me")), Weight::kLight);
  EXPECT_EQ(weight(frame(protocol::Command::kClient)), Weight::kLight);
}

}  // namespace
}  // namespace kv::test
