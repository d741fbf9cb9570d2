// The walk over all entries that a snapshot makes.
#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "kv/engine/mutation.hpp"

#include "engine/test_engine.hpp"
#include "engine/test_hash.hpp"

namespace kv::engine {
namespace {

using test::Seen;
using test::TestEngine;

const std::string kLarge(5'000, 'x');

TEST(Walk, ShowsEachEntryOnceByStepsOfAnySize) {
  for (const auto hash : {static_cast<std::uint64_t (*)(ByteView)>(nullptr), test::few_hashes}) {
    TestEngine engine({.shards = 7, .hash = hash});
    EXPECT_TRUE(engine.entries().empty());
    for (int i = 0; i < 500; ++i) engine.put("key " + std::to_string(i), std::to_string(i), i % 3 == 0 ? 1 : 0);
    engine.put_prepared("large", kLarge, engine.now + 5);
    engine.lock("lock", "owner", 10);
    const auto shown = engine.entries();
    EXPECT_EQ(shown.size(), 502U);
    EXPECT_EQ(shown.at("key 9"), (Seen{"9", 1})) << "expired, and yet there";
    EXPECT_EQ(shown.at("large"), (Seen{kLarge, engine.now + 5}));
    EXPECT_EQ(shown.at("lock"), (Seen{"owner", engine.now + 10, true}));
    for (const std::size_t count : {1U, 7U, 10'000U}) EXPECT_EQ(engine.entries(count), shown) << count;
  }
}

TEST(Walk, VisitsAFewUnderOneHoldOfALock) {
  TestEngine engine({.shards = 1});
  for (int i = 0; i < 5'000; ++i) engine.put("key " + std::to_string(i), "value");
  Engine::WalkCursor cursor;
  for (bool more = true; more;) {
    int visited = 0;
    more = engine.engine.walk(cursor, 1'000'000, [&](const Mutation&) { ++visited; });
    EXPECT_LE(visited, 256);
  }
  EXPECT_FALSE(engine.engine.walk(cursor, 10, [](const Mutation&) { ADD_FAILURE(); })) << "it was at the end";
}

TEST(Walk, WhatItShowsCanBePinned) {
  TestEngine engine;
  engine.put_prepared("large", kLarge);
  std::optional<Pin> pin;
  Engine::WalkCursor cursor;
  while (engine.engine.walk(cursor, 10, [&](const Mutation& put) { pin.emplace(put); })) {
  }
  engine.put("large", "small now");
  EXPECT_EQ(pin->view().value.data, kLarge);
}

TEST(Walk, MissesNoKeyThatStaysWhileTablesGrowAndShrink) {
  TestEngine engine({.shards = 2});
  std::set<std::string> missing;
  for (int i = 0; i < 300; ++i) missing.insert("stays " + std::to_string(i));
  for (const std::string& key : missing) engine.put(key, "value");
  Engine::WalkCursor cursor;
  int step = 0;
  while (engine.engine.walk(cursor, 3, [&](const Mutation& put) { missing.erase(std::string(put.key)); })) {
    // Up to 5,000 more, and then back.
    for (int i = 0; i < 100; ++i) {
      const int at = step * 100 + i;
      const std::string key = "comes and goes " + std::to_string(at % 5'000);
      at / 5'000 % 2 == 0 ? engine.put(key, "value") : void(engine.remove(key));
    }
    ++step;
  }
  EXPECT_TRUE(missing.empty()) << *missing.begin();
  EXPECT_GT(step, 100);
}

}  // namespace
}  // namespace kv::engine
