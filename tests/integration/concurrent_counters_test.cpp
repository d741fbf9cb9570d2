// Counters that many clients change at once add up, by INCR, ADD and CAS.
#include <atomic>

#include "integration/concurrently.hpp"
#include "integration/server_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

constexpr int kClients = 8;
constexpr int kRounds = 2'000 / kSlowness;

class ConcurrentCounters : public ServerTest {
 protected:
  ConcurrentCounters() : ServerTest({"--threads", "4"}) {}
};

TEST_F(ConcurrentCounters, IncrAndDecrAddUp) {
  concurrently(kClients, [&](int i) {
    RawClient client(server_);
    for (int round = 0; round < kRounds; ++round) client.call(i % 2 == 0 ? incr("n", 3) : decr("n", 1));
  });
  EXPECT_EQ(call(get("n")), ok(encode_int((3 - 1) * kRounds * kClients / 2)));
}

TEST_F(ConcurrentCounters, PipelinedIncrsGiveEveryNumberOnce) {
  std::vector<std::vector<Reply>> replies(kClients);
  concurrently(kClients, [&](int i) {
    RawClient client(server_);
    std::string requests;
    for (int round = 0; round < kRounds; ++round) requests += incr("n");
    replies[static_cast<std::size_t>(i)] = client.pipeline(requests, kRounds);
  });
  std::vector<bool> seen(kClients * kRounds + 1, false);
  for (const std::vector<Reply>& of_one_client : replies) {
    std::int64_t last = 0;
    for (const Reply& reply : of_one_client) {
      const std::int64_t number = reply.i64();
      EXPECT_GT(number, last) << "in the order of the requests";
      last = number;
      ASSERT_LT(static_cast<std::size_t>(number), seen.size());
      EXPECT_FALSE(seen[static_cast<std::size_t>(number)]);
      seen[static_cast<std::size_t>(number)] = true;
    }
  }
}

TEST_F(ConcurrentCounters, DecimalSumsAddUpExactly) {
  concurrently(kClients, [&](int) {
    RawClient client(server_);
    for (int round = 0; round < kRounds; ++round) client.call(add("n", encode_decimal("0.01")));
  });
  const int cents = kClients * kRounds;
  const std::string fraction = std::to_string(100 + cents % 100).substr(1);
  EXPECT_EQ(call(get("n")), ok(encode_decimal(std::to_string(cents / 100) + "." + fraction)));
}

// Reads, adds one and swaps, until nobody else was faster; a failed CAS brings the value to go on from.
void increment_by_cas(RawClient& client, ByteView key) {
  const Reply current = client.call(get(key));
  std::string held = current == null() ? encode_null() : current.payload;
  while (true) {
    const std::int64_t number = held == encode_null() ? 0 : static_cast<std::int64_t>(ok(held).u64(1));
    const Reply reply = client.call(cas(key, held, encode_int(number + 1)));
    if (reply == ok_bool(true)) return;
    ASSERT_EQ(reply.status, protocol::Status::kOk) << reply;
    held = reply.payload.substr(1);
  }
}

TEST_F(ConcurrentCounters, CasLoopsAddUp) {
  concurrently(kClients, [&](int) {
    RawClient client(server_);
    for (int round = 0; round < kRounds / 4; ++round) increment_by_cas(client, "n");
  });
  EXPECT_EQ(call(get("n")), ok(encode_int(kClients * (kRounds / 4))));
}

TEST_F(ConcurrentCounters, CasOfLargeValuesAddUpToo) {
  // Large values are compared outside the shard's lock, so somebody may come between.
  const auto document = [](std::int64_t number) {
    return list_of({encode_int(number), encode_bytes(std::string(20'000, 'x'))});
  };
  call(set("n", document(0)));
  constexpr int kSwaps = kRounds / 20;
  concurrently(kClients, [&](int) {
    RawClient client(server_);
    for (int swaps = 0; swaps < kSwaps;) {
      const std::string held = client.call(get("n")).payload;
      const auto number = static_cast<std::int64_t>(load_big_endian<std::uint64_t>(held.data() + 6));
      if (client.call(cas("n", held, document(number + 1))) == ok_bool(true)) ++swaps;
    }
  });
  EXPECT_EQ(call(get("n")), ok(document(kClients * kSwaps)));
}

TEST_F(ConcurrentCounters, SetnxAndTakeHaveOneWinnerEach) {
  std::atomic<int> set_by{0};
  std::atomic<int> taken_by{0};
  for (int round = 0; round < kRounds / 20; ++round) {
    const std::string key = "k" + std::to_string(round);
    concurrently(kClients, [&](int i) {
      RawClient client(server_);
      if (client.call(setnx(key, encode_int(i))) == ok_bool(true)) ++set_by;
    });
    concurrently(kClients, [&](int) {
      RawClient client(server_);
      if (client.call(take(key)) != null()) ++taken_by;
    });
  }
  EXPECT_EQ(set_by, kRounds / 20);
  EXPECT_EQ(taken_by, kRounds / 20);
}

}  // namespace
}  // namespace kv::test
