// client list, kill and setname against a server that answers as it should.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/base/hex.hpp"
#include "support/client/fake_server.hpp"
#include "support/process/requests.hpp"
#include "tools/kv_cli/cli_process.hpp"

namespace kv::cli {
namespace {

using test::FakePeer;
using test::FakeServer;
using test::unhex;
using testing::HasSubstr;

// What kv-cli prints when its request is `request` and gets `reply`.
std::string printed_by(const Arguments& arguments, const std::string& request, const std::string& reply) {
  FakeServer server([&](FakePeer& peer) {
    EXPECT_EQ(test::hex(peer.read_frame()), test::hex(request));
    peer.write(reply);
    peer.wait_for_close();
  });
  return output_of(server.port(), arguments);
}

TEST(Client, ListPrintsWhatTheServerSays) {
  const std::string reply = test::frame(std::uint8_t{0}, R"({"total":1,"connections":[{"id":7}]})");
  EXPECT_EQ(printed_by({"client", "list", "--json"}, test::client_list(), reply),
            "{\"total\":1,\"connections\":[{\"id\":7}]}\n");
  EXPECT_THAT(printed_by({"client", "list"}, test::client_list(), reply), HasSubstr("\"id\": 7\n"));
}

TEST(Client, KillTakesAnId) {
  EXPECT_EQ(printed_by({"client", "kill", "7"}, test::client_kill(7), unhex("00 00000001 01")), "true\n");
  EXPECT_EQ(printed_by({"client", "kill", "18446744073709551615"}, test::client_kill(~std::uint64_t{0}),
                       unhex("00 00000001 00")),
            "false\n");
}

TEST(Client, SetnameTakesAnyName) {
  EXPECT_EQ(printed_by({"client", "setname", "web 1"}, test::client_set_name("web 1"), unhex("00 00000000")), "OK\n");
  EXPECT_EQ(printed_by({"client", "setname", ""}, test::client_set_name(""), unhex("00 00000000")), "OK\n");
}

TEST(Client, WhatIsWrongIsSaidBeforeAnythingIsSent) {
  for (const Arguments& arguments :
       {Arguments{"client"}, Arguments{"client", "kill"}, Arguments{"client", "kill", "-1"},
        Arguments{"client", "kill", "seven"}, Arguments{"client", "setname", std::string(256, 'n')},
        Arguments{"client", "setname", "\xFF"}, Arguments{"client", "list", "all"}}) {
    EXPECT_EQ(run_cli(1, arguments).exit_code, 2) << testing::PrintToString(arguments);
  }
}

}  // namespace
}  // namespace kv::cli
