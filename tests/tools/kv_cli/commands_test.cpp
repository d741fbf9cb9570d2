// Every command of kv-cli against the real server.
#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv-cli/command_row.hpp"
#include "support/process/server_process.hpp"
#include "tools/kv_cli/cli_process.hpp"

namespace kv::cli {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

struct Step {
  Arguments arguments;
  std::string out;
};

const Step kSteps[] = {
    {{"set", "n", "42"}, "OK\n"},
    {{"get", "n"}, "42\n"},
    {{"get", "nope"}, "(null)\n"},
    {{"get", "nope", "--json"}, "null\n"},
    {{"--json", "set", "n", "42"}, "\"OK\"\n"},
    {{"incr", "n"}, "43\n"},
    {{"incr", "n", "-10"}, "33\n"},
    {{"decr", "n", "3"}, "30\n"},
    {{"decr", "m"}, "-1\n"},
    {{"exists", "n"}, "true\n"},
    {{"exists", "nope"}, "false\n"},
    {{"type", "n"}, "Int\n"},
    {{"type", "nope"}, "(null)\n"},
    {{"cas", "n", "1", "2"}, "false\n30\n"},
    {{"cas", "n", "1", "2", "--json"}, "{\"swapped\":false,\"current\":30}\n"},
    {{"cas", "n", "30", "31"}, "true\n"},
    {{"cas", "nope", "1", "2"}, "(null)\n"},
    {{"cas", "created", "null", "[1, 2]"}, "true\n"},
    {{"get", "created"}, "[1, 2]\n"},
    {{"del", "created"}, "true\n"},
    {{"del", "created"}, "false\n"},
    {{"ping"}, "PONG\n"},
    {{"whoami"}, "default\n"},
    {{"ping", "hello you"}, "hello you\n"},
    {{"PING", "--json"}, "\"PONG\"\n"},
    {{"setnx", "n", "1"}, "false\n"},
    {{"setnx", "once", "1.50m"}, "true\n"},
    {{"swap", "once", "decimal(2.50)"}, "1.50m\n"},
    {{"swap", "twice", "1"}, "(null)\n"},
    {{"take", "once"}, "2.50m\n"},
    {{"take", "once"}, "(null)\n"},
    {{"mset", "a", "[1,2]", "b", "-inf", "c", "-5", "d", "\"x\""}, "OK\n"},
    {{"mget", "a", "b", "c", "nope", "d"}, "[1, 2]\n-inf\n-5\nnull\n\"x\"\n"},
    {{"mget", "a", "b", "--json"}, "[[1,2],\"-inf\"]\n"},
    {{"mexists", "a", "nope"}, "true\nfalse\n"},
    {{"mdel", "a", "b", "nope"}, "2\n"},
    {{"mset", "--ttl", "1d", "a", "1"}, "OK\n"},
    {{"persist", "a"}, "true\n"},
    {{"persist", "a"}, "false\n"},
    {{"ttl", "a"}, "-1\n"},
    {{"ttl", "nope"}, "(null)\n"},
    {{"expire", "nope", "1h"}, "false\n"},
    {{"expire", "a", "1h"}, "true\n"},
    {{"expire", "a", "0"}, "true\n"},
    {{"exists", "a"}, "false\n"},
    {{"add", "sum", "0.10m"}, "0.10m\n"},
    {{"add", "sum", "0.2m"}, "0.30m\n"},
    {{"add", "float", "1.5"}, "1.5\n"},
    {{"lock", "l", "me"}, "true\n"},
    {{"lock", "l", "you", "--ttl", "5s"}, "false\n"},
    {{"get", "l"}, "\"me\"\n"},
    {{"extend", "l", "me", "--ttl", "1h"}, "true\n"},
    {{"unlock", "l", "me"}, "true\n"},
    {{"unlock", "l", "me"}, "false\n"},
    {{"extend", "l", "me"}, "false\n"},
    {{"set", "forever", "1"}, "OK\n"},
    {{"acquire", "forever", "me"}, "false\n-1\n"},
    {{"acquire", "forever", "me", "--json"}, "{\"acquired\":false,\"ttl\":-1}\n"},
    {{"scan", "for*"}, "forever\n"},
    {{"scan", "for*", "--json", "--count", "1"}, "\"forever\"\n"},
    {{"flush"}, "8\n"},
    {{"flush"}, "0\n"},
    {{"scan"}, ""},
    {{"export"}, ""},
    {{"lastsave"}, "never\n"},
    {{"LASTSAVE", "--json"}, "{\"time\":null,\"ms\":0}\n"},
};

TEST(Commands, AnswerAsTheReadmeSays) {
  const test::ServerProcess server;
  for (const Step& step : kSteps) {
    EXPECT_EQ(output_of(server.port(), step.arguments), step.out) << testing::PrintToString(step.arguments);
  }
}

TEST(Commands, EachHasAStepOrATestOfItsOwn) {
  std::set<std::string> tried{"info", "snapshot"};
  for (const Step& step : kSteps) tried.insert(step.arguments.begin(), step.arguments.end());
  for (const CommandRow& row : commands()) EXPECT_TRUE(tried.contains(std::string(row.name))) << row.name;
}

// The same bytes, names and fields as in the server's own table; so a new command of the server is missed here.
// What has several calls, each a command of its own here, has its own tests.
TEST(Commands, AreThoseOfTheServer) {
  // Files of their own in tools/kv-cli.
  const std::set<std::string> kOnTheirOwn{"AUTH",   "ACL",  "CLIENT",  "CONFIG", "LATENCY",
                                          "MEMORY", "KEYS", "MONITOR", "SLOWLOG"};
  std::size_t index = 0;
  const boost::json::value table = boost::json::parse(test::run_server({"--print-commands"}).out);
  for (const auto& command : table.as_array()) {
    if (kOnTheirOwn.contains(std::string(command.at("name").as_string()))) continue;
    ASSERT_LT(index, commands().size());
    const CommandRow& row = commands()[index++];
    std::string name(row.name);
    std::ranges::transform(name, name.begin(), [](char c) { return static_cast<char>(std::toupper(c)); });
    boost::json::array fields;
    for (const protocol::Field field : row.shape.fields) {
      if (field != protocol::Field::kEnd) fields.emplace_back(protocol::field_name(field));
    }
    EXPECT_EQ(command.at("byte").to_number<int>(), static_cast<int>(row.byte));
    EXPECT_EQ(command.at("name").as_string(), name);
    EXPECT_EQ(command.at("fields").as_array(), fields) << name;
  }
  EXPECT_EQ(index, commands().size());
}

TEST(Commands, InfoIsIndentedForPeople) {
  const test::ServerProcess server;
  EXPECT_THAT(output_of(server.port(), {"info"}), HasSubstr("\n  \"shards\": 256,\n"));
  EXPECT_THAT(output_of(server.port(), {"info", "keyspace"}), HasSubstr("\n  \"entries\": 0"));
  EXPECT_THAT(output_of(server.port(), {"info", "--json"}), HasSubstr("\"shards\":256"));
}

// Words that CLI11 would take for something else: lists, flags, names of commands.
TEST(Commands, TakeAnyWordAsAnOperand) {
  const test::ServerProcess server;
  const std::pair<std::string, std::string> kWords[] = {
      {"[1]", "[1, 2]"}, {"[]", "[]"},   {"{}", "{}"},        {"get", "null"},   {"++", "-inf"},
      {"%%", "-.5"},     {"-1", "-1"},   {"-5", "-1.5"},      {"\x01", "1"},     {"a=b", "true"},
      {"東京", "1m"},    {"a b", "nan"}, {"import", "false"}, {"\x01[", "0x00"}, {"help", "{\"a\": [1]}"},
  };
  Arguments mset{"mset"};
  Arguments mget{"mget"};
  std::string expected;
  for (const auto& [key, value] : kWords) {
    EXPECT_EQ(output_of(server.port(), {"set", key, value}), "OK\n") << key;
    EXPECT_EQ(output_of(server.port(), {"get", key}), (value == "-.5" ? "-0.5" : value) + "\n") << key;
    mset.insert(mset.end(), {key, value});
    mget.push_back(key);
    expected += (value == "-.5" ? "-0.5" : value) + "\n";
  }
  EXPECT_EQ(output_of(server.port(), {"flush"}), std::to_string(std::size(kWords)) + "\n");
  EXPECT_EQ(output_of(server.port(), mset), "OK\n");
  EXPECT_EQ(output_of(server.port(), mget), expected);
  EXPECT_EQ(output_of(server.port(), {"set", "--", "--ttl", "1"}), "OK\n");
  EXPECT_EQ(output_of(server.port(), {"get", "--", "--ttl"}), "1\n");
}

TEST(Commands, TextNeedsNoQuotesWithTheFlag) {
  const test::ServerProcess server;
  for (const std::string text : {"hello", "42", "", "say \"hi\"\\", "[1]", "null", "東京"}) {
    EXPECT_EQ(output_of(server.port(), {"set", "k", text, "--text"}), "OK\n");
    EXPECT_EQ(output_of(server.port(), {"type", "k"}), "String\n");
    EXPECT_EQ(output_of(server.port(), {"cas", "k", text, "--text", text}), "true\n") << text;
  }
  EXPECT_EQ(output_of(server.port(), {"mset", "a", "x", "b", "1", "--text"}), "OK\n");
  EXPECT_EQ(output_of(server.port(), {"mget", "a", "b"}), "\"x\"\n\"1\"\n");
}

TEST(Commands, AKeyThatPrintsInQuotesIsReadSo) {
  const test::ServerProcess server;
  for (const std::string key : {R"("a\nb")", R"("\u0000")", R"("\"")", R"("tab\t東京")"}) {
    EXPECT_EQ(output_of(server.port(), {"flush"}).back(), '\n');
    EXPECT_EQ(output_of(server.port(), {"set", key, "1"}), "OK\n");
    EXPECT_EQ(output_of(server.port(), {"scan"}), key + "\n");
    EXPECT_EQ(output_of(server.port(), {"del", key}), "true\n");
  }
}

TEST(Commands, ATtlRunsDown) {
  const test::ServerProcess server;
  EXPECT_EQ(output_of(server.port(), {"set", "k", "1", "--ttl", "2h"}), "OK\n");
  const long left = std::stol(output_of(server.port(), {"ttl", "k"}));
  EXPECT_GT(left, 7'000'000);
  EXPECT_LE(left, 7'200'000);
}

TEST(Commands, ScanWalksTheWholeKeyspace) {
  const test::ServerProcess server;
  std::string records;
  for (int i = 0; i < 5'000; ++i) records += "{\"id\": " + std::to_string(i) + "}\n";
  EXPECT_EQ(output_of(server.port(), {"import", "-", "--prefix", "key:"}, records), "5000 records were stored\n");
  for (const char* count : {"1000", "100", "3"}) {
    const std::string out = output_of(server.port(), {"scan", "--count", count});
    std::set<std::string> keys;
    for (std::size_t at = 0, end; (end = out.find('\n', at)) != std::string::npos; at = end + 1) {
      keys.insert(out.substr(at, end - at));
    }
    EXPECT_EQ(keys.size(), 5'000U);
    EXPECT_TRUE(keys.contains("key:0") && keys.contains("key:4999"));
  }
}

// The wait for a lock is not counted as the server's silence.
TEST(Commands, AcquireWaitsLongerThanTheTimeout) {
  const test::ServerProcess server;
  EXPECT_EQ(output_of(server.port(), {"lock", "l", "me", "--ttl", "600ms"}), "true\n");
  EXPECT_THAT(output_of(server.port(), {"--timeout", "100ms", "acquire", "l", "you", "--wait", "50s"}),
              MatchesRegex("true\n[0-9]+\n"));
  EXPECT_EQ(output_of(server.port(), {"get", "l"}), "\"you\"\n");
}

TEST(Commands, HelpAndVersionNeedNoServer) {
  const std::string help = output_of(1, {"--help"});
  for (const CommandRow& row : commands()) EXPECT_THAT(help, HasSubstr("\n  " + std::string(row.name) + " "));
  EXPECT_THAT(help, HasSubstr("Exit codes"));
  EXPECT_THAT(output_of(1, {"set", "--help"}), HasSubstr("KEY VALUE"));
  EXPECT_THAT(output_of(1, {"--version"}), HasSubstr("kv-cli "));
}

}  // namespace
}  // namespace kv::cli
