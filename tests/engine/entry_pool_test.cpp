#include "engine/entry_pool.hpp"

#include <iterator>
#include <map>
#include <set>
#include <string>
#include <sys/mman.h>
#include <vector>

#include <gtest/gtest.h>

#include "support/base/random.hpp"

namespace kv::engine {
namespace {

using test::Random;

constexpr std::size_t kHeaderBytes = sizeof(Entry);
constexpr std::size_t kWideHeaderBytes = 8;  // where a length is over 255

value::ValueView bytes_value(ByteView data) {
  return {value::ValueType::kBytes, data};
}

void* page_of(const Entry* entry) {
  return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(entry) & ~(kPageBytes - 1));
}

bool is_resident(void* page) {
  unsigned char resident = 0;
  EXPECT_EQ(mincore(page, kPageBytes, &resident), 0);
  return (resident & 1) != 0;
}

class EntryPoolTest : public testing::Test {
 protected:
  Entry* add(const std::string& key, std::size_t data_bytes, UnixMillis deadline = 0) {
    return pool.add({.key = key, .value = bytes_value(std::string(data_bytes, 'x')), .deadline = deadline});
  }
  void remove(Entry* entry) {
    const bool is_large = entry->is_large();
    pool.remove(entry);
    if (is_large) unpin_large_entry(entry);
  }

  PageSource pages;
  EntryPool pool{pages};
};

TEST_F(EntryPoolTest, KeepsWhatAnEntryIsMadeOf) {
  const Entry* entry =
      pool.add({.key = "key", .value = {value::ValueType::kString, "owner"}, .deadline = 77, .is_lock = true});
  EXPECT_EQ(entry->key(), "key");
  EXPECT_EQ(entry->value().type, value::ValueType::kString);
  EXPECT_EQ(entry->value().data, "owner");
  EXPECT_EQ(entry->deadline(), 77U);
  EXPECT_TRUE(entry->is_lock());
  EXPECT_FALSE(entry->is_large());
  EXPECT_FALSE(entry->is_expired(76));
  EXPECT_TRUE(entry->is_expired(77));
}

// Around the lengths that a small header holds, with and without a deadline, and whatever is rewritten.
TEST_F(EntryPoolTest, KeepsWhatAnEntryIsMadeOfWhateverItsLengths) {
  for (const std::size_t key_bytes : {1, 255, 256, 480}) {
    for (const std::size_t data_bytes : {0, 1, 255, 256, 257, 480}) {
      for (const UnixMillis deadline : {UnixMillis{0}, ~UnixMillis{0}}) {
        const std::string key(key_bytes, 'k');
        const std::string data(data_bytes, 'd');
        Entry* entry = add(key, data_bytes, deadline);
        entry->set_access(0xFF);
        ASSERT_TRUE(pool.try_rewrite(entry, {.key = key, .value = bytes_value(data), .deadline = deadline}));
        EXPECT_EQ(entry->key(), key);
        EXPECT_EQ(entry->data(), data);
        EXPECT_EQ(entry->deadline(), deadline);
        EXPECT_EQ(entry->has_deadline_field(), deadline != 0);
        EXPECT_EQ(entry->access(), 0xFF);
        EXPECT_FALSE(entry->is_large());
      }
    }
  }
}

TEST_F(EntryPoolTest, CountsTheBytesOfItsEntries) {
  std::vector<Entry*> entries{add("k", 0), add("k", 7), add("k", 8), add("k", 47, 1)};
  std::size_t bytes = 8 + 12 + 16 + 60;
  EXPECT_EQ(pool.bytes(), bytes) << "in steps of 4";
  entries.push_back(add("k", 123));
  entries.push_back(add("k", 124));
  entries.push_back(add("k", 255));
  bytes += 128 + 136 + 264;
  EXPECT_EQ(pool.bytes(), bytes) << "in steps of 8 past 128";
  entries.push_back(add("k", 256));
  entries.push_back(add(std::string(256, 'k'), 0));
  bytes += 272 + 264;
  EXPECT_EQ(pool.bytes(), bytes) << "with a wider header";
  entries.push_back(add("k", 5'000));
  bytes += 5'024;
  EXPECT_EQ(pool.bytes(), bytes) << "a large one has a deadline";
  for (Entry* entry : entries) remove(entry);
  EXPECT_EQ(pool.bytes(), 0U);
}

TEST_F(EntryPoolTest, TakesEntriesFromTheHeapOnlyWhereTheyAreOverTheLimit) {
  EXPECT_FALSE(add("k", kSlabEntryMax - kWideHeaderBytes - 1)->is_large());
  Entry* large = add("k", kSlabEntryMax - kWideHeaderBytes);
  EXPECT_TRUE(large->is_large());
  EXPECT_EQ(large->deadline(), 0U);
  EXPECT_FALSE(add("k", kSlabEntryMax - kWideHeaderBytes - 9, 5)->is_large());
  EXPECT_TRUE(add("k", kSlabEntryMax - kWideHeaderBytes - 8, 5)->is_large());
}

TEST_F(EntryPoolTest, SaysWhichEntryMovedIntoTheGap) {
  Entry* first = add("a", 10);
  Entry* second = add("b", 10);
  Entry* last = add("c", 10);
  const EntryPool::Moved moved = pool.remove(first);
  EXPECT_EQ(moved.from, last);
  EXPECT_EQ(moved.to, first);
  EXPECT_EQ(first->key(), "c");
  EXPECT_EQ(second->key(), "b");
  EXPECT_EQ(pool.remove(second).to, nullptr) << "the last one of its class leaves no gap";
}

// Random additions and removals: whatever moves is reported, and nothing else changes.
TEST_F(EntryPoolTest, KeepsEveryEntryWhateverComesAndGoes) {
  Random random;
  struct Expected {
    std::string key;
    std::size_t data_bytes;
    UnixMillis deadline;
  };
  std::map<const Entry*, Expected> live;
  const auto random_size = [&] {
    return random.one_in(3) ? kSlabEntryMax - 20 + random.below(40) : random.one_in(10) ? 3'000U : random.below(70);
  };
  for (int step = 0; step < 12'000; ++step) {
    const bool grows = step % 4'000 < 2'400;
    if (live.empty() || random.below(10) < (grows ? 7U : 3U)) {
      const Expected expected{"key " + std::to_string(step), random_size(), random.one_in(2) ? random.next() | 1 : 0};
      const Entry* entry = add(expected.key, expected.data_bytes, expected.deadline);
      ASSERT_TRUE(live.emplace(entry, expected).second) << "two entries in one place";
      continue;
    }
    const auto at = std::next(live.begin(), static_cast<std::ptrdiff_t>(random.below(live.size())));
    auto* entry = const_cast<Entry*>(at->first);
    live.erase(at);
    const bool is_large = entry->is_large();
    const EntryPool::Moved moved = pool.remove(entry);
    if (is_large) {
      unpin_large_entry(entry);
    } else if (moved.to != nullptr) {
      auto node = live.extract(moved.from);
      ASSERT_FALSE(node.empty());
      node.key() = moved.to;
      live.insert(std::move(node));
    }
  }
  std::size_t bytes = 0;
  for (const auto& [entry, expected] : live) {
    bytes += entry->size();
    ASSERT_EQ(entry->key(), expected.key);
    ASSERT_EQ(entry->data(), std::string(expected.data_bytes, 'x'));
    ASSERT_EQ(entry->deadline(), expected.deadline);
  }
  EXPECT_EQ(pool.bytes(), bytes);
}

TEST_F(EntryPoolTest, FillsItsPagesWithoutGaps) {
  const std::size_t per_page = kPageBytes / (kHeaderBytes + 8);
  std::vector<Entry*> entries;
  std::set<void*> used;
  for (std::size_t i = 0; i < 10 * per_page; ++i) entries.push_back(add("k", 7));
  for (const Entry* entry : entries) used.insert(page_of(entry));
  EXPECT_EQ(used.size(), 10U);
}

TEST_F(EntryPoolTest, GivesPagesBackAsSoonAsTheyAreNotNeeded) {
  std::vector<Entry*> entries;
  std::set<void*> first_pages;
  for (int i = 0; i < 2'000; ++i) {
    entries.push_back(add(std::to_string(i), 500));
    first_pages.insert(page_of(entries.back()));
  }
  // Removed from the front, so that others move all the time: the one at `first` is always another.
  Entry* first = entries.front();
  for (int i = 0; i < 2'000; ++i) remove(first);
  EntryPool other(pages);
  std::set<void*> second_pages;
  for (int i = 0; i < 2'000; ++i)
    second_pages.insert(page_of(other.add({.key = "k", .value = bytes_value(std::string(500, 'x'))})));
  EXPECT_EQ(second_pages, first_pages) << "the pages of the one serve the other, all of them";
}

TEST_F(EntryPoolTest, ReturnsItsMemoryToTheSystem) {
  std::vector<Entry*> entries;
  std::set<void*> used;
  for (int i = 0; i < 16'000; ++i) {
    entries.push_back(add(std::to_string(i), 1'000 - 16));
    used.insert(page_of(entries.back()));
  }
  for (void* page : used) ASSERT_TRUE(is_resident(page));
  ASSERT_EQ(used.size(), 4'000U);
  Entry* first = entries.front();
  for (int i = 0; i < 16'000; ++i) remove(first);
  std::size_t resident = 0;
  for (void* page : used) resident += is_resident(page) ? 1 : 0;
  EXPECT_LE(resident, 300U) << "but for a small reserve";
}

TEST_F(EntryPoolTest, ClearFreesEverythingAndThePoolGoesOn) {
  for (int i = 0; i < 500; ++i) add(std::to_string(i), 10);
  for (int i = 0; i < 5; ++i) add(std::to_string(i), 5'000);
  pool.clear();
  EXPECT_EQ(pool.bytes(), 0U);
  EntryPool::WalkPosition at;
  EXPECT_EQ(pool.deadline_walk(at), nullptr);
  EXPECT_EQ(add("again", 10)->key(), "again");
}

TEST_F(EntryPoolTest, MovesWithItsEntries) {
  const Entry* small = add("small", 10);
  const Entry* large = add("large", 5'000);
  const std::size_t bytes = pool.bytes();
  EntryPool taken = std::move(pool);
  EXPECT_EQ(taken.bytes(), bytes);
  EXPECT_EQ(small->key(), "small");
  EXPECT_EQ(large->key(), "large");
  // What is left is an empty pool that works.
  const EntryPool& rest = pool;  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(rest.bytes(), 0U);
  EXPECT_NE(add("new", 10), small);
}

TEST_F(EntryPoolTest, WalksOverEveryEntryThatMayHaveADeadline) {
  std::multiset<std::string> expected;
  for (int i = 0; i < 400; ++i) {
    const std::string key = std::to_string(i);
    const bool has_deadline = i % 3 != 0;
    const std::size_t size = i % 20 == 0 ? 2'000 : static_cast<std::size_t>(i % 7) * 20;
    const Entry* entry = add(key, size, has_deadline ? 1 : 0);
    if (has_deadline || entry->is_large()) expected.insert(key);
  }
  std::multiset<std::string> walked;
  EntryPool::WalkPosition at;
  for (; const Entry* entry = pool.deadline_walk(at); ++at.index) walked.insert(std::string(entry->key()));
  EXPECT_EQ(walked, expected);
}

TEST_F(EntryPoolTest, TheWalkGoesOnWhereAnEntryWasRemoved) {
  for (int i = 0; i < 400; ++i) {
    add(std::to_string(i), i % 20 == 0 ? 2'000 : static_cast<std::size_t>(i % 7) * 20,
        static_cast<UnixMillis>(1 + i % 2));
  }
  std::set<std::string> walked;
  EntryPool::WalkPosition at;
  while (Entry* entry = pool.deadline_walk(at)) {
    EXPECT_TRUE(walked.insert(std::string(entry->key())).second);
    if (entry->deadline() == 1) {
      remove(entry);
    } else {
      ++at.index;
    }
  }
  EXPECT_EQ(walked.size(), 400U);
}

TEST_F(EntryPoolTest, RewritesInPlaceOnlyWhatTakesTheSameMemory) {
  Entry* entry = add("k", 5);
  EXPECT_FALSE(entry->try_rewrite({.key = "k", .value = bytes_value("123456")}));
  EXPECT_FALSE(entry->try_rewrite({.key = "k", .value = bytes_value("12345"), .deadline = 1}));
  EXPECT_EQ(entry->data(), "xxxxx");
  EXPECT_TRUE(entry->try_rewrite({.key = "k", .value = {value::ValueType::kString, "12345"}, .is_lock = true}));
  EXPECT_EQ(entry->value().type, value::ValueType::kString);
  EXPECT_EQ(entry->data(), "12345");
  EXPECT_TRUE(entry->is_lock());
  Entry* large = add("k", 5'000);
  EXPECT_FALSE(large->try_rewrite({.key = "k", .value = bytes_value(std::string(5'000, 'y'))}))
      << "readers may share it";
}

}  // namespace
}  // namespace kv::engine
