// SCAN: what it guarantees, by one client; concurrent_scan_test.cpp has it under changes.
#include <algorithm>
#include <random>
#include <set>

#include "integration/scan_all.hpp"
#include "integration/server_test.hpp"

namespace kv::test {
namespace {

using KeySet = std::set<std::string>;

class Scan : public ServerTest {
 protected:
  KeySet fill(int keys, const std::string& prefix = "key:") {
    KeySet all;
    std::string requests;
    for (int i = 0; i < keys; ++i) {
      const std::string key = prefix + std::to_string(i);
      requests += set(key, encode_int(i));
      all.insert(key);
    }
    client_.pipeline(requests, static_cast<std::size_t>(keys));
    return all;
  }
  KeySet scan_set(std::uint32_t count = 0, ByteView pattern = {}) {
    const std::vector<std::string> keys = scan_all(client_, count, pattern);
    return {keys.begin(), keys.end()};
  }
};

TEST_F(Scan, AnEmptyServerEndsAtOnceOrAfterEmptyPages) {
  EXPECT_TRUE(scan_set().empty());
}

TEST_F(Scan, ReturnsEveryKeyWhateverTheCount) {
  const KeySet all = fill(3'000);
  for (const std::uint32_t count : {0U, 1U, 7U, 100U, 9'999U, 10'000U, 4'000'000'000U}) {
    EXPECT_EQ(scan_set(count), all) << "count " << count;
  }
}

TEST_F(Scan, WithoutChangesNoKeyComesTwice) {
  fill(3'000);
  std::vector<std::string> keys = scan_all(client_, 13);
  std::ranges::sort(keys);
  EXPECT_EQ(std::ranges::adjacent_find(keys), keys.end());
}

TEST_F(Scan, CountBoundsThePageAndZeroMeans100) {
  fill(25'000);
  const std::pair<std::uint32_t, std::size_t> bounds[] = {{1, 1},           {50, 50},         {0, 100},
                                                          {10'000, 10'000}, {10'001, 10'000}, {0xFFFF'FFFF, 10'000}};
  for (const auto& [count, most] : bounds) {
    std::uint64_t cursor = 0;
    std::size_t largest = 0;
    for (int page_number = 0; page_number < 50; ++page_number) {
      const ScanPage page = scan_page(call(scan(cursor, count)));
      largest = std::max(largest, page.keys.size());
      cursor = page.cursor;
      if (cursor == 0) break;
    }
    EXPECT_LE(largest, most) << "count " << count;
    EXPECT_GT(largest, 0U);
  }
}

TEST_F(Scan, CountBoundsTheEntriesLookedAtSoAPageMayBeEmpty) {
  fill(5'000);
  call(set("needle", encode_int(1)));
  std::uint64_t cursor = 0;
  std::vector<std::string> found;
  int pages = 0;
  do {
    const ScanPage page = scan_page(call(scan(cursor, 10, "needle")));
    found.insert(found.end(), page.keys.begin(), page.keys.end());
    cursor = page.cursor;
    ++pages;
  } while (cursor != 0);
  EXPECT_EQ(found, std::vector<std::string>{"needle"});
  EXPECT_GE(pages, 5'000 / 10);
}

TEST_F(Scan, SeesWhatIsThereNotWhatWas) {
  fill(100);
  call(flush());
  const KeySet now = fill(50, "new:");
  EXPECT_EQ(scan_set(), now);
  call(expire("new:1", 0));
  call(set("new:2", encode_int(1), 1));
  call(mdel({"new:3", "new:4"}));
  const KeySet seen = scan_set();
  for (const char* gone : {"new:1", "new:3", "new:4", "key:1"}) EXPECT_FALSE(seen.contains(gone)) << gone;
  EXPECT_GE(seen.size(), 46U);
}

TEST_F(Scan, ReturnsEveryKeyThatIsPresentThroughoutThoughTheTableGrowsAndShrinks) {
  const KeySet stable = fill(500, "stable:");
  KeySet seen;
  std::uint64_t cursor = 0;
  int round = 0;
  do {
    const ScanPage page = scan_page(call(scan(cursor, 5)));
    seen.insert(page.keys.begin(), page.keys.end());
    cursor = page.cursor;
    // Between any two pages the table is several times as large as before, or as small again.
    if (++round % 2 == 1) {
      fill(2'000, "passing:");
    } else {
      Keys passing;
      for (int i = 0; i < 2'000; ++i) passing.push_back("passing:" + std::to_string(i));
      EXPECT_EQ(call(mdel(passing)), ok_u32(2'000));
    }
  } while (cursor != 0);
  EXPECT_TRUE(std::ranges::includes(seen, stable));
  for (const std::string& key : seen) EXPECT_TRUE(stable.contains(key) || key.starts_with("passing:")) << key;
}

TEST_F(Scan, AnyCursorDoesNoHarm) {
  const KeySet all = fill(1'000);
  std::mt19937_64 random(20'240'501);
  for (int i = 0; i < 2'000; ++i) {
    const std::uint64_t cursor = random() >> (random() % 64);
    const ScanPage page = scan_page(call(scan(cursor, 20)));
    EXPECT_LE(page.keys.size(), 20U);
    for (const std::string& key : page.keys) EXPECT_TRUE(all.contains(key));
  }
  for (const std::uint64_t cursor : {~std::uint64_t{0}, std::uint64_t{1} << 63, std::uint64_t{1}}) {
    scan_page(call(scan(cursor, 20)));
  }
  EXPECT_EQ(scan_set(), all);
}

TEST_F(Scan, LocksAndValuesOfAllTypesAreKeysAlike) {
  call(mset({{"null", encode_null()}, {"list", list_of({})}, {"large", encode_bytes(std::string(100'000, 'x'))}}));
  call(lock("lock", "me"));
  EXPECT_EQ(scan_set(), (KeySet{"null", "list", "large", "lock"}));
}

TEST_F(Scan, KeysOfAllLengthsComeBackWhole) {
  KeySet all;
  for (const std::size_t size : {1, 2, 255, 256, 65'535}) all.insert(std::string(size, 'k'));
  all.insert(std::string("nul\0", 4));
  for (const std::string& key : all) call(set(key, encode_null()));
  EXPECT_EQ(scan_set(), all);
}

class FewShards : public ServerTest, public ::testing::WithParamInterface<const char*> {
 protected:
  FewShards() : ServerTest({"--shards", GetParam()}) {}
};

TEST_P(FewShards, TheNumberOfShardsMakesNoDifference) {
  KeySet all;
  for (int i = 0; i < 500; ++i) {
    all.insert("key:" + std::to_string(i));
    call(set("key:" + std::to_string(i), encode_int(i)));
  }
  const std::vector<std::string> keys = scan_all(client_, 3);
  EXPECT_EQ(KeySet(keys.begin(), keys.end()), all);
}

INSTANTIATE_TEST_SUITE_P(Counts, FewShards, ::testing::Values("1", "2", "3", "1000", "65536"));

}  // namespace
}  // namespace kv::test
