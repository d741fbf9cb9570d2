// config, memory and bigkeys against the real server, and what is wrong with a command line.
#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/base/limits.hpp"

#include "kv-cli/monitor.hpp"
#include "kv-cli/table.hpp"
#include "support/process/raw_client.hpp"
#include "support/process/requests.hpp"
#include "support/process/server_process.hpp"
#include "tools/kv_cli/cli_process.hpp"

namespace kv::cli {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

TEST(Admin, ConfigPrintsSettingsAndChangesThem) {
  const test::ServerProcess server;
  EXPECT_EQ(output_of(server.port(), {"config", "get", "idle-*"}),
            "SETTING       CHANGES  VALUE\nidle-timeout  live     off\n");
  EXPECT_EQ(output_of(server.port(), {"config", "set", "idle-timeout", "1h", "log-level", "warn"}), "OK\n");
  EXPECT_EQ(output_of(server.port(), {"config", "get", "idle-*", "--json"}),
            "{\"settings\":[{\"name\":\"idle-timeout\",\"value\":\"1h\",\"live\":true}]}\n");
  const std::string all = output_of(server.port(), {"config", "get"});
  EXPECT_THAT(all, ContainsRegex("\nshards +restart  256\n"));
  EXPECT_THAT(all, ContainsRegex("\nbind +restart  127.0.0.1:"));
  const CliRun refused = run_cli(server.port(), {"config", "set", "shards", "1"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("ARGUMENT shards can't change while the server runs"));
}

TEST(Admin, MemoryUsageIsANumberOfBytes) {
  const test::ServerProcess server;
  EXPECT_EQ(output_of(server.port(), {"set", "k", "1"}), "OK\n");
  EXPECT_GT(std::stoi(output_of(server.port(), {"memory", "usage", "k"})), 16);
  EXPECT_EQ(output_of(server.port(), {"memory", "usage", "nope"}), "(null)\n");
}

TEST(Admin, BigKeysAreATableForPeopleAndJsonForPrograms) {
  const test::ServerProcess server;
  EXPECT_EQ(output_of(server.port(), {"mset", "small", "1", "\"line\\nbreak\"", "[1, 2, 3]"}), "OK\n");
  EXPECT_EQ(output_of(server.port(), {"expire", "small", "1h"}), "true\n");
  EXPECT_THAT(
      output_of(server.port(), {"bigkeys"}),
      ContainsRegex("^BYTES  TYPE  TTL +KEY\n[0-9]+ +List +- +\"line\\\\nbreak\"\n[0-9]+ +Int +[0-9]+ms +small\n$"));
  const auto json = boost::json::parse(output_of(server.port(), {"bigkeys", "--count", "1", "--json"}));
  EXPECT_EQ(json.at("entries"), 2);
  ASSERT_EQ(json.at("keys").as_array().size(), 1U);
  EXPECT_EQ(json.at("keys").as_array()[0].at("type"), "List");
  EXPECT_THAT(output_of(server.port(), {"bigkeys", "--samples", "1"}), HasSubstr("KEY\n"));
}

TEST(Admin, HotKeysAreThoseThatComeMeanwhile) {
  const test::ServerProcess server;
  std::atomic<bool> done = false;
  std::thread busy([&] {
    test::RawClient client(server);
    while (!done) client.call(test::get("hot"));
  });
  EXPECT_THAT(output_of(server.port(), {"hotkeys", "--for", "200ms"}),
              ContainsRegex("^READS +WRITES  KEY\n[0-9]+ +0 +hot\n$"));
  const auto json = boost::json::parse(output_of(server.port(), {"hotkeys", "--for", "100ms", "--json"}));
  EXPECT_GT(json.at("requests").to_number<int>(), 0);
  done = true;
  busy.join();
}

TEST(Admin, MonitorPrintsWhatOthersAskForUntilThereIsEnough) {
  const test::ServerProcess server;
  std::atomic<bool> done = false;
  std::thread busy([&] {
    test::RawClient client(server);
    while (!done) {
      client.call(test::mset({{"one key", test::encode_int(7)}, {"two", test::encode_null()}}));
      client.call(test::get("k"));
    }
  });
  const std::string text = output_of(server.port(), {"monitor", "--count", "4"});
  const std::string json = output_of(server.port(), {"monitor", "--count", "1", "--json"});
  done = true;
  busy.join();
  EXPECT_EQ(std::ranges::count(text, '\n'), 4) << text;
  EXPECT_THAT(text, ContainsRegex("T[0-9:.]+Z [0-9]+ 127.0.0.1:[0-9]+ default MSET one key \\(2 keys\\)\n"));
  EXPECT_THAT(text, ContainsRegex("default GET k\n"));
  EXPECT_TRUE(boost::json::parse(json).at("command").is_string());
}

TEST(Admin, TheSlowLogIsATableAndCanBeEmptied) {
  const test::ServerProcess server(std::vector<std::string>{"--slowlog-us", "1"});
  // It looks at every key, which takes longer than a microsecond whatever the machine.
  std::string records;
  for (int i = 0; i < 1'000; ++i) records += "{\"id\": " + std::to_string(i) + "}\n";
  EXPECT_EQ(output_of(server.port(), {"import", "-"}, records), "1000 records were stored\n");
  EXPECT_EQ(output_of(server.port(), {"bigkeys", "--count", "1"}).substr(0, 5), "BYTES");
  EXPECT_THAT(output_of(server.port(), {"slowlog", "get", "--count", "100"}),
              ContainsRegex("^ID +TIME +US +REQUESTS +CONNECTION +ADDRESS +USER +COMMAND +KEYS +KEY\n(.*\n)*"
                            "[0-9]+ +[0-9T:.Z-]+ +[0-9]+ +1 +[0-9]+ +127.0.0.1:[0-9]+ +default +KEYS +- +-\n"));
  EXPECT_GT(std::stoi(output_of(server.port(), {"slowlog", "len"})), 0);
  EXPECT_EQ(output_of(server.port(), {"config", "set", "slowlog-us", "0"}), "OK\n");
  EXPECT_EQ(output_of(server.port(), {"slowlog", "reset"}), "OK\n");
  EXPECT_EQ(output_of(server.port(), {"slowlog", "len"}), "0\n");
}

TEST(Monitor, SaysHowManyWereDropped) {
  std::uint64_t left = 1;
  EXPECT_EQ(monitor_lines(R"({"dropped": 7, "commands": []})", left, OutputForm::kText), "(7 more were dropped)\n");
  EXPECT_EQ(monitor_lines(R"({"dropped": 7, "commands": []})", left, OutputForm::kJson), "{\"dropped\":7}\n");
  for (const char* document : {"", "{}", "[]", R"({"dropped": 0, "commands": [{}]})"}) {
    EXPECT_EQ(monitor_lines(document, left = 1, OutputForm::kText), std::nullopt) << document;
  }
}

TEST(Admin, LatencyIsATableThatCanBeginAnew) {
  const test::ServerProcess server;
  EXPECT_EQ(output_of(server.port(), {"set", "k", "1"}), "OK\n");
  EXPECT_THAT(output_of(server.port(), {"latency"}),
              ContainsRegex("^COMMAND +COUNT +P50 +P99 +P99.9 +MAX\n(.*\n)?SET +1 +[0-9]+[.][0-9][0-9] "));
  EXPECT_EQ(output_of(server.port(), {"latency", "--reset"}), "OK\n");
  const auto commands = boost::json::parse(output_of(server.port(), {"latency", "--json"})).at("commands").as_array();
  for (const auto& command : commands) EXPECT_EQ(command.at("command"), "LATENCY") << "the reset itself";
}

TEST(Admin, WhatIsWrongIsSaidBeforeAnythingIsSent) {
  for (const Arguments& arguments : {Arguments{"config"},
                                     Arguments{"config", "set"},
                                     Arguments{"config", "set", "log-level"},
                                     Arguments{"config", "get", "a", "b"},
                                     Arguments{"latency", "GET"},
                                     Arguments{"memory"},
                                     Arguments{"memory", "usage"},
                                     Arguments{"memory", "usage", ""},
                                     Arguments{"memory", "usage", "\xFF"},
                                     Arguments{"bigkeys", "5"},
                                     Arguments{"bigkeys", "--count", "0"},
                                     Arguments{"bigkeys", "--count", "1001"},
                                     Arguments{"bigkeys", "--samples", "-1"},
                                     Arguments{"hotkeys", "--for", "2m"},
                                     Arguments{"hotkeys", "--for", "5"},
                                     Arguments{"hotkeys", "--for", "0"},
                                     Arguments{"slowlog"},
                                     Arguments{"slowlog", "get", "--count", "0"},
                                     Arguments{"slowlog", "reset", "all"},
                                     Arguments{"monitor", "--count", "0"},
                                     Arguments{"monitor", "all"}}) {
    EXPECT_EQ(run_cli(1, arguments).exit_code, 2) << testing::PrintToString(arguments);
  }
}

TEST(Admin, MoreSettingsThanARequestCanCountAreNotSent) {
  Arguments arguments{"config", "set"};
  arguments.resize(2 + 2 * 65'536, "a");
  const CliRun run = run_cli(1, arguments);
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(run.err, HasSubstr("at most 65,535 settings"));
}

TEST(Table, ColumnsAreAsWideAsWhatIsInThem) {
  EXPECT_EQ(print_table(Answer::kSettings, R"({"settings": [{"name": "a", "live": false, "value": ["x", "y"]},
                                                            {"name": "long-name", "live": true, "value": "z"}]})"),
            "SETTING    CHANGES  VALUE\na          restart  x y\nlong-name  live     z");
  EXPECT_EQ(print_table(Answer::kSettings, R"({"settings": []})"), "SETTING  CHANGES  VALUE");
  EXPECT_EQ(print_table(Answer::kBigKeys, R"({"keys": [{"bytes": 24, "key": "k", "more": 1}]})"),
            "BYTES  TYPE  TTL  KEY\n24     -     -    k")
      << "what isn't there";
}

TEST(Table, AnEmptyCellShiftsNoColumn) {
  EXPECT_EQ(print_table(Answer::kSlowlog, R"({"entries": [
              {"id": 7, "time_ms": 0, "us": 9, "requests": 1, "connection": 3, "address": "", "user": "",
               "command": "KEYS", "key": "", "keys": []}]})"),
            "ID  TIME                      US  REQUESTS  CONNECTION  ADDRESS  USER  COMMAND  KEYS  KEY\n"
            "7   1970-01-01T00:00:00.000Z  9   1         3           -        -     KEYS     -     -");
}

TEST(Table, ALongKeyIsShortenedAtTheEndOfACharacter) {
  const std::string most(kShownKeyBytesMax, 'k');
  const auto expect_shown = [](const std::string& key, const std::string& shown) {
    EXPECT_EQ(print_table(Answer::kHotKeys, R"({"keys": [{"key": ")" + key + R"("}]})"),
              "READS  WRITES  KEY\n-      -       " + shown);
  };
  expect_shown(most, most);
  expect_shown(most + "more", most + "…(+4 bytes)");
  expect_shown(most.substr(2) + "€uro", most.substr(2) + "…(+6 bytes)");
  expect_shown(R"(\n)" + most, '"' + (R"(\n)" + most.substr(1)) + R"("…(+1 bytes))");
}

TEST(Table, OfManyKeysTheSlowLogHasTheFirstAndHowManyThereAre) {
  EXPECT_EQ(print_table(Answer::kSlowlog, R"({"total": 2, "entries": [
              {"id": 7, "time_ms": 0, "us": 9, "requests": 1, "connection": 3, "address": "a", "user": "u",
               "command": "MGET", "key": "first", "keys": 12},
              {"id": 6, "time_ms": 0, "us": 8, "requests": 1, "connection": 3, "address": "a", "user": "u",
               "command": "GET", "keys": 1}]})"),
            "ID  TIME                      US  REQUESTS  CONNECTION  ADDRESS  USER  COMMAND  KEYS  KEY\n"
            "7   1970-01-01T00:00:00.000Z  9   1         3           a        u     MGET     12    first\n"
            "6   1970-01-01T00:00:00.000Z  8   1         3           a        u     GET      1     -");
}

TEST(Table, WhatIsNoSuchDocumentIsNone) {
  for (const char* document : {"", "{", "[]", "{}", R"({"keys": {}})", R"({"keys": [1]})", R"({"keys": [{"key": 1}]})",
                               R"({"keys": [{"ttl_ms": "soon"}]})"}) {
    EXPECT_EQ(print_table(Answer::kBigKeys, document), std::nullopt) << document;
  }
}

}  // namespace
}  // namespace kv::cli
