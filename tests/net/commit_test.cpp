// Replies that wait for the log.
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "kv/net/commit_gate.hpp"

#include "net/test_network.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

// A log that is as safe as the test says.
class TestGate final : public net::CommitGate {
 public:
  State state(Lsn lsn) const override {
    if (number(lsn) <= passed_.load()) return State::kPassed;
    return failed_.load() ? State::kFailed : State::kPending;
  }
  bool has_room() const override { return has_room_.load(); }
  void hurry() override { ++hurries; }
  void add_listener(std::function<void()> changed) override { listeners_.push_back(std::move(changed)); }

  void pass(std::uint64_t lsn) {
    passed_ = lsn;
    tell();
  }
  void fail() {
    failed_ = true;
    tell();
  }
  void set_room(bool has_room) {
    has_room_ = has_room;
    tell();
  }
  std::atomic<int> hurries{0};

 private:
  void tell() {
    for (const auto& listener : listeners_) listener();
  }

  std::atomic<std::uint64_t> passed_{0};
  std::atomic<bool> failed_{false};
  std::atomic<bool> has_room_{true};
  std::vector<std::function<void()>> listeners_;
};

class CommitTest : public NetworkTest {
 protected:
  CommitTest() { commit_gate = &gate; }
  ~CommitTest() override { network.reset(); }

  void expect_silence(RawClient& client, RawClient& other) {
    pass_time_on_the_io_thread(other);
    EXPECT_TRUE(client.is_quiet());
  }

  TestGate gate;
};

TEST_F(CommitTest, AReplyLeavesOnceItsRecordIsSafe) {
  start();
  RawClient client = connect();
  RawClient other = connect();
  client.send(depend_on(5));
  EXPECT_TRUE(eventually([&] { return gate.hurries > 0; }));
  gate.pass(4);
  expect_silence(client, other);
  gate.pass(5);
  EXPECT_EQ(client.receive(), ok(u32(5)));
}

TEST_F(CommitTest, WhatIsSafeAlreadyDoesNotWait) {
  start();
  gate.pass(9);
  RawClient client = connect();
  EXPECT_EQ(client.call(depend_on(9)), ok(u32(9)));
  EXPECT_EQ(gate.hurries, 0);
}

TEST_F(CommitTest, RepliesOfABatchWaitForItsLastRecordTogether) {
  start();
  RawClient client = connect();
  RawClient other = connect();
  client.send(echo("first") + depend_on(3) + depend_on(2) + echo("last"));
  gate.pass(2);
  expect_silence(client, other);
  gate.pass(3);
  for (const std::string& payload : {std::string("first"), u32(3), u32(2), std::string("last")}) {
    EXPECT_EQ(client.receive(), ok(payload));
  }
}

TEST_F(CommitTest, EachOfManySessionsGoesOnWhenItsOwnRecordIsSafe) {
  constexpr std::uint32_t kSessions = 40;
  options.threads = 2;
  start();
  std::vector<RawClient> clients;
  for (std::uint32_t i = 0; i < kSessions; ++i) clients.push_back(connect());
  // In an order of their own: a later record may be waited for by an earlier session.
  for (std::uint32_t i = 0; i < kSessions; ++i) clients[i].send(depend_on(1 + i * 7 % kSessions));
  for (std::uint32_t lsn = 1; lsn <= kSessions; ++lsn) {
    gate.pass(lsn);
    for (std::uint32_t i = 0; i < kSessions; ++i) {
      if (1 + i * 7 % kSessions != lsn) continue;
      EXPECT_EQ(clients[i].receive(), ok(u32(lsn)));
    }
  }
}

TEST_F(CommitTest, AConnectionWhoseRecordIsLostClosesWithoutAnAnswer) {
  start();
  RawClient lost = connect();
  RawClient safe = connect();
  gate.pass(1);
  lost.send(echo("before") + depend_on(2));
  EXPECT_TRUE(eventually([&] { return gate.hurries > 0; }));
  gate.fail();
  EXPECT_EQ(lost.receive_until_eof(), "");
  EXPECT_EQ(safe.call(depend_on(1)), ok(u32(1)));
}

TEST_F(CommitTest, WhatMayWriteWaitsForRoomAndWhatOnlyReadsDoesNot) {
  start();
  gate.set_room(false);
  RawClient writer = connect();
  RawClient reader = connect();
  writer.send(echo("read") + write_echo("write") + echo("after"));
  EXPECT_EQ(writer.receive(), ok("read"));
  EXPECT_EQ(reader.call(echo("read")), ok("read"));
  expect_silence(writer, reader);
  gate.set_room(true);
  EXPECT_EQ(writer.receive(), ok("write"));
  EXPECT_EQ(writer.receive(), ok("after"));
}

TEST_F(CommitTest, APendingReplyThatIsLostIsUndeliverable) {
  start();
  handler.depend_pending_on(Lsn{6});
  RawClient client = connect();
  client.send(wait_for(60'000, "name"));
  const auto record = handler.pending("name");
  record->wake();
  EXPECT_TRUE(eventually([&] { return record->has("complete") && gate.hurries > 0; }));
  gate.fail();
  EXPECT_EQ(client.receive_until_eof(), "");
  EXPECT_TRUE(eventually([&] { return record->has("undeliverable"); }));
}

TEST_F(CommitTest, ShutDownAnswersWhatBecomesSafeInTime) {
  start();
  RawClient client = connect();
  client.send(depend_on(5));
  EXPECT_TRUE(eventually([&] { return gate.hurries > 0; }));
  std::thread stopping([&] { EXPECT_TRUE(network->stop()); });
  gate.pass(5);
  EXPECT_EQ(client.receive(), ok(u32(5)));
  EXPECT_EQ(client.receive_until_eof(), "");
  stopping.join();
}

TEST_F(CommitTest, ShutDownCutsOffWhatNeverBecomesSafe) {
  start();
  RawClient waits_for_log = connect();
  RawClient waits_for_room = connect();
  gate.set_room(false);
  waits_for_log.send(depend_on(5));
  waits_for_room.send(write_echo("x"));
  RawClient other = connect();
  pass_time_on_the_io_thread(other);
  EXPECT_TRUE(network->stop());
  EXPECT_EQ(waits_for_log.receive_until_eof(), "");
  EXPECT_EQ(waits_for_room.receive_until_eof(), "");
}

}  // namespace
}  // namespace kv::test
