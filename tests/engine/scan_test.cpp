// Engine::scan: shards one after the other, each in the order of its hashes.
#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "engine/test_engine.hpp"
#include "engine/test_hash.hpp"
#include "support/base/random.hpp"

namespace kv::engine {
namespace {

using test::call_at;
using test::hash_at;
using test::key_with_hash;
using test::Keys;
using test::TestEngine;

std::set<std::string> as_set(const Keys& keys) {
  return {keys.begin(), keys.end()};
}

TEST(EngineScan, VisitsEveryKeyOnceWhateverTheCount) {
  for (const std::uint32_t shards : {1U, 7U, 256U}) {
    TestEngine engine({.shards = shards});
    std::set<std::string> expected;
    for (int i = 0; i < 300; ++i) {
      engine.put(std::to_string(i), "value");
      expected.insert(std::to_string(i));
    }
    for (const std::size_t count : {1U, 2U, 3U, 10U, 255U, 256U, 257U, 300U, 10'000U}) {
      const Keys keys = engine.scan(count);
      EXPECT_EQ(keys.size(), 300U) << count << " at a time, " << shards << " shards";
      EXPECT_EQ(as_set(keys), expected);
    }
  }
}

TEST(EngineScan, CountsTheEntriesThatItLooksAtPresentOrNot) {
  TestEngine engine({.shards = 3});
  for (int i = 0; i < 100; ++i) engine.put(std::to_string(i), "value", i < 90 ? engine.now + 1 : 0);
  ++engine.now;
  int steps = 0;
  int visited = 0;
  std::uint64_t cursor = 0;
  do {
    cursor = engine.engine.scan(cursor, 10, call_at(engine.now), [&](ByteView) { return ++visited > 0; });
    ++steps;
  } while (cursor != 0);
  EXPECT_EQ(visited, 10);
  EXPECT_GE(steps, 10);
  EXPECT_LE(steps, 11);
}

TEST(EngineScan, StopsEarlyWhenItIsTold) {
  TestEngine engine({.shards = 3});
  std::set<std::string> expected;
  for (int i = 0; i < 100; ++i) expected.insert(std::to_string(i));
  for (const std::string& key : expected) engine.put(key, "value");
  Keys keys;
  std::uint64_t cursor = 0;
  int steps = 0;
  do {
    int in_step = 0;
    cursor = engine.engine.scan(cursor, 1'000, call_at(engine.now), [&](ByteView key) {
      keys.emplace_back(key);
      return ++in_step < 7;
    });
    EXPECT_LE(in_step, 7);
    ++steps;
  } while (cursor != 0);
  EXPECT_EQ(keys.size(), 100U);
  EXPECT_EQ(as_set(keys), expected);
  EXPECT_GE(steps, 14);
}

TEST(EngineScan, KeysOfOnePositionComeTogetherEvenPastTheCount) {
  TestEngine engine({.shards = 1, .hash = test::one_hash});
  for (int i = 0; i < 50; ++i) engine.put(std::to_string(i), "value");
  int visited = 0;
  // A cursor couldn't come back to the middle of them, not even when `visit` wants to stop.
  EXPECT_EQ(engine.engine.scan(0, 1, call_at(engine.now), [&](ByteView) { return ++visited < 0; }), 0U);
  EXPECT_EQ(visited, 50);
}

TEST(EngineScan, KeysAtTheEndsOfTheRangeAreVisited) {
  TestEngine engine({.shards = 4, .hash = test::hash_in_key});
  Keys expected;
  for (const std::uint32_t position : {0U, 0xFFFF'FFFFU}) {
    for (const std::uint16_t rest : {std::uint16_t{0}, std::uint16_t{0xFFFF}}) {
      for (const std::uint16_t shard : {std::uint16_t{0}, std::uint16_t{0x4000}, std::uint16_t{0xFFFF}}) {
        expected.push_back(key_with_hash(hash_at(position, rest, shard)));
        engine.put(expected.back(), "value");
      }
    }
  }
  for (std::size_t count = 1; count < 15; ++count) {
    const Keys keys = engine.scan(count);
    EXPECT_EQ(keys.size(), expected.size());
    EXPECT_EQ(as_set(keys), as_set(expected)) << count;
  }
}

TEST(EngineScan, AnyCursorDoesNoHarm) {
  test::Random random;
  TestEngine engine({.shards = 7});
  Keys all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(std::to_string(i));
    engine.put(all.back(), "value");
  }
  const std::set<std::string> present = as_set(all);
  const auto scan_from = [&](std::uint64_t cursor) {
    for (int steps = 0; steps < 1'000; ++steps) {
      cursor = engine.engine.scan(cursor, 5, call_at(engine.now), [&](ByteView key) {
        EXPECT_TRUE(present.contains(std::string(key)));
        return true;
      });
      if (cursor == 0) return true;
    }
    return false;
  };
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(scan_from(random.next()));
  for (const std::uint64_t cursor : {~std::uint64_t{0}, std::uint64_t{1} << 63, std::uint64_t{7} << 48,
                                     (std::uint64_t{7} << 48) - 1, std::uint64_t{1}}) {
    EXPECT_TRUE(scan_from(cursor)) << cursor;
  }
  EXPECT_EQ(engine.engine.scan(0, 0, call_at(engine.now), [](ByteView) { return true; }), 0U);
}

// A key that is present throughout is visited, and a key that was absent all along is not, whatever happens meanwhile.
TEST(EngineScan, IsCompleteWhileKeysComeAndGo) {
  test::Random random;
  for (int round = 0; round < 30; ++round) {
    TestEngine engine({.shards = static_cast<std::uint32_t>(1 + random.below(4)),
                       .hash = round % 3 == 0 ? test::few_hashes : nullptr});
    std::set<std::string> stay;
    for (int i = 0; i < 60; ++i) stay.insert("stays " + std::to_string(i));
    for (const std::string& key : stay) engine.put(key, "value");
    for (int i = 0; i < 20; ++i) {
      engine.put("gone " + std::to_string(i), "value");
      engine.remove("gone " + std::to_string(i));
    }
    std::uint64_t cursor = 0;
    int next = 0;
    do {
      cursor = engine.engine.scan(cursor, 1 + random.below(9), call_at(engine.now), [&](ByteView key) {
        EXPECT_FALSE(key.starts_with("gone")) << key;
        stay.erase(std::string(key));
        return !random.one_in(5);
      });
      const int churn = static_cast<int>(random.below(60));
      for (int i = 0; i < churn; ++i) engine.put("churn " + std::to_string(next++), "value");
      if (random.one_in(3)) {
        for (; next > 0; --next) engine.remove("churn " + std::to_string(next - 1));
      }
    } while (cursor != 0);
    EXPECT_TRUE(stay.empty()) << *stay.begin();
  }
}

}  // namespace
}  // namespace kv::engine
