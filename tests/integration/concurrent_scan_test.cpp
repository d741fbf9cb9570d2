// SCAN while other clients insert and delete: what is there throughout comes, what never was does not.
#include <algorithm>
#include <atomic>
#include <set>

#include "integration/concurrently.hpp"
#include "integration/scan_all.hpp"
#include "integration/server_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

class ConcurrentScan : public ServerTest {
 protected:
  ConcurrentScan() : ServerTest({"--shards", "4", "--threads", "4"}) {}
};

TEST_F(ConcurrentScan, EveryKeyThatIsPresentThroughoutIsReturned) {
  constexpr int kStable = 1'000;
  constexpr int kPassing = 3'000 / kSlowness;
  constexpr int kScanners = 2;
  std::set<std::string> stable;
  for (int i = 0; i < kStable; ++i) {
    stable.insert("stable:" + std::to_string(i));
    call(set("stable:" + std::to_string(i), encode_int(i)));
  }
  std::atomic<int> scanners_left = kScanners;
  // One client makes the tables grow and shrink, one replaces the stable values by others of other sizes.
  const auto come_and_go = [&] {
    RawClient client(server_);
    while (scanners_left != 0) {
      std::string requests;
      for (int i = 0; i < kPassing; ++i) requests += set("passing:" + std::to_string(i), encode_int(i));
      for (int i = 0; i < kPassing; ++i) requests += del("passing:" + std::to_string(i));
      client.pipeline(requests, 2 * kPassing);
    }
  };
  const auto replace = [&] {
    RawClient client(server_);
    for (int i = 0; scanners_left != 0; ++i) {
      const std::string key = "stable:" + std::to_string(i % kStable);
      client.call(set(key, encode_bytes(std::string(static_cast<std::size_t>(i % 1'500), 'x'))));
    }
  };
  const auto scan_often = [&](int scanner) {
    const CountDown at_end(scanners_left);
    RawClient client(server_);
    for (int round = 0; round < 60 / kSlowness + 1; ++round) {
      const auto count = static_cast<std::uint32_t>(scanner == 0 ? 10 : 500);
      const std::vector<std::string> keys = scan_all(client, count);
      const std::set<std::string> seen(keys.begin(), keys.end());
      EXPECT_TRUE(std::ranges::includes(seen, stable));
      for (const std::string& key : seen) EXPECT_TRUE(stable.contains(key) || key.starts_with("passing:")) << key;
    }
  };
  concurrently(kScanners + 2, [&](int i) {
    if (i == kScanners) return come_and_go();
    if (i == kScanners + 1) return replace();
    scan_often(i);
  });
}

}  // namespace
}  // namespace kv::test
