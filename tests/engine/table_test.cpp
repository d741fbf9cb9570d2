#include "engine/table.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/test_hash.hpp"
#include "support/base/random.hpp"

namespace kv::engine {
namespace {

using test::hash_at;
using test::key_with_hash;
using test::Random;

// A table with the entries that it points to.
class Keys {
 public:
  explicit Keys(std::uint64_t (*hash)(ByteView) = test::hash_in_key) : hasher_(hash) {}

  void insert(const std::string& key) {
    auto& memory = entries_[key];
    memory = std::make_unique<char[]>(Entry::size_for(key.size(), 0, false));
    table_.insert(hasher_(key), Entry::write(memory.get(), {.key = key, .value = {}}, false, false), hasher_);
  }
  void erase(const std::string& key) {
    table_.erase(table_.find(hasher_(key), key), hasher_);
    entries_.erase(key);
  }
  bool has(const std::string& key) const {
    const Table::Slot slot = table_.find(hasher_(key), key);
    return slot != nullptr && Table::entry_at(slot)->key() == key;
  }
  // One step of a scan; appends what it visits.
  std::uint64_t scan(std::uint64_t from, std::size_t count, std::vector<std::string>& visited) const {
    return table_.scan(from, count, hasher_, [&](const Entry& entry) { visited.emplace_back(entry.key()); });
  }
  std::vector<std::string> scan_all(std::size_t count) const {
    std::vector<std::string> visited;
    for (std::uint64_t from = 0; from != Table::kScanEnd;) from = scan(from, count, visited);
    return visited;
  }
  // The keys, in the order of their positions. Those of one position stand in any order.
  std::multimap<std::uint64_t, std::string> in_order() const {
    std::multimap<std::uint64_t, std::string> keys;
    for (const auto& [key, memory] : entries_) keys.emplace(hasher_(key).scan_position(), key);
    return keys;
  }
  void expect_consistent() const {
    EXPECT_EQ(table_.size(), entries_.size());
    for (const auto& [key, memory] : entries_) EXPECT_TRUE(has(key)) << key;
    std::set<const Entry*> seen;
    table_.for_each([&](Entry* entry) { EXPECT_TRUE(seen.insert(entry).second); });
    EXPECT_EQ(seen.size(), entries_.size());
  }

  Table& table() { return table_; }
  const Hasher& hasher() const { return hasher_; }
  const std::map<std::string, std::unique_ptr<char[]>>& entries() const { return entries_; }

 private:
  Hasher hasher_;
  std::map<std::string, std::unique_ptr<char[]>> entries_;
  Table table_;
};

// Keys spread over the range as a good hash spreads them.
std::string spread_key(std::uint64_t number) {
  return key_with_hash(number * 0x9E37'79B9'7F4A'7C15, static_cast<int>(number));
}

TEST(Table, FindsNothingWhileItIsEmpty) {
  Keys keys;
  EXPECT_FALSE(keys.has("0"));
  EXPECT_EQ(keys.table().bytes(), 0U);
  EXPECT_EQ(keys.table().probable_entry(KeyHash{hash_at(5)}), nullptr);
  keys.table().prefetch(KeyHash{hash_at(0xFFFF'FFFF)});
  EXPECT_TRUE(keys.scan_all(1).empty());
}

TEST(Table, FindsEveryKeyWhileItGrowsAndShrinks) {
  Keys keys;
  for (std::uint64_t i = 0; i < 3'000; ++i) {
    keys.insert(spread_key(i));
    if (i % 250 == 0) keys.expect_consistent();
  }
  EXPECT_FALSE(keys.has(spread_key(3'000)));
  for (std::uint64_t i = 0; i < 3'000; ++i) {
    keys.erase(spread_key(i));
    EXPECT_FALSE(keys.has(spread_key(i)));
    if (i % 250 == 0) keys.expect_consistent();
  }
  EXPECT_EQ(keys.table().size(), 0U);
}

TEST(Table, GrowsInSmallStepsSoThatMemoryFollowsTheNumberOfEntries) {
  Keys keys;
  std::size_t before = 0;
  for (std::uint64_t i = 1; i <= 5'000; ++i) {
    keys.insert(spread_key(i));
    const std::size_t capacity = keys.table().capacity();
    EXPECT_GE(capacity * 17, i * 20) << i;
    if (i >= 100) {
      EXPECT_LE(capacity, i * 3 / 2) << i;
      EXPECT_LE(capacity, before * 5 / 4) << i;
    }
    before = capacity;
  }
}

std::size_t hash_calls = 0;
std::uint64_t counted_hash(ByteView key) {
  ++hash_calls;
  return test::hash_in_key(key);
}

// Runs of all lengths, entries all over the range, and some whose position lies right where one home ends.
TEST(Table, GrowsWithoutAskingMoreThanAFewKeys) {
  constexpr std::uint64_t kEntries = 40'000;
  Keys keys(counted_hash);
  Random random;
  std::size_t moved = 0;
  std::size_t asked = 0;
  for (std::uint64_t i = 0; i < kEntries; ++i) {
    const std::size_t capacity = keys.table().capacity();
    const std::size_t calls = hash_calls;
    keys.insert(key_with_hash(random.next(), static_cast<int>(i)));
    if (keys.table().capacity() == capacity || i < kEntries / 4) continue;
    moved += i;
    asked += hash_calls - calls - 1;  // one is the insert's own
  }
  EXPECT_GT(moved, kEntries);
  EXPECT_GT(asked, 0U) << "or nothing shows that a key is asked where the slot can't tell";
  EXPECT_LT(asked, moved / 20);
  keys.expect_consistent();
}

// As the shards of an engine do, which fill up side by side.
TEST(Table, TablesThatFillUpSideBySideDoNotAllGrowAtOnce) {
  constexpr std::size_t kTables = 64;
  constexpr std::uint64_t kEntries = 6'000;
  std::vector<Keys> tables(kTables);
  std::size_t most_together = 0;
  std::uint64_t number = 0;
  for (std::uint64_t i = 0; i < kEntries; ++i) {
    std::size_t together = 0;
    for (Keys& keys : tables) {
      const std::size_t before = keys.table().capacity();
      keys.insert(spread_key(++number));
      if (keys.table().capacity() != before) ++together;
    }
    if (i > kEntries / 2) most_together = std::max(most_together, together);
  }
  EXPECT_LE(most_together, kTables / 4);
}

TEST(Table, GivesItsMemoryBackWhenMostKeysAreGone) {
  Keys keys;
  for (std::uint64_t i = 0; i < 5'000; ++i) keys.insert(spread_key(i));
  for (std::uint64_t i = 0; i < 4'990; ++i) keys.erase(spread_key(i));
  EXPECT_LE(keys.table().bytes(), 100 * sizeof(std::uint64_t));
  keys.expect_consistent();
}

TEST(Table, ErasedSlotsAreUsedAgain) {
  Keys keys;
  for (std::uint64_t i = 0; i < 50; ++i) keys.insert(spread_key(i));
  for (std::uint64_t i = 50; i < 20'000; ++i) {
    keys.erase(spread_key(i - 50));
    keys.insert(spread_key(i));
  }
  EXPECT_LE(keys.table().capacity(), 100U);
  keys.expect_consistent();
}

TEST(Table, AKeyThatWasErasedCanComeBack) {
  Keys keys(test::one_hash);
  for (const char* key : {"a", "b", "c"}) keys.insert(key);
  for (int round = 0; round < 100; ++round) {
    const std::string key(1, static_cast<char>('a' + round % 3));
    keys.erase(key);
    EXPECT_FALSE(keys.has(key));
    keys.insert(key);
    keys.expect_consistent();
  }
}

TEST(Table, HoldsKeysThatAllHaveOneHash) {
  Keys keys(test::one_hash);
  for (int i = 0; i < 300; ++i) keys.insert(std::to_string(i));
  keys.expect_consistent();
  for (int i = 0; i < 300; i += 2) keys.erase(std::to_string(i));
  keys.expect_consistent();
  EXPECT_EQ(keys.scan_all(1).size(), 150U) << "entries of one position are visited together";
}

TEST(Table, HoldsKeysAtTheVeryEndOfTheRange) {
  Keys keys;
  const auto key = [](int i) { return key_with_hash(hash_at(0xFFFF'FFFF, static_cast<std::uint16_t>(i)), i); };
  for (int i = 0; i < 300; ++i) {
    keys.insert(key(i));
    if (i % 16 == 0) keys.expect_consistent();
  }
  EXPECT_EQ(keys.scan_all(7).size(), 300U);
  // Erasing works its way back through the run, from both ends.
  for (int i = 0; i < 150; ++i) {
    keys.erase(key(i));
    keys.erase(key(299 - i));
    keys.expect_consistent();
  }
}

TEST(Table, FindsTheSlotOfAnEntryAmongOthersOfItsHash) {
  Keys keys(test::one_hash);
  for (int i = 0; i < 20; ++i) keys.insert(std::to_string(i));
  std::set<Table::Slot> slots;
  keys.table().for_each([&](Entry* entry) {
    const Table::Slot slot = keys.table().find(keys.hasher()(entry->key()), entry);
    EXPECT_EQ(Table::entry_at(slot), entry);
    slots.insert(slot);
  });
  EXPECT_EQ(slots.size(), 20U);
}

TEST(Table, ReplacingAnEntryKeepsItsSlotAndTag) {
  Keys keys;
  const std::string key = key_with_hash(hash_at(9, 0xABCD));
  keys.insert(key);
  std::vector<char> memory(Entry::size_for(key.size(), 0, false));
  Entry* other = Entry::write(memory.data(), {.key = key, .value = {}}, false, false);
  Table::replace(keys.table().find(keys.hasher()(key), key), other);
  EXPECT_EQ(Table::entry_at(keys.table().find(keys.hasher()(key), key)), other);
}

TEST(Table, GuessesTheEntryOfAKey) {
  Keys keys;
  for (std::uint64_t i = 0; i < 100; ++i) keys.insert(spread_key(i));
  for (std::uint64_t i = 0; i < 100; ++i) {
    const KeyHash hash = keys.hasher()(spread_key(i));
    ASSERT_NE(keys.table().probable_entry(hash), nullptr);
    EXPECT_EQ(keys.hasher()(keys.table().probable_entry(hash)->key()).tag(), hash.tag());
  }
}

TEST(Table, MovesWithItsSlots) {
  Keys keys;
  for (std::uint64_t i = 0; i < 100; ++i) keys.insert(spread_key(i));
  Table taken = std::move(keys.table());
  EXPECT_EQ(taken.size(), 100U);
  EXPECT_EQ(keys.table().size(), 0U);
  EXPECT_EQ(keys.table().bytes(), 0U);
  keys.table() = std::move(taken);
  keys.expect_consistent();
}

TEST(TableScan, VisitsEveryKeyOnceInOrderWhateverTheCount) {
  for (const int size : {1, 2, 15, 16, 17, 100, 400}) {
    Keys keys;
    for (int i = 0; i < size; ++i) keys.insert(spread_key(static_cast<std::uint64_t>(i)));
    std::vector<std::string> expected;
    for (const auto& [position, key] : keys.in_order()) expected.push_back(key);
    for (std::size_t count = 1; count <= static_cast<std::size_t>(size) + 1; count += 1 + count / 8) {
      EXPECT_EQ(keys.scan_all(count), expected) << size << " keys, " << count << " at a time";
    }
  }
}

TEST(TableScan, StopsAfterTheCountUnlessPositionsAreEqual) {
  Keys keys;
  for (std::uint32_t i = 0; i < 10; ++i) keys.insert(key_with_hash(hash_at(i << 24)));
  for (int i = 1; i < 5; ++i) keys.insert(key_with_hash(hash_at(3U << 24), i));
  std::vector<std::string> visited;
  EXPECT_EQ(keys.scan(0, 3, visited), KeyHash{hash_at(3U << 24)}.scan_position());
  EXPECT_EQ(visited.size(), 3U);
  EXPECT_EQ(keys.scan(KeyHash{hash_at(3U << 24)}.scan_position(), 1, visited),
            KeyHash{hash_at(4U << 24)}.scan_position());
  EXPECT_EQ(visited.size(), 8U);
}

TEST(TableScan, StartsAnywhere) {
  Keys keys;
  Random random;
  for (std::uint64_t i = 0; i < 500; ++i) keys.insert(spread_key(i));
  const auto in_order = keys.in_order();
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t from = random.next() >> 16;
    std::vector<std::string> expected;
    for (auto at = in_order.lower_bound(from); at != in_order.end(); ++at) expected.push_back(at->second);
    std::vector<std::string> visited;
    EXPECT_EQ(keys.scan(from, 1'000, visited), Table::kScanEnd);
    EXPECT_EQ(visited, expected) << from;
  }
  std::vector<std::string> visited;
  EXPECT_EQ(keys.scan(std::uint64_t{1} << 48, 1, visited), Table::kScanEnd) << "past every position";
  EXPECT_TRUE(visited.empty());
}

// Keys that stay are visited whatever comes and goes between two steps, while the table grows and shrinks by factors.
TEST(TableScan, MissesNoKeyThatStaysWhileTheTableGrowsAndShrinks) {
  for (const auto hash : {test::hash_in_key, test::few_hashes}) {
    Keys keys(hash);
    std::set<std::string> stay;
    for (std::uint64_t i = 0; i < 100; ++i) stay.insert(spread_key(i));
    for (const std::string& key : stay) keys.insert(key);
    std::vector<std::string> visited;
    std::uint64_t grown = 1'000;
    std::uint64_t step = 0;
    for (std::uint64_t from = 0; from != Table::kScanEnd; ++step) {
      from = keys.scan(from, 3, visited);
      if (step % 2 == 0) {
        for (std::uint64_t i = 0; i < 400; ++i) keys.insert(spread_key(grown++));
      } else {
        for (std::uint64_t i = 0; i < 400; ++i) keys.erase(spread_key(--grown));
      }
    }
    for (const std::string& key : visited) stay.erase(key);
    EXPECT_TRUE(stay.empty()) << *stay.begin() << " was not visited";
  }
}

// Any sequence of operations, on keys that collide in every way, against std::map.
TEST(TableModel, BehavesLikeAMap) {
  Random random;
  const auto random_key = [&] {
    constexpr std::uint32_t kPositions[] = {0, 1, 0x4000'0000, 0x4000'0001, 0xFFFF'FFFE, 0xFFFF'FFFF};
    const std::uint32_t position =
        random.one_in(3) ? static_cast<std::uint32_t>(random.next()) : kPositions[random.below(std::size(kPositions))];
    return key_with_hash(hash_at(position, static_cast<std::uint16_t>(random.below(2))),
                         static_cast<int>(random.below(9)));
  };
  for (int round = 0; round < 20; ++round) {
    Keys keys;
    for (int step = 0; step < 2'000; ++step) {
      const std::string key = random_key();
      const bool present = keys.entries().contains(key);
      ASSERT_EQ(keys.has(key), present) << key;
      const bool grows = step % 1'000 < 600;
      if (!present && (grows || random.one_in(3))) {
        keys.insert(key);
      } else if (present && (!grows || random.one_in(3))) {
        keys.erase(key);
      }
      if (!grows && !keys.entries().empty() && random.one_in(2)) keys.erase(std::string(keys.entries().begin()->first));
    }
    keys.expect_consistent();
    EXPECT_EQ(keys.scan_all(1 + random.below(10)).size(), keys.entries().size());
  }
}

}  // namespace
}  // namespace kv::engine
