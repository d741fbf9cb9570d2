// Readers, writers and those who evict at once. Run under ThreadSanitizer too.
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "engine/test_engine.hpp"
#include "support/base/random.hpp"

namespace kv::engine {
namespace {

using test::call_at;
using test::Random;
using test::TestEngine;

class EvictionThreads : public testing::TestWithParam<Eviction> {};
INSTANTIATE_TEST_SUITE_P(Eviction, EvictionThreads,
                         testing::Values(Eviction::kSieve, Eviction::kLru, Eviction::kLfu, Eviction::kTtl,
                                         Eviction::kRandom),
                         [](const auto& tested) {
                           return std::string(name_of({tested.param, false}));
                         });

TEST_P(EvictionThreads, EveryValueIsWholeAndEveryLockStays) {
  constexpr int kRounds = 3'000;
  TestEngine cache({.shards = 4, .eviction = {GetParam(), false}});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(cache.lock("lock " + std::to_string(i), "owner", 1'000'000));
  std::atomic<int> writers = 2;
  std::vector<std::jthread> threads;
  const std::uint64_t seed = Random().next();
  const auto random_key = [](Random& random) { return "key " + std::to_string(random.below(300)); };
  for (std::uint64_t writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      Random random(seed + writer);
      for (int i = 0; i < kRounds; ++i) {
        const std::string key = random_key(random);
        const std::size_t copies = random.one_in(20) ? 500 : 1 + random.below(5);
        std::string data;
        for (std::size_t copy = 0; copy < copies; ++copy) data += key;
        cache.put_prepared(key, data, random.one_in(3) ? cache.now + 1'000'000 : 0);
        if (random.one_in(10)) cache.remove(random_key(random));
        if (random.one_in(10)) cache.put_many({{random_key(random), ""}, {random_key(random), ""}});
      }
      --writers;
    });
  }
  for (std::uint64_t reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&, reader] {
      Random random(seed + 10 + reader);
      while (writers != 0) {
        const std::string key = random_key(random);
        const auto found = cache.get(key);
        ASSERT_TRUE(!found || found->data.empty() || found->data.starts_with(key)) << key;
        cache.get_many({key, random_key(random)});
        std::this_thread::yield();
      }
    });
  }
  threads.emplace_back([&] {
    while (writers != 0) {
      if (cache.engine.usage().entries > 100) {
        cache.engine.evict(500, call_at(cache.now));
      } else {
        std::this_thread::yield();
      }
    }
  });
  threads.clear();
  while (cache.engine.evict(10'000, call_at(cache.now)).entries != 0) {
  }
  EXPECT_EQ(cache.engine.usage().entries, 10U);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(cache.owner("lock " + std::to_string(i)), "owner");
}

}  // namespace
}  // namespace kv::engine
