// MSET, MGET and MDEL under concurrent use: no other command sees a part of them.
#include <algorithm>
#include <atomic>
#include <random>

#include "integration/concurrently.hpp"
#include "integration/server_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

constexpr int kWriters = 3;
constexpr int kReaders = 3;
constexpr int kRounds = 3'000 / kSlowness;
constexpr std::size_t kKeys = 40;

class ConcurrentBatch : public ServerTest {
 protected:
  // More shards than keys, so that a batch spans many of them.
  ConcurrentBatch() : ServerTest({"--shards", "64", "--threads", "4"}) {
    for (std::size_t i = 0; i < kKeys; ++i) keys_.push_back("key:" + std::to_string(i));
  }

  // All keys with one value, in an order that differs from writer to writer.
  Pairs pairs_of(std::int64_t number, std::mt19937& random) const {
    Pairs pairs;
    for (const std::string& key : keys_) pairs.emplace_back(key, encode_int(number));
    std::ranges::shuffle(pairs, random);
    return pairs;
  }

  Keys keys_;
};

bool all_equal(const Reply& reply) {
  constexpr std::size_t kValueBytes = 9;
  const ByteView values = ByteView(reply.payload).substr(2);
  for (std::size_t at = kValueBytes; at < values.size(); at += kValueBytes) {
    if (values.substr(at, kValueBytes) != values.substr(0, kValueBytes)) return false;
  }
  return values.size() == kKeys * kValueBytes;
}

TEST_F(ConcurrentBatch, AReaderSeesAllOfAnMsetOrNothingOfIt) {
  std::mt19937 first_random(1);
  call(mset(pairs_of(0, first_random)));
  std::atomic<int> writers_left = kWriters;
  const auto write = [&](int writer) {
    const CountDown at_end(writers_left);
    RawClient client(server_);
    std::mt19937 random(static_cast<unsigned>(writer) + 2);
    for (int round = 0; round < kRounds; ++round) {
      EXPECT_EQ(client.call(mset(pairs_of(writer * kRounds + round, random))), ok());
    }
  };
  const auto read = [&](int) {
    RawClient client(server_);
    while (writers_left > 0) {
      const Reply reply = client.call(mget(keys_));
      EXPECT_TRUE(all_equal(reply)) << reply;
    }
  };
  concurrently(kWriters + kReaders, [&](int i) { i < kWriters ? write(i) : read(i); });
}

TEST_F(ConcurrentBatch, AReaderSeesAllOfAnMdelOrNothingOfIt) {
  const Keys keys(keys_.begin(), keys_.begin() + 10);
  std::atomic<int> writers_left = kWriters;
  const auto write = [&](int writer) {
    const CountDown at_end(writers_left);
    RawClient client(server_);
    Pairs pairs;
    for (const std::string& key : keys) pairs.emplace_back(key, encode_int(writer));
    for (int round = 0; round < kRounds; ++round) {
      EXPECT_EQ(client.call(mset(pairs)), ok());
      const std::uint32_t removed = client.call(mdel(keys)).u32();
      EXPECT_TRUE(removed == 0 || removed == keys.size()) << removed;
    }
  };
  const auto read = [&](int) {
    RawClient client(server_);
    const Reply none = ok_bools(std::vector<bool>(keys.size(), false));
    const Reply all = ok_bools(std::vector<bool>(keys.size(), true));
    while (writers_left > 0) {
      const Reply reply = client.call(mexists(keys));
      EXPECT_TRUE(reply == none || reply == all) << reply;
    }
  };
  concurrently(kWriters + kReaders, [&](int i) { i < kWriters ? write(i) : read(i); });
}

TEST_F(ConcurrentBatch, FlushIsNotSeenInTheMiddleOfABatch) {
  std::atomic<int> writers_left = kWriters;
  const auto write = [&](int writer) {
    const CountDown at_end(writers_left);
    RawClient client(server_);
    std::mt19937 random(static_cast<unsigned>(writer));
    for (int round = 0; round < kRounds / 3; ++round) {
      EXPECT_EQ(client.call(mset(pairs_of(round, random))), ok());
      if (round % 5 == 0) client.call(flush());
    }
  };
  const auto read = [&](int) {
    RawClient client(server_);
    const Reply none = ok_values(std::vector<std::string>(kKeys, encode_null()));
    while (writers_left > 0) {
      const Reply reply = client.call(mget(keys_));
      EXPECT_TRUE(reply == none || all_equal(reply)) << reply;
    }
  };
  concurrently(kWriters + kReaders, [&](int i) { i < kWriters ? write(i) : read(i); });
}

TEST_F(ConcurrentBatch, BatchesInAnyKeyOrderDoNotBlockEachOther) {
  concurrently(8, [&](int i) {
    RawClient client(server_);
    std::mt19937 random(static_cast<unsigned>(i));
    Keys keys = keys_;
    for (int round = 0; round < kRounds; ++round) {
      std::ranges::shuffle(keys, random);
      const Keys some(keys.begin(), keys.begin() + 1 + random() % (kKeys - 1));
      switch (random() % 4) {
        case 0:
          client.call(mget(some));
          break;
        case 1:
          client.call(mdel(some));
          break;
        case 2:
          client.call(mexists(some));
          break;
        default:
          client.call(mset(pairs_of(round, random)));
      }
    }
  });
  EXPECT_EQ(call(ping()), ok("PONG"));
}

}  // namespace
}  // namespace kv::test
