#include "kv/observability/log.hpp"

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/base/limits.hpp"

namespace kv::log {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::MatchesRegex;

constexpr const char* kTime = "20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]\\.[0-9]{3}Z";
constexpr std::size_t kTimeBytes = 24;

class Log : public testing::Test {
 protected:
  Log() {
    std::string name = (std::filesystem::temp_directory_path() / "kv_log_test.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = name;
  }
  ~Log() override {
    stop();
    std::filesystem::remove_all(folder_);
  }

  std::string path(const std::string& name) const { return folder_ / name; }

  void start_in(const std::string& name, Level level = Level::kInfo, Format format = Format::kText) {
    const Result<void> started = start({.level = level, .format = format, .file = path(name)});
    ASSERT_TRUE(started.has_value()) << started.error().message;
  }

  std::vector<std::string> lines(const std::string& name) const {
    std::ifstream in(path(name));
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  // The lines without the time and the blank after it.
  std::vector<std::string> bodies(const std::string& name) const {
    std::vector<std::string> all = lines(name);
    for (std::string& line : all) line.erase(0, kTimeBytes + 1);
    return all;
  }
  void wait_for_lines(const std::string& name, std::size_t count) const {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (lines(name).size() < count && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
    ASSERT_EQ(lines(name).size(), count);
  }

  std::filesystem::path folder_;
};

TEST_F(Log, TextLinesHaveTimeLevelMessageAndFields) {
  start_in("log");
  info("listening", {{"address", "127.0.0.1:6380"}, {"threads", 2}, {"reused", false}});
  error("lost", {{"bytes", std::uint64_t{18'446'744'073'709'551'615U}}, {"offset", -1}});
  stop();
  const std::vector<std::string> all = lines("log");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_THAT(all[0],
              MatchesRegex(std::string(kTime) + " info  listening address=127.0.0.1:6380 threads=2 reused=false"));
  EXPECT_THAT(all[1], MatchesRegex(std::string(kTime) + " error lost bytes=18446744073709551615 offset=-1"));
}

TEST_F(Log, TextFieldsAreQuotedWhereTheyWouldBeUnclear) {
  start_in("log");
  info("m", {{"a", ""}, {"b", "two words"}, {"c", "x=y"}, {"d", "say \"hi\""}, {"e", "\n"}, {"f", std::string("é")}});
  stop();
  EXPECT_THAT(bodies("log"), ElementsAre(R"(info  m a="" b="two words" c="x=y" d="say \"hi\"" e="\n" f=é)"));
}

TEST_F(Log, JsonLinesAreOneObjectEach) {
  start_in("log", Level::kInfo, Format::kJson);
  warn("a \"message\"\nhere", {{"key", "k\x1b\"\xff"}, {"n", std::int64_t{-5}}, {"yes", true}});
  stop();
  const std::vector<std::string> all = lines("log");
  ASSERT_EQ(all.size(), 1U);
  const boost::json::object line = boost::json::parse(all[0]).as_object();
  EXPECT_EQ(line.size(), 6U);
  EXPECT_THAT(std::string(line.at("time").as_string()), MatchesRegex(kTime));
  EXPECT_EQ(line.at("level").as_string(), "warn");
  EXPECT_EQ(line.at("message").as_string(), "a \"message\"\nhere");
  EXPECT_EQ(line.at("key").as_string(), "k\x1b\"\ufffd");
  EXPECT_EQ(line.at("n").as_int64(), -5);
  EXPECT_EQ(line.at("yes").as_bool(), true);
}

TEST_F(Log, APeersBytesCantForgeALine) {
  start_in("log");
  const std::string forged = "x\n2026-01-31T12:00:00.123Z error all is lost";
  info("got " + forged, {{"key", forged}});
  stop();
  EXPECT_EQ(lines("log").size(), 1U);
}

TEST_F(Log, LongTextIsCut) {
  for (const Format format : {Format::kText, Format::kJson}) {
    const std::string name(kFormatNames[static_cast<std::size_t>(format)]);
    start_in(name, Level::kInfo, format);
    const std::string text(65'535, 'k');
    info(text, {{"key", text}});
    stop();
    const std::vector<std::string> all = lines(name);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_LT(all[0].size(), 2 * kLogTextBytesMax + 200);
    EXPECT_NE(all[0].find("…(+64511 bytes)"), std::string::npos);
  }
}

TEST_F(Log, EachLevelLetsItselfAndWhatIsWorseThrough) {
  for (std::size_t index = 0; index < kLevelNames.size(); ++index) {
    const std::string name(kLevelNames[index]);
    start_in(name, static_cast<Level>(index));
    trace("m");
    debug("m");
    info("m");
    warn("m");
    error("m");
    stop();
    std::vector<std::string> expected{"trace m", "debug m", "info  m", "warn  m", "error m"};
    expected.erase(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(index));
    EXPECT_EQ(bodies(name), expected);
  }
}

TEST_F(Log, ANoteIsWrittenAtEveryLevelButOff) {
  for (std::size_t index = 0; index < kLevelNames.size(); ++index) {
    const std::string name(kLevelNames[index]);
    start_in(name, static_cast<Level>(index));
    note("m", {{"n", 1}});
    stop();
    const auto expected = name == "off" ? std::vector<std::string>{} : std::vector<std::string>{"info  m n=1"};
    EXPECT_EQ(bodies(name), expected);
  }
}

TEST_F(Log, TheLevelCanChangeWhileRunning) {
  start_in("log", Level::kError);
  EXPECT_FALSE(enabled(Level::kInfo));
  info("before");
  set_level(Level::kInfo);
  EXPECT_TRUE(enabled(Level::kInfo));
  info("after");
  stop();
  EXPECT_THAT(bodies("log"), ElementsAre("info  after"));
}

TEST_F(Log, NothingIsLoggedUnlessItRuns) {
  EXPECT_FALSE(enabled(Level::kError));
  error("before the start");
  reopen();
  start_in("log");
  stop();
  stop();
  error("after the end");
  reopen();
  EXPECT_TRUE(lines("log").empty());
}

TEST_F(Log, GoesToStderrWhenNoFileIsNamed) {
  const int real_stderr = ::dup(STDERR_FILENO);
  const int file = ::open(path("stderr").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ::dup2(file, STDERR_FILENO);
  const bool started = start({}).has_value();
  info("hello");
  reopen();
  info("still there");
  stop();
  ::dup2(real_stderr, STDERR_FILENO);
  ::close(real_stderr);
  ::close(file);
  EXPECT_TRUE(started);
  EXPECT_THAT(bodies("stderr"), ElementsAre("info  hello", "info  still there"));
}

TEST_F(Log, AppendsToAFileThatIsThere) {
  std::ofstream(path("log")) << "old\n";
  start_in("log");
  info("new");
  stop();
  EXPECT_EQ(lines("log").size(), 2U);
  EXPECT_EQ(lines("log").front(), "old");
}

TEST_F(Log, AFileThatCantBeOpenedIsAnError) {
  const std::string nowhere = path("no/such/folder/log");
  const Result<void> missing = start({.file = nowhere});
  ASSERT_TRUE(missing.has_error());
  EXPECT_EQ(missing.error().message, "can't open log file " + nowhere + ": No such file or directory");
  const Result<void> folder = start({.file = folder_.string()});
  ASSERT_TRUE(folder.has_error());
  EXPECT_EQ(folder.error().message, "can't open log file " + folder_.string() + ": Is a directory");
  EXPECT_FALSE(enabled(Level::kError));
}

TEST_F(Log, ReopenFollowsTheNameWithoutANewLine) {
  start_in("log");
  info("first");
  wait_for_lines("log", 1);
  std::filesystem::rename(path("log"), path("log.1"));
  reopen();
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (!std::filesystem::exists(path("log")) && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(1ms);
  }
  info("second");
  stop();
  EXPECT_THAT(bodies("log.1"), ElementsAre("info  first"));
  EXPECT_THAT(bodies("log"), ElementsAre("info  second"));
}

TEST_F(Log, AFailedReopenKeepsTheOldFileAndSaysSo) {
  std::filesystem::create_directory(path("sub"));
  start_in("sub/log");
  std::filesystem::rename(path("sub"), path("moved"));
  reopen();
  info("still here");
  stop();
  const std::vector<std::string> all = bodies("moved/log");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0],
            "warn  can't reopen the log file file=" + path("sub/log") + " reason=\"No such file or directory\"");
  EXPECT_EQ(all[1], "info  still here");
}

TEST_F(Log, ManyThreadsWriteWholeLinesWhileTheFileIsReopened) {
  constexpr int kThreads = 4;
  constexpr int kLinesPerThread = 50;  // all of them fit the queue
  static_assert(kThreads * kLinesPerThread < static_cast<int>(kLogQueueLinesMax) / 2);
  const std::uint64_t dropped_before = dropped_messages();
  start_in("log");
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([thread] {
      for (int line = 0; line < kLinesPerThread; ++line) info("m", {{"id", thread * kLinesPerThread + line}});
    });
  }
  for (int round = 0; round < 20; ++round) {
    std::error_code ignored;  // the file isn't there when the log's thread hasn't come to the last reopen() yet
    std::filesystem::rename(path("log"), path("log." + std::to_string(round)), ignored);
    reopen();
  }
  for (std::thread& thread : threads) thread.join();
  stop();
  EXPECT_EQ(dropped_messages(), dropped_before);

  std::multiset<std::string> seen;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    for (const std::string& line : bodies(entry.path().filename())) seen.insert(line);
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kThreads * kLinesPerThread));
  for (int id = 0; id < kThreads * kLinesPerThread; ++id) {
    ASSERT_EQ(seen.count("info  m id=" + std::to_string(id)), 1U) << id;
  }
}

// A FIFO stands in for a disk that is stuck, or a terminal that was stopped.
class LogIntoFifo : public Log {
 protected:
  LogIntoFifo() {
    if (::mkfifo(path("fifo").c_str(), 0600) != 0) throw std::runtime_error("no FIFO");
    reader_ = ::open(path("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  }
  ~LogIntoFifo() override { close_reader(); }

  void close_reader() {
    if (reader_ >= 0) ::close(std::exchange(reader_, -1));
  }
  // Returns what can be read now.
  std::string drain() const {
    std::string all;
    char buffer[4096];
    for (ssize_t got; (got = ::read(reader_, buffer, sizeof buffer)) > 0;) all.append(buffer, got);
    return all;
  }

  int reader_ = -1;
};

TEST_F(LogIntoFifo, AReaderThatStandsStillCostsOldLinesButNoTime) {
  constexpr std::uint64_t kLines = 100'000;
  const std::uint64_t dropped_before = dropped_messages();
  start_in("fifo");
  for (std::uint64_t line = 0; line < kLines; ++line) info("m", {{"id", line}});  // would never end if it waited
  const std::uint64_t dropped = dropped_messages() - dropped_before;
  EXPECT_GT(dropped, kLines / 2);
  EXPECT_LT(dropped, kLines);

  const auto begin = std::chrono::steady_clock::now();
  stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kLogStopMax + 15s);
  EXPECT_GT(dropped_messages() - dropped_before, dropped);
}

TEST_F(LogIntoFifo, TellsHowManyLinesAreMissingOnceItCanWriteAgain) {
  start_in("fifo");
  for (int line = 0; line < 20'000; ++line) info("m", {{"id", line}});
  std::string all;
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (all.find("id=19999\n") == all.npos && std::chrono::steady_clock::now() < deadline) all += drain();
  EXPECT_NE(all.find("id=19999\n"), all.npos);
  EXPECT_NE(all.find("log lines dropped, the queue was full lines="), all.npos);
}

TEST_F(LogIntoFifo, AReaderThatWentAwayCostsLinesOnly) {
  const std::uint64_t dropped_before = dropped_messages();
  start_in("fifo");
  close_reader();
  info("into the void");
  stop();
  EXPECT_EQ(dropped_messages() - dropped_before, 1U);
}

TEST_F(LogIntoFifo, NobodyToReadItIsAnErrorNotAWait) {
  close_reader();
  const Result<void> started = start({.file = path("fifo")});
  ASSERT_TRUE(started.has_error());
  EXPECT_EQ(started.error().message, "can't open log file " + path("fifo") + ": No such device or address");
}

}  // namespace
}  // namespace kv::log
