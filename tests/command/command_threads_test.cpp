// Commands under several threads. Run under ThreadSanitizer too.
#include <array>
#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "command/test_server.hpp"

namespace kv::test {
namespace {

using namespace value;  // NOLINT(google-build-using-namespace): the values that tests write

constexpr int kThreads = 4;
constexpr int kRounds = 500;

class CommandThreads : public CommandTest {
 protected:
  static void on_threads(const std::function<void(int)>& body) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back([&body, i] { body(i); });
  }
};

TEST_F(CommandThreads, IncrDecrAndAddAddUp) {
  on_threads([&](int thread) {
    for (int i = 0; i < kRounds; ++i) {
      run(thread % 2 == 0 ? incr("int", 3) : decr("int", 1));
      run(add("decimal", encode_decimal("0.1")));
    }
  });
  EXPECT_EQ(run(get("int")), ok(encode_int(kRounds * kThreads)));
  EXPECT_EQ(run(get("decimal")), ok(encode_decimal("200.0")));
}

// A counter in a value that only CAS can change; with `padding` it is a large one, which is compared without a lock.
TEST_F(CommandThreads, CasLosesNoUpdate) {
  for (const std::string& padding : {std::string(), encode_bytes(std::string(3'000, 'x'))}) {
    const auto with = [&](std::int64_t count) {
      return padding.empty() ? encode_int(count) : list_of({encode_int(count), padding});
    };
    const std::size_t at = padding.empty() ? 1 : 6;
    run(set("key", with(0)));
    on_threads([&](int) {
      std::string current = run(get("key")).payload;
      for (int i = 0; i < kRounds;) {
        const auto count = static_cast<std::int64_t>(load_big_endian<std::uint64_t>(current.data() + at));
        const Reply reply = run(cas("key", current, with(count + 1)));
        if (reply == ok_bool(true)) {
          ++i;
          current = with(count + 1);
        } else {
          current = reply.payload.substr(1);
        }
      }
    });
    EXPECT_EQ(run(get("key")), ok(with(kThreads * kRounds)));
  }
}

TEST_F(CommandThreads, OneSetnxWins) {
  for (int round = 0; round < 100; ++round) {
    const std::string key = std::to_string(round);
    std::atomic<int> wins{0};
    on_threads([&](int thread) { wins += run(setnx(key, encode_int(thread))) == ok_bool(true) ? 1 : 0; });
    EXPECT_EQ(wins, 1);
  }
}

// What SWAP and TAKE hand out, each value comes to one thread alone.
TEST_F(CommandThreads, SwapAndTakeHandEachValueOutOnce) {
  std::array<std::vector<std::string>, kThreads> got;
  on_threads([&](int thread) {
    const auto keep = [&](const Reply& reply) {
      if (reply.status == protocol::Status::kOk) got[static_cast<std::size_t>(thread)].push_back(reply.payload);
    };
    for (int i = 0; i < kRounds; ++i) {
      std::string text = std::to_string(thread) + " " + std::to_string(i);
      if (i % 3 == 0) text.resize(3'000, '.');
      keep(run(swap("key", encode_string(text))));
      if (i % 2 == 0) keep(run(take("key")));
    }
  });
  std::multiset<std::string> all;
  for (const auto& mine : got) all.insert(mine.begin(), mine.end());
  if (const Reply last = run(take("key")); last.status == protocol::Status::kOk) all.insert(last.payload);
  EXPECT_EQ(all.size(), std::size_t{kThreads} * kRounds);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
}

// Every thread is a connection that works, watches the others for a while, and lets that be again.
TEST_F(CommandThreads, MonitorsAndHotKeysComeAndGoWhileOthersWork) {
  std::atomic<std::size_t> told{0};
  on_threads([&](int thread) {
    const auto connection = dispatcher.connect({.id = 100U + static_cast<unsigned>(thread)});
    const auto ask = [&](const std::string& request, ByteBuffer& out) {
      const protocol::Frame frame{static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)};
      auto handled = dispatcher.handle(frame, *connection, clock.now(), protocol::Weight::kHeavy, out);
      dispatcher.timed({&frame, 1}, *connection, {});
      slow_log.add({&frame, 1}, *connection, std::chrono::milliseconds(20));
      return std::move(handled.pending);
    };
    for (int i = 0; i < kRounds; ++i) {
      ByteBuffer out;
      const auto hot = i % 7 == 0 ? ask(hotkeys(5, 1'000), out) : nullptr;
      ask(i % 2 == 0 ? get("key") : set("key", encode_int(i)), out);
      ask(i % 20 < 15 ? monitor() : slowlog_get(5), out);
      if (hot != nullptr) hot->complete(out);
      told += out.size();
    }
  });
  EXPECT_GT(told, 0U);
  EXPECT_EQ(run(slowlog_len()), ok_u64(kSlowlogLengthDefault));
}

}  // namespace
}  // namespace kv::test
