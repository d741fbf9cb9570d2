// stat: what a line says, and that it comes.
#include "kv-cli/stat.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/process/server_process.hpp"
#include "tools/kv_cli/cli_process.hpp"

namespace kv::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> words(const std::string& line) {
  std::istringstream text(line);
  return {std::istream_iterator<std::string>(text), {}};
}
std::size_t lines_in(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

const Totals kBefore{.commands = 1'000, .hits = 10, .misses = 10, .bytes_received = 1'000, .bytes_sent = 0};
const Totals kAfter{.commands = 3'000,
                    .hits = 40,
                    .misses = 20,
                    .errors = 4,
                    .expired = 6,
                    .evicted = 8,
                    .bytes_received = 5'096,
                    .bytes_sent = 3 << 20,
                    .keys = 12'345,
                    .connections = 7,
                    .resident_bytes = 64 << 20};

TEST(Stat, ALineHasRatesAndWhatIsNow) {
  EXPECT_THAT(words(stat_line(kBefore, kAfter, 2s, OutputForm::kText)),
              ElementsAre("1000", "75.0%", "12345", "64.0M", "7", "2.0K", "1.5M", "2", "3", "4"));
  EXPECT_EQ(words(stat_head()).size(), 10U);
  EXPECT_EQ(stat_line(kBefore, kAfter, 2s, OutputForm::kText).size(), stat_head().size());
}

TEST(Stat, WithoutReadsThereIsNoShareOfHits) {
  EXPECT_EQ(words(stat_line(kAfter, kAfter, 1s, OutputForm::kText))[1], "-");
  EXPECT_TRUE(json::parse(stat_line(kAfter, kAfter, 1s, OutputForm::kJson)).at("hit_percent").is_null());
}

TEST(Stat, AServerThatWasStartedAnewCountsFromNothing) {
  EXPECT_EQ(words(stat_line(kAfter, kBefore, 1s, OutputForm::kText))[0], "1000");
  EXPECT_EQ(words(stat_line(kAfter, Totals{}, 0s, OutputForm::kText))[0], "0");
}

TEST(Stat, ALineOfJsonHasTheSame) {
  const json::value line = json::parse(stat_line(kBefore, kAfter, 2s, OutputForm::kJson));
  EXPECT_EQ(line.at("ops_per_s"), 1'000.0);
  EXPECT_EQ(line.at("hit_percent"), 75.0);
  EXPECT_EQ(line.at("keys"), 12'345);
  EXPECT_EQ(line.at("evicted_per_s"), 4.0);
}

TEST(Stat, WhatIsNotInfoIsNone) {
  for (const char* document : {"", "{}", R"({"stats": {}})", "[1]"}) EXPECT_FALSE(read_totals(document)) << document;
}

// Of the real server, so that it is seen that INFO has all that is read.
TEST(Stat, PrintsSoManyLinesAndAHeadForEachTwenty) {
  const test::ServerProcess server;
  EXPECT_EQ(output_of(server.port(), {"set", "k", "1"}), "OK\n");
  const std::string text = output_of(server.port(), {"stat", "--interval", "1ms", "--count", "41"});
  EXPECT_EQ(lines_in(text), 41U + 3);
  EXPECT_TRUE(text.starts_with(stat_head()));
  EXPECT_THAT(text, HasSubstr(" 1 "));
  const std::string lines = output_of(server.port(), {"stat", "--interval", "1ms", "--count", "3", "--json"});
  EXPECT_EQ(lines_in(lines), 3U);
  EXPECT_EQ(json::parse(lines.substr(0, lines.find('\n'))).at("keys"), 1);
}

TEST(Stat, WhatIsWrongIsSaidBeforeAnythingIsSent) {
  for (const Arguments& arguments : {Arguments{"stat", "--interval", "0"}, Arguments{"stat", "--interval", "5"},
                                     Arguments{"stat", "--count", "0"}, Arguments{"stat", "now"}}) {
    EXPECT_EQ(run_cli(1, arguments).exit_code, 2) << testing::PrintToString(arguments);
  }
}

}  // namespace
}  // namespace kv::cli
