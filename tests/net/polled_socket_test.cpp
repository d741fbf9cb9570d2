#include "net/polled_socket.hpp"

#include <array>
#include <cctype>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <gtest/gtest.h>

namespace kv::net {
namespace {

// What an operation completed with.
struct Outcome {
  error_code error;
  std::size_t size = 0;
};

class PolledSocketTest : public ::testing::Test {
 protected:
  // A polled socket and its peer, which is an ordinary one.
  struct Pair {
    explicit Pair(Poller& poller) {
      std::array<int, 2> ends{};
      if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) != 0) std::abort();
      socket = std::make_unique<PolledSocket>(poller, ends[0]);
      peer = ends[1];
    }
    ~Pair() { close_peer(); }
    void close_peer() {
      if (peer >= 0) ::close(std::exchange(peer, -1));
    }
    void send(const std::string& bytes) const {
      ASSERT_EQ(::send(peer, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    }
    std::unique_ptr<PolledSocket> socket;
    int peer = -1;
  };

  PolledSocketTest() { poller_.start(); }

  // Runs what is ready until nothing is. Fails where that never comes.
  void run() {
    int handlers = 0;
    while (io_.poll_one() != 0) ASSERT_LT(++handlers, 1'000) << "it goes round and round";
  }

  void read(PolledSocket& socket, std::optional<Outcome>& outcome) {
    socket.async_read_some(asio::buffer(buffer_), [&](error_code error, std::size_t size) {
      outcome = Outcome{error, size};
    });
  }
  static void write(PolledSocket& socket, const std::string& bytes, std::optional<Outcome>& outcome) {
    socket.async_write_some(asio::buffer(bytes), [&](error_code error, std::size_t size) {
      outcome = Outcome{error, size};
    });
  }
  // Sends until the kernel takes no more, and returns how much that was.
  static std::size_t fill(PolledSocket& socket) {
    const std::string bytes(10'000, 'x');
    error_code error;
    std::size_t sent = 0;
    const asio::const_buffer piece = asio::buffer(bytes);
    while (!error) sent += socket.write_some({&piece, 1}, error);
    EXPECT_EQ(error, asio::error::would_block);
    return sent;
  }
  static void drain(int peer) {
    std::array<char, 65'536> bytes{};
    while (::recv(peer, bytes.data(), bytes.size(), 0) > 0) {
    }
  }

  asio::io_context io_{1};
  Poller poller_{io_};
  std::array<char, 100> buffer_{};
};

TEST_F(PolledSocketTest, ReadsWhatComesAndThenTheEnd) {
  Pair pair(poller_);
  std::optional<Outcome> outcome;
  read(*pair.socket, outcome);
  run();
  EXPECT_FALSE(outcome);
  pair.send("bytes");
  run();
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->error);
  EXPECT_EQ(std::string(buffer_.data(), outcome->size), "bytes");

  // What came while nobody read is there for who does.
  pair.send("more");
  run();
  outcome.reset();
  read(*pair.socket, outcome);
  run();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(std::string(buffer_.data(), outcome->size), "more");

  outcome.reset();
  pair.close_peer();
  read(*pair.socket, outcome);
  run();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->error, asio::error::eof);
}

TEST_F(PolledSocketTest, AWriteWaitsForRoom) {
  Pair pair(poller_);
  fill(*pair.socket);
  std::optional<Outcome> outcome;
  const std::string bytes = "bytes";
  write(*pair.socket, bytes, outcome);
  run();
  EXPECT_FALSE(outcome);
  drain(pair.peer);
  run();
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->error);
  EXPECT_EQ(outcome->size, bytes.size());
  // The room that stays is nothing to wake up for.
  run();
}

TEST_F(PolledSocketTest, APeerThatGoesEndsBothDirections) {
  Pair pair(poller_);
  fill(*pair.socket);
  std::optional<Outcome> read_outcome;
  std::optional<Outcome> write_outcome;
  const std::string bytes = "bytes";
  read(*pair.socket, read_outcome);
  write(*pair.socket, bytes, write_outcome);
  run();
  EXPECT_FALSE(read_outcome || write_outcome);
  pair.close_peer();
  run();
  ASSERT_TRUE(read_outcome && write_outcome);
  EXPECT_TRUE(read_outcome->error);
  EXPECT_EQ(write_outcome->error, asio::error::broken_pipe);
}

TEST_F(PolledSocketTest, WhatNobodyWaitsForWakesNobody) {
  Pair pair(poller_);
  std::optional<Outcome> outcome;
  read(*pair.socket, outcome);
  pair.send("a");
  run();
  EXPECT_TRUE(outcome);
  pair.send("b");
  run();
  pair.close_peer();
  run();
}

TEST_F(PolledSocketTest, CancelCompletesLater) {
  Pair pair(poller_);
  fill(*pair.socket);
  std::optional<Outcome> read_outcome;
  std::optional<Outcome> write_outcome;
  const std::string bytes = "bytes";
  read(*pair.socket, read_outcome);
  write(*pair.socket, bytes, write_outcome);
  pair.socket->cancel();
  EXPECT_FALSE(read_outcome || write_outcome) << "never inside the call";
  run();
  ASSERT_TRUE(read_outcome && write_outcome);
  EXPECT_EQ(read_outcome->error, asio::error::operation_aborted);
  EXPECT_EQ(write_outcome->error, asio::error::operation_aborted);
  // It goes on afterwards.
  read_outcome.reset();
  read(*pair.socket, read_outcome);
  pair.send("a");
  run();
  ASSERT_TRUE(read_outcome);
  EXPECT_FALSE(read_outcome->error);
}

TEST_F(PolledSocketTest, ASlotCancelsItsOwnOperation) {
  Pair pair(poller_);
  asio::cancellation_signal signal;
  std::optional<Outcome> outcome;
  const auto read_with_slot = [&] {
    outcome.reset();
    pair.socket->async_read_some(asio::buffer(buffer_),
                                 asio::bind_cancellation_slot(signal.slot(), [&](error_code error, std::size_t size) {
                                   outcome = Outcome{error, size};
                                 }));
  };
  read_with_slot();
  signal.emit(asio::cancellation_type::terminal);
  run();
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->error, asio::error::operation_aborted);

  // One that has completed is nothing that a late signal could cancel, nor is the one after it.
  read_with_slot();
  pair.send("a");
  run();
  ASSERT_TRUE(outcome);
  std::optional<Outcome> next;
  read(*pair.socket, next);
  signal.emit(asio::cancellation_type::terminal);
  run();
  EXPECT_FALSE(next);
  pair.send("b");
  run();
  ASSERT_TRUE(next);
  EXPECT_FALSE(next->error);
}

// Both are ready in one sweep, and whichever comes first takes the other one away.
TEST_F(PolledSocketTest, ASocketMayGoWhileItIsReady) {
  Pair first(poller_);
  Pair second(poller_);
  int completed = 0;
  const auto read_and_destroy = [&](Pair& own, Pair& other) {
    own.socket->async_read_some(asio::buffer(buffer_), [&](error_code, std::size_t) {
      ++completed;
      other.socket.reset();
    });
  };
  read_and_destroy(first, second);
  read_and_destroy(second, first);
  first.send("a");
  second.send("b");
  run();
  EXPECT_EQ(completed, 1);
}

TEST_F(PolledSocketTest, ThePollerCountsHowManyWereReadyAtAWakeup) {
  Pair first(poller_);
  Pair second(poller_);
  std::optional<Outcome> outcome;
  read(*first.socket, outcome);
  read(*second.socket, outcome);
  run();
  EXPECT_EQ(poller_.take_load().wakeups, 0U);

  first.send("a");
  second.send("b");
  run();
  const WakeupLoad both = poller_.take_load();
  EXPECT_EQ(both.wakeups, 1U);
  EXPECT_EQ(both.ready, 2U);
  EXPECT_EQ(poller_.take_load().ready, 0U);
}

TEST_F(PolledSocketTest, WhatIsHeldInASweepIsReleasedAtItsEnd) {
  Pair first(poller_);
  Pair second(poller_);
  std::string order;
  const auto read_and_hold = [&](Pair& pair, char name) {
    pair.socket->async_read_some(asio::buffer(buffer_), [&, name](error_code, std::size_t) {
      order += name;
      if (!poller_.is_amid_sweep()) return;
      poller_.async_hold([&order, name](error_code error) {
        EXPECT_FALSE(error);
        order += static_cast<char>(std::toupper(name));
      });
    });
  };
  EXPECT_FALSE(poller_.is_amid_sweep());
  read_and_hold(first, 'a');
  read_and_hold(second, 'b');
  first.send("x");
  second.send("x");
  run();
  // The last one has nobody to wait for.
  EXPECT_TRUE(order == "abA" || order == "baB") << order;
  EXPECT_FALSE(poller_.is_amid_sweep());
}

TEST_F(PolledSocketTest, OnlySoManyAreHeldAndMayBeHeldAgain) {
  std::vector<std::unique_ptr<Pair>> pairs;
  std::size_t read = 0;
  std::vector<std::size_t> read_at_release;
  for (std::size_t i = 0; i < Poller::kHeldMax + 2; ++i) {
    pairs.push_back(std::make_unique<Pair>(poller_));
    pairs.back()->socket->async_read_some(asio::buffer(buffer_), [&](error_code, std::size_t) {
      ++read;
      if (!poller_.is_amid_sweep()) return;
      poller_.async_hold([&](error_code) {
        read_at_release.push_back(read);
        if (poller_.is_amid_sweep() && read_at_release.size() == 1) {
          poller_.async_hold([&](error_code) { read_at_release.push_back(read); });
        }
      });
    });
    pairs.back()->send("x");
  }
  run();
  std::vector<std::size_t> expected(Poller::kHeldMax, Poller::kHeldMax);
  expected.insert(expected.end(), {pairs.size(), pairs.size()});
  EXPECT_EQ(read_at_release, expected);
}

TEST_F(PolledSocketTest, AnOperationThatNeverCompletesIsFreedWithItsSocket) {
  Pair pair(poller_);
  const auto kept_by_handler = std::make_shared<int>(1);
  pair.socket->async_read_some(asio::buffer(buffer_), [kept_by_handler](error_code, std::size_t) { FAIL(); });
  EXPECT_EQ(kept_by_handler.use_count(), 2);
  pair.socket.reset();
  EXPECT_EQ(kept_by_handler.use_count(), 1);
}

}  // namespace
}  // namespace kv::net
