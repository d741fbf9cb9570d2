// Signals: how the server ends, and how it opens its log anew.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include "integration/server_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr Exit kClean{0, 0};
// The server promises 5 s; a sanitizer and whatever else the machine does add to it.
constexpr seconds kShutdownMax{15};

class EndingSignal : public ServerTest, public ::testing::WithParamInterface<int> {};

TEST_P(EndingSignal, EndsAServerThatHasNothingToDo) {
  client_.close();
  const auto before = steady_clock::now();
  server_.signal(GetParam());
  EXPECT_EQ(server_.wait_exit(), kClean);
  EXPECT_LT(steady_clock::now() - before, kShutdownMax);
}

TEST_P(EndingSignal, WhatWasReceivedIsAnsweredFirst) {
  constexpr int kCount = 1'000;
  std::string requests;
  for (int i = 0; i < kCount; ++i) requests += incr("k");
  client_.send(requests);
  EXPECT_EQ(client_.receive(), ok_i64(1));  // so all of them have arrived: they were sent as one
  server_.signal(GetParam());
  for (int i = 2; i <= kCount; ++i) ASSERT_EQ(client_.receive(), ok_i64(i));
  EXPECT_EQ(client_.receive_until_eof(), "") << "the end is orderly";
  client_.close();
  EXPECT_EQ(server_.wait_exit(), kClean);
}

TEST_P(EndingSignal, AnAnswerOnItsWayArrivesWhole) {
  const std::string payload(32 << 20, 'p');
  client_.send(ping(payload));
  // The client reads nothing until the server, which can't have sent all of it, has been told to end.
  ASSERT_TRUE(eventually([&] { return !client_.is_quiet(); }));
  server_.signal(GetParam());
  EXPECT_EQ(client_.receive(), ok(payload));
  EXPECT_EQ(client_.receive_until_eof(), "");
  client_.close();
  EXPECT_EQ(server_.wait_exit(), kClean);
}

TEST_P(EndingSignal, NothingIsAcceptedAnyMore) {
  const std::uint16_t port = server_.port();
  EXPECT_EQ(call(ping()), ok("PONG"));  // this one has been accepted
  server_.signal(GetParam());
  EXPECT_EQ(client_.receive_until_eof(), "");
  EXPECT_ANY_THROW({
    RawClient late(port);
    late.call(ping());
  });
  client_.close();
  EXPECT_EQ(server_.wait_exit(), kClean);
}

TEST_P(EndingSignal, APeerThatNeverReadsAndNeverClosesDoesNotHoldItUp) {
  client_.send(ping(std::string(32 << 20, 'p')));
  ASSERT_TRUE(eventually([&] { return !client_.is_quiet(); }));
  RawClient half_a_frame = connect();
  half_a_frame.send(ping() + header(0x02, 1'000));
  EXPECT_EQ(half_a_frame.receive(), ok("PONG"));
  const auto before = steady_clock::now();
  server_.signal(GetParam());
  EXPECT_EQ(server_.wait_exit(), kClean);
  EXPECT_LT(steady_clock::now() - before, kShutdownMax);
}

TEST_P(EndingSignal, RequestsThatTakeSecondsDoNotHoldItUp) {
  call(set(std::string(65'000, 'a'), encode_int(1)));
  // A thousand million steps each.
  const std::string slow = scan(0, 0, "*" + std::string(32'500, 'a') + "b");
  RawClient other = connect();
  for (RawClient* client : {&client_, &other}) {
    for (int i = 0; i < 50; ++i) client->send(slow);
  }
  RawClient watcher = connect();
  EXPECT_EQ(watcher.call(ping()), ok("PONG"));
  const auto before = steady_clock::now();
  server_.signal(GetParam());
  EXPECT_EQ(server_.wait_exit(), kClean);
  EXPECT_LT(steady_clock::now() - before, kShutdownMax);
}

TEST_P(EndingSignal, ASecondOneEndsItAtOnce) {
  client_.send(ping(std::string(32 << 20, 'p')));  // never read, so a clean end takes as long as it may
  ASSERT_TRUE(eventually([&] { return !client_.is_quiet(); }));
  RawClient idle = connect();
  EXPECT_EQ(idle.call(ping()), ok("PONG"));
  server_.signal(GetParam());
  EXPECT_EQ(idle.receive_until_eof(), "") << "it has begun to end";
  EXPECT_TRUE(server_.running());
  server_.signal(GetParam());
  EXPECT_EQ(server_.wait_exit(), (Exit{-1, GetParam()})) << "not a clean end, which would have waited for 4 s";
}

INSTANTIATE_TEST_SUITE_P(, EndingSignal, ::testing::Values(SIGTERM, SIGINT),
                         [](const auto& signal) { return signal.param == SIGTERM ? "Sigterm" : "Sigint"; });

class LogFile : public ::testing::Test {
 protected:
  LogFile() { std::filesystem::create_directory(folder_); }
  ~LogFile() override { std::filesystem::remove_all(folder_); }

  static std::string read(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("kv-signals-test-" + std::to_string(getpid()));
  const std::filesystem::path file_ = folder_ / "server.log";
};

TEST_F(LogFile, SighupOpensItAnew) {
  ServerProcess server({"--log-file", file_.string()});
  RawClient client(server);
  const std::filesystem::path rotated = folder_ / "server.log.1";
  std::filesystem::rename(file_, rotated);
  server.signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return std::filesystem::exists(file_); }));
  EXPECT_EQ(client.call(ping()), ok("PONG"));
  client.close();
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait_exit(), kClean);
  EXPECT_NE(read(rotated).find("listening on"), std::string::npos);
  EXPECT_EQ(read(file_).find("listening on"), std::string::npos);
  EXPECT_FALSE(read(file_).empty()) << "the end of the server is logged there";
}

TEST_F(LogFile, WithoutASighupItStaysTheFileThatItWas) {
  ServerProcess server({"--log-file", file_.string()});
  const std::filesystem::path rotated = folder_ / "server.log.1";
  std::filesystem::rename(file_, rotated);
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait_exit(), kClean);
  EXPECT_FALSE(std::filesystem::exists(file_));
}

using Sighup = ServerTest;

TEST_F(Sighup, DoesNothingElse) {
  call(set("k", encode_int(1)));
  for (int i = 0; i < 10; ++i) {
    server_.signal(SIGHUP);
    EXPECT_EQ(call(get("k")), ok(encode_int(1)));
  }
  EXPECT_TRUE(server_.running());
}

TEST_F(Sighup, APeerThatVanishesRaisesNoSigpipe) {
  call(set("k", encode_bytes(std::string(1 << 20, 'v'))));
  for (int i = 0; i < 20; ++i) {
    RawClient peer = connect();
    peer.send(get("k") + get("k") + get("k"));
    peer.close();
  }
  EXPECT_EQ(call(ping()), ok("PONG"));
  EXPECT_TRUE(server_.running());
}

}  // namespace
}  // namespace kv::test
