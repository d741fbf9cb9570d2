// Who makes room, by each policy, step by step.
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/recording_sink.hpp"
#include "engine/sieve_queue.hpp"
#include "engine/test_engine.hpp"
#include "support/base/random.hpp"

namespace kv::engine {
namespace {

using test::call_at;
using test::Keys;
using test::Random;
using test::TestEngine;
using test::TestWaiter;

class Evicting : public TestEngine {
 public:
  explicit Evicting(Eviction kind, bool deadline_only = false, std::uint32_t shards = 1)
      : TestEngine({.shards = shards, .eviction = {kind, deadline_only}}) {}

  std::size_t evict(std::size_t bytes = 1) {
    const Engine::Evicted evicted = engine.evict(bytes, call_at(now));
    evicted_bytes += evicted.bytes;
    return evicted.entries;
  }
  // Evicts one after the other until `count` are gone, and says which, in order.
  Keys victims(std::size_t count) {
    Keys gone;
    std::set<std::string> before = keys();
    while (gone.size() < count && evict() != 0) {
      const std::set<std::string> after = keys();
      std::ranges::set_difference(before, after, std::back_inserter(gone));
      before = after;
    }
    return gone;
  }
  std::set<std::string> keys() const {
    std::set<std::string> keys;
    for (const auto& [key, seen] : entries()) keys.insert(key);
    return keys;
  }
  void put_all(const Keys& keys, UnixMillis deadline = 0) {
    for (const std::string& key : keys) put(key, "value", deadline);
  }

  std::size_t evicted_bytes = 0;
};

TEST(Sieve, EvictsInTheOrderOfArrival) {
  Evicting cache(Eviction::kSieve);
  cache.put_all({"a", "b", "c", "d"});
  EXPECT_EQ(cache.victims(5), (Keys{"a", "b", "c", "d"}));
  EXPECT_EQ(cache.engine.usage().evicted_total, 4U);
  cache.put_all({"e", "a"});
  EXPECT_EQ(cache.victims(2), (Keys{"e", "a"}));
}

TEST(Sieve, WhoWasReadStaysForOnePass) {
  Evicting cache(Eviction::kSieve);
  cache.put_all({"a", "b", "c", "d"});
  EXPECT_TRUE(cache.has("a"));
  EXPECT_EQ(cache.get_many({"c"}).size(), 1U);
  EXPECT_EQ(cache.victims(2), (Keys{"b", "d"}));
  EXPECT_EQ(cache.victims(2), (Keys{"a", "c"})) << "both had lost their mark";
}

TEST(Sieve, TheHandGoesOnWhereItIsAndNewEntriesComeLast) {
  Evicting cache(Eviction::kSieve);
  cache.put_all({"a", "b", "c", "d"});
  cache.has("a");
  EXPECT_EQ(cache.victims(1), (Keys{"b"}));
  // `a` is behind the hand now; what is new stands between the hand and where `a` comes again.
  cache.put_all({"e"});
  EXPECT_EQ(cache.victims(4), (Keys{"c", "d", "e", "a"}));
}

TEST(Sieve, StoringOverAnEntryIsAUseAndKeepsItsPlace) {
  Evicting cache(Eviction::kSieve);
  cache.put_all({"a", "b", "c"});
  cache.put("a", "a longer value than before");
  cache.put("b", "other");  // of the same size
  EXPECT_EQ(cache.victims(3), (Keys{"c", "a", "b"}));
}

TEST(Sieve, WhoGoesAndComesAgainIsNew) {
  Evicting cache(Eviction::kSieve);
  cache.put_all({"a", "b", "c"});
  cache.remove("a");
  cache.put("a", "value");
  EXPECT_EQ(cache.victims(3), (Keys{"b", "c", "a"}));
}

TEST(Sieve, EverybodyWasReadAndSomebodyGoesAllTheSame) {
  Evicting cache(Eviction::kSieve);
  for (int i = 0; i < 5'000; ++i) cache.put(std::to_string(i), "value");
  for (int i = 0; i < 5'000; ++i) cache.has(std::to_string(i));
  EXPECT_EQ(cache.evict(), 1U);
  EXPECT_EQ(cache.engine.usage().entries, 4'999U);
}

TEST(Sieve, AScanDisplacesLittleButItself) {
  Evicting cache(Eviction::kSieve, false, 4);
  Random random;
  constexpr std::size_t kRoom = 1'000;
  const auto read_through = [&](const std::string& key) {
    if (cache.has(key)) return true;
    while (cache.engine.usage().entries >= kRoom) cache.evict();
    cache.put(key, "value");
    return false;
  };
  for (int i = 0; i < 20'000; ++i) read_through("hot " + std::to_string(random.below(500)));
  int hits = 0;
  for (int i = 0; i < 20'000; ++i) {
    read_through("once " + std::to_string(i));
    hits += read_through("hot " + std::to_string(random.below(500))) ? 1 : 0;
  }
  EXPECT_GT(hits, 19'000) << "half of the requests were of keys that came once";
}

TEST(Sieve, TheQueueStaysInBoundsWhereNobodyIsEvicted) {
  const Hasher hasher;
  Table table;
  SieveQueue queue;
  std::vector<std::unique_ptr<char[]>> memory;
  const auto anybody = [](const Entry&) { return true; };
  constexpr std::size_t kEntries = 100;
  for (std::size_t i = 0; i < kEntries; ++i) {
    const std::string key = "key " + std::to_string(i);
    memory.push_back(std::make_unique<char[]>(Entry::size_for(key.size(), 0, false)));
    Entry* entry = Entry::write(memory.back().get(), {key, {}, 0, false}, false, false);
    entry->set_access(queue.add(hasher(key), {table, hasher, anybody}));
    table.insert(hasher(key), entry, hasher);
  }
  // As if each were deleted and stored again, over and over.
  for (std::size_t i = 0; i < 100'000; ++i) {
    Entry* entry = Table::entry_at(table.find(hasher("key 7"), "key 7"));
    entry->set_access(queue.add(hasher("key 7"), {table, hasher, anybody}));
    ASSERT_LE(queue.size(), SieveQueue::kPlacesPerEntry * kEntries + 100);
  }
  // Everybody still has a place.
  std::set<std::string> found;
  for (Entry* victim = nullptr;
       queue.next({table, hasher, anybody}, 0, 1'000, false, victim) == SieveQueue::Outcome::kVictim;) {
    found.emplace(victim->key());
    table.erase(table.find(hasher(victim->key()), victim), hasher);
    queue.drop_victim();
  }
  EXPECT_EQ(found.size(), kEntries);
}

TEST(Lru, TakesThoseThatWereUsedLongestAgo) {
  Evicting cache(Eviction::kLru);
  for (int i = 0; i < 200; ++i) cache.put("old " + std::to_string(i), "value");
  for (int i = 0; i < 200; ++i) cache.put("new " + std::to_string(i), "value");
  for (int i = 0; i < 20; ++i) cache.has("old " + std::to_string(i));
  const Keys gone = cache.victims(100);
  const auto is_used = [](const std::string& key) { return key.starts_with("new") || std::stoi(key.substr(4)) < 20; };
  // By chance alone there would be 55.
  EXPECT_LT(std::ranges::count_if(gone, is_used), 25);
}

TEST(Lru, AgesDoNotComeRound) {
  Evicting cache(Eviction::kLru);
  for (int i = 0; i < 20; ++i) cache.put("old " + std::to_string(i), "value");
  for (int i = 0; i < 20; ++i) cache.put("kept " + std::to_string(i), "value");
  // Many times 256 ticks.
  int old_at_end = 20;
  for (int i = 0; i < 3'000; ++i) {
    for (int j = 0; j < 20; ++j) cache.has("kept " + std::to_string(j));
    cache.put("passing " + std::to_string(i), "value");
    cache.evict();
  }
  for (int i = 0; i < 20; ++i) old_at_end -= cache.has("old " + std::to_string(i)) ? 0 : 1;
  EXPECT_EQ(old_at_end, 0);
  int kept = 0;
  for (int i = 0; i < 20; ++i) kept += cache.has("kept " + std::to_string(i)) ? 1 : 0;
  EXPECT_GE(kept, 4) << "by chance alone none would be left";
}

TEST(Lfu, TakesThoseThatAreUsedLeast) {
  Evicting cache(Eviction::kLfu);
  for (int i = 0; i < 200; ++i) cache.put(std::to_string(i), "value");
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 100; ++i) cache.has(std::to_string(i));
  }
  for (int i = 100; i < 200; ++i) cache.has(std::to_string(i));  // later, but once
  const Keys gone = cache.victims(60);
  // By chance alone there would be 30.
  EXPECT_LT(std::ranges::count_if(gone, [](const std::string& key) { return std::stoi(key) < 100; }), 15);
}

TEST(Lfu, FormerUseIsForgotten) {
  Evicting cache(Eviction::kLfu);
  cache.put("once loved", "value");
  for (int i = 0; i < 10'000; ++i) cache.has("once loved");
  for (int i = 0; i < 50; ++i) cache.put("other " + std::to_string(i), "value");
  for (int i = 0; i < 20'000 && cache.keys().contains("once loved"); ++i) {
    cache.put("passing " + std::to_string(i), "value");
    cache.evict();
  }
  EXPECT_FALSE(cache.has("once loved"));
}

TEST(EvictByTtl, TakesTheNearestDeadlineFirst) {
  Evicting cache(Eviction::kTtl);
  cache.put_all({"never", "never either"});
  for (int i = 0; i < 300; ++i) cache.put(std::to_string(i), "value", cache.now + 1'000 + static_cast<UnixMillis>(i));
  const Keys gone = cache.victims(100);
  // By chance alone there would be 33.
  EXPECT_LT(std::ranges::count_if(gone, [](const std::string& key) { return std::stoi(key) >= 200; }), 15);
  EXPECT_EQ(cache.victims(200).size(), 200U);
  EXPECT_EQ(cache.keys(), (std::set<std::string>{"never", "never either"}));
  EXPECT_EQ(cache.victims(3).size(), 2U) << "when none has a deadline any more, any will do";
}

TEST(EvictByTtl, LooksForDeadlinesInEveryShardFirst) {
  Evicting cache(Eviction::kTtl, false, 16);
  for (int i = 0; i < 100; ++i) cache.put("never " + std::to_string(i), "value");
  cache.put("one", "value", cache.now + 1'000);
  EXPECT_EQ(cache.victims(1), (Keys{"one"}));
}

const std::vector<Eviction> kPolicies{Eviction::kSieve, Eviction::kLru, Eviction::kLfu, Eviction::kTtl,
                                      Eviction::kRandom};

class EveryPolicy : public testing::TestWithParam<Eviction> {};
INSTANTIATE_TEST_SUITE_P(Eviction, EveryPolicy, testing::ValuesIn(kPolicies), [](const auto& tested) {
  return std::string(name_of({tested.param, false}));
});

TEST_P(EveryPolicy, TakesAllButLocks) {
  Evicting cache(GetParam(), false, 7);
  for (int i = 0; i < 300; ++i) cache.put(std::to_string(i), std::string(static_cast<std::size_t>(i) * 20, 'x'));
  for (int i = 0; i < 30; ++i) cache.lock("lock " + std::to_string(i), "owner");
  while (cache.evict(1'000) != 0) {
  }
  EXPECT_EQ(cache.engine.usage().entries, 30U);
  EXPECT_EQ(cache.engine.usage().evicted_total, 300U);
  EXPECT_EQ(cache.owner("lock 7"), "owner");
}

TEST_P(EveryPolicy, ALockThatBecameAValueMayGo) {
  Evicting cache(GetParam());
  cache.lock("lock", "owner");
  cache.lock("stays", "owner");
  cache.put("lock", "value");
  EXPECT_EQ(cache.victims(2), (Keys{"lock"}));
}

TEST_P(EveryPolicy, VolatileTakesThoseWithADeadlineAlone) {
  Evicting cache(GetParam(), true, 3);
  for (int i = 0; i < 100; ++i) {
    const std::size_t size = i % 4 == 0 ? 5'000 : 10;  // large ones may get a deadline in place
    cache.put(std::to_string(i), std::string(size, 'x'), i % 2 == 0 ? 0 : cache.now + 1'000);
  }
  cache.lock("lock", "owner", 1'000);
  for (int i = 0; i < 20; ++i) cache.set_deadline(std::to_string(i), i % 2 == 0 ? cache.now + 500 : 0);
  while (cache.evict(1'000) != 0) {
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(cache.has(std::to_string(i)), (i < 20) == (i % 2 == 1)) << i;
  EXPECT_TRUE(cache.has("lock"));
}

TEST_P(EveryPolicy, ExpiredEntriesGoFirst) {
  Evicting cache(GetParam());
  cache.put_all({"a", "b"});
  cache.put("passing", "value", cache.now + 10);
  cache.has("passing");
  cache.now += 10;
  if (GetParam() == Eviction::kSieve) cache.victims(2);
  // Of five draws at random one may come upon it, or none; but whenever it is seen it goes.
  while (cache.evict() != 0 && cache.engine.usage().expired_total == 0) {
  }
  EXPECT_EQ(cache.engine.usage().expired_total, 1U);
}

TEST_P(EveryPolicy, EvictsAboutAsMuchAsIsAskedFor) {
  Evicting cache(GetParam());
  for (int i = 0; i < 200; ++i) cache.put("small " + std::to_string(i), std::string(80, 'x'));
  EXPECT_EQ(cache.evict(1), 1U);
  EXPECT_EQ(cache.evict(250), 3U);
  EXPECT_LE(cache.evict(1U << 30), 16U) << "the lock is held for a few of them at a time";
  EXPECT_GE(cache.evicted_bytes, 20U * 88);
}

TEST_P(EveryPolicy, AVictimIsAnOutcomeForTheSink) {
  test::RecordingSink sink;
  Evicting cache(GetParam());
  cache.engine.set_mutation_sink(&sink);
  cache.put_all({"a", "b", "c"});
  sink.take();
  Call call{cache.now};
  cache.engine.evict(1, call);
  EXPECT_EQ(call.lsn, sink.last());
  const auto records = sink.take();
  ASSERT_EQ(records.size(), 1U);
  ASSERT_EQ(records[0].size(), 1U);
  EXPECT_EQ(records[0][0].kind, Mutation::Kind::kDelete);
  EXPECT_FALSE(cache.has(records[0][0].key));
  EXPECT_EQ(cache.keys().size(), 2U);
  cache.engine.set_mutation_sink(nullptr);
}

TEST_P(EveryPolicy, AVictimThatIsWaitedForIsHandedOver) {
  Evicting cache(GetParam());
  TestWaiter waiter;
  cache.put("key", "value");
  cache.wait("key", waiter, "next");
  EXPECT_EQ(cache.evict(), 1U);
  EXPECT_EQ(waiter.grants, 1);
  EXPECT_EQ(cache.owner("key"), "next");
  EXPECT_EQ(cache.evict(), 0U) << "it is a lock now";
  cache.engine.leave("key", waiter, call_at(cache.now));
}

TEST_P(EveryPolicy, NobodyIsLeftAfterAFlush) {
  Evicting cache(GetParam());
  cache.put_all({"a", "b", "c"});
  cache.engine.flush(call_at(cache.now));
  EXPECT_EQ(cache.evict(), 0U);
  cache.put_all({"d"});
  EXPECT_EQ(cache.victims(2), (Keys{"d"}));
}

TEST(NoEviction, TakesNobody) {
  Evicting cache(Eviction::kNone);
  cache.put_all({"a", "b"});
  EXPECT_EQ(cache.evict(), 0U);
  EXPECT_EQ(cache.keys().size(), 2U);
}

TEST(EvictionNames, SayWhichPolicyTheyMean) {
  EXPECT_EQ(eviction_policy(0), (EvictionPolicy{Eviction::kNone, false}));
  for (std::size_t i = 0; i < std::size(kEvictionNames); ++i) EXPECT_EQ(name_of(eviction_policy(i)), kEvictionNames[i]);
  EXPECT_EQ(name_of({Eviction::kTtl, true}), "volatile-ttl");
}

// Whatever happens, and in whatever memory an entry is moved to: who may be evicted can be, and nobody else is.
TEST_P(EveryPolicy, NobodyIsForgottenInARandomLife) {
  Random random;
  for (const bool deadline_only : {false, true}) {
    Evicting cache(GetParam(), deadline_only, 3);
    for (int step = 0; step < 20'000; ++step) {
      const std::string key = std::to_string(random.below(500));
      const UnixMillis deadline = random.one_in(2) ? 0 : cache.now + 1'000'000;
      switch (random.below(6)) {
        case 0:
          cache.remove(key);
          break;
        case 1:
          cache.has(key);
          break;
        case 2:
          cache.set_deadline(key, deadline);
          break;
        case 3:
          if (random.one_in(10)) cache.lock(key, "owner", 1'000'000);
          break;
        case 4:
          if (random.one_in(10)) cache.evict(random.below(1'000));
          break;
        default:
          cache.put(key, std::string(random.below(random.one_in(20) ? 3'000 : 100), 'x'), deadline);
      }
    }
    while (cache.evict(1'000) != 0) {
    }
    for (const auto& [key, entry] : cache.entries()) {
      EXPECT_TRUE(entry.is_lock || (deadline_only && entry.deadline == 0)) << key << ": " << entry;
    }
  }
}

// Every policy after every other, with entries from before and from after the change.
TEST(ChangedPolicy, EverybodyMayBeEvictedByTheNewOne) {
  for (std::size_t first = 0; first < std::size(kEvictionNames); ++first) {
    for (std::size_t second = 0; second < std::size(kEvictionNames); ++second) {
      const EvictionPolicy before = eviction_policy(first);
      const EvictionPolicy after = eviction_policy(second);
      SCOPED_TRACE(std::string(kEvictionNames[first]) + ", then " + std::string(kEvictionNames[second]));
      TestEngine cache({.shards = 2, .eviction = before});
      for (int i = 0; i < 40; ++i) cache.put("old " + std::to_string(i), "value", i % 2 == 0 ? 0 : cache.now + 1'000);
      cache.lock("lock", "owner");
      for (int i = 0; i < 5; ++i) cache.engine.evict(1, call_at(cache.now));
      cache.engine.set_eviction(after);
      EXPECT_EQ(cache.engine.eviction(), after);
      for (int i = 0; i < 40; ++i) cache.put("new " + std::to_string(i), "value", i % 2 == 0 ? 0 : cache.now + 1'000);
      while (cache.engine.evict(1, call_at(cache.now)).entries != 0) {
      }
      std::size_t left = 0;
      for (const auto& [key, seen] : cache.entries()) {
        left += key != "lock" && (!after.deadline_only || seen.deadline != 0) ? 1 : 0;
      }
      const std::size_t most = before.kind == Eviction::kNone ? 80 : 75;
      if (after.kind == Eviction::kNone) {
        EXPECT_GE(left, most);
      } else {
        EXPECT_EQ(left, 0U);
      }
      EXPECT_TRUE(cache.has("lock"));
    }
  }
}

TEST(ChangedPolicy, SieveGoesByWhatComesAfterwards) {
  Evicting cache(Eviction::kNone);
  cache.put_all({"a", "b"});
  cache.engine.set_eviction({Eviction::kSieve, false});
  cache.put_all({"c", "d"});
  cache.has("c");
  const Keys gone = cache.victims(3);
  EXPECT_EQ(std::set(gone.begin(), gone.begin() + 2), (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(gone[2], "d");
}

}  // namespace
}  // namespace kv::engine
