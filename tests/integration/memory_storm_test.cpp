// The memory limit under whatever clients write: the process is looked at from outside while they do.
//
// KV_STORM_SECONDS says for how long, 60 unless given.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "integration/concurrently.hpp"
#include "integration/info_json.hpp"
#include "integration/server_test.hpp"
#include "support/base/random.hpp"

namespace kv::test {
namespace {

using std::chrono::seconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::uint64_t kLimitMiB = 256;
constexpr std::size_t kLimit = kLimitMiB << 20;
constexpr int kClients = 4;
constexpr int kKeys = 200'000;
constexpr int kBatch = 32;
constexpr std::size_t kBatchBytesMax = std::size_t{1} << 20;

seconds storm_time() {
  const char* text = std::getenv("KV_STORM_SECONDS");
  return seconds(text == nullptr ? 60 : std::atoi(text));
}

// Values of 8 bytes to 8 MiB. Each power of two is rarer than the one before, by less than it is larger: so that there
// are many small ones, and most of the bytes are in large ones.
class RandomRequests {
 public:
  explicit RandomRequests(std::uint64_t seed) : random_(seed), filling_(kValueMax, '\0') {
    for (char& byte : filling_) byte = static_cast<char>(random_.next());
  }

  std::string next() {
    const std::string key = "key:" + std::to_string(draw(kKeys));
    switch (draw(20)) {
      case 0:
      case 1:
        return del(key);
      case 2:
        return get(key);
      case 3:
        return expire(key, 1 + draw(5'000));
      case 4:
        return incr("counter:" + std::to_string(draw(kKeys)));
      default:
        const std::uint64_t ttl_ms = draw(3) == 0 ? 1 + draw(5'000) : 0;
        return set(key, value::encode_bytes(ByteView(filling_).substr(0, value_bytes())), ttl_ms);
    }
  }

 private:
  static constexpr int kOctaves = 20;
  static constexpr std::size_t kValueMin = 8;
  static constexpr std::size_t kValueMax = kValueMin << kOctaves;

  std::uint64_t draw(std::uint64_t below) { return random_.below(below); }
  std::size_t value_bytes() {
    int octave = 0;
    while (octave < kOctaves - 1 && draw(10) < 6) ++octave;
    const std::size_t least = kValueMin << octave;
    return least + draw(least + 1);
  }

  Random random_;
  std::string filling_;
};

// What one client has seen.
struct SeenByClient {
  std::uint64_t requests = 0;
  std::uint64_t oom = 0;
};

SeenByClient storm(const ServerProcess& server, std::uint64_t seed, SteadyClock::time_point end) {
  RandomRequests random(seed);
  RawClient client(server);
  SeenByClient seen;
  while (SteadyClock::now() < end) {
    std::string batch;
    std::size_t count = 0;
    for (; count < kBatch && batch.size() < kBatchBytesMax; ++count) batch += random.next();
    client.pipeline(batch, count, [&](const Reply& reply) {
      if (reply == error("OOM")) {
        ++seen.oom;
      } else {
        EXPECT_FALSE(reply.is_error()) << reply;
      }
    });
    seen.requests += count;
  }
  return seen;
}

class MemoryStorm : public ServerTest {
 protected:
  MemoryStorm() : ServerTest({"--max-memory", std::to_string(kLimitMiB) + "MiB", "--eviction", "sieve"}) {}
};

TEST_F(MemoryStorm, ResidentMemoryStaysWithinATenthOfTheLimit) {
  const std::uint64_t seed = Random().next();
  const auto end = SteadyClock::now() + storm_time();
  std::atomic<int> left = kClients;
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> oom{0};
  std::size_t most = 0;
  std::size_t least = ~std::size_t{0};
  concurrently(kClients + 1, [&](int number) {
    if (number < kClients) {
      const CountDown count_down(left);
      try {
        const SeenByClient seen = storm(server_, seed + static_cast<std::uint64_t>(number), end);
        requests += seen.requests;
        oom += seen.oom;
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what() << "\nthe server's log:\n" << server_.log();
      }
      return;
    }
    while (left != 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      most = std::max(most, server_.rss_bytes());
      // Once it was full, it stays so: whatever is evicted makes room for as much.
      if (most > kLimit * 9 / 10) least = std::min(least, server_.rss_bytes());
    }
  });
  const auto memory = info_json(client_, "memory");
  EXPECT_EQ(info_json(client_, "clients").at("timed_out").to_number<std::uint64_t>(), 0U) << "nobody was slow";
  std::cout << requests << " requests, " << oom << " OOM, resident at most " << most * 100 / kLimit
            << " % of the limit, at least " << least * 100 / kLimit << " %\n"
            << boost::json::serialize(memory) << "\n";
  EXPECT_LE(most, kLimit * 11 / 10);
  EXPECT_GE(most, kLimit * 9 / 10) << "it was never full";
  EXPECT_LT(oom * 1000, requests.load());
  EXPECT_GT(memory.at("evicted").to_number<std::uint64_t>(), 0U);
  EXPECT_EQ(memory.at("limit_bytes").to_number<std::uint64_t>(), kLimit);
}

}  // namespace
}  // namespace kv::test
