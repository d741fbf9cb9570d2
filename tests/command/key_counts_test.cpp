#include "command/key_counts.hpp"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/base/random.hpp"

namespace kv::command {
namespace {

std::vector<std::string> names(const std::vector<KeyCounts::Counted>& counted) {
  std::vector<std::string> names;
  for (const KeyCounts::Counted& one : counted) names.push_back(one.key);
  return names;
}

TEST(KeyCounts, CountsReadsAndWritesOfEachKey) {
  KeyCounts counts(10);
  counts.add("a", true, false, 3);
  counts.add("b", false, true, 2);
  counts.add("b", true, true, 4);
  const auto most = counts.most(10);
  ASSERT_EQ(names(most), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(most[0].uses.reads, 4U);
  EXPECT_EQ(most[0].uses.writes, 6U);
  EXPECT_EQ(most[1].uses.reads, 3U);
  EXPECT_EQ(counts.lost(), 0U);
}

TEST(KeyCounts, TellsAsManyAsAreAskedForAndThoseThatAreEqualByName) {
  KeyCounts counts(10);
  for (const char* key : {"c", "a", "b"}) counts.add(key, true, false, 1);
  EXPECT_EQ(names(counts.most(2)), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(counts.most(0).size(), 0U);
}

TEST(KeyCounts, ANewcomerTakesWeightFromAll) {
  KeyCounts counts(2);
  counts.add("a", true, false, 5);
  counts.add("b", true, false, 2);
  counts.add("c", true, false, 1);
  EXPECT_EQ(names(counts.most(3)), (std::vector<std::string>{"a", "b"})) << "it was used up";
  EXPECT_EQ(counts.lost(), 1U);
  counts.add("d", true, false, 3);
  EXPECT_EQ(names(counts.most(3)), (std::vector<std::string>{"a", "d"})) << "b had one left";
  EXPECT_EQ(counts.lost(), 2U);
}

// Whoever came more often than one in capacity + 1 is there, and is told to have come at most lost() less often.
TEST(KeyCounts, WhatComesOftenIsNeverLost) {
  test::Random random;
  for (int round = 0; round < 20; ++round) {
    constexpr std::size_t kCapacity = 20;
    KeyCounts counts(kCapacity);
    std::map<std::string, std::uint64_t> truth;
    std::uint64_t all = 0;
    for (int i = 0; i < 5'000; ++i) {
      const std::uint64_t number = random.below(2) == 0 ? random.below(8) : random.below(1'000);
      const auto times = static_cast<std::uint32_t>(1 + random.below(16));
      const std::string key = "key" + std::to_string(number);
      counts.add(key, true, false, times);
      truth[key] += times;
      all += times;
    }
    EXPECT_LE(counts.lost(), all / (kCapacity + 1));
    std::map<std::string, std::uint64_t> told;
    for (const auto& [key, uses] : counts.most(kCapacity)) told[key] = uses.weight;
    EXPECT_LE(told.size(), kCapacity);
    for (const auto& [key, times] : truth) {
      if (times > all / (kCapacity + 1)) ASSERT_TRUE(told.contains(key)) << key;
      if (told.contains(key)) {
        EXPECT_LE(told[key], times);
        EXPECT_GE(told[key] + counts.lost(), times);
      }
    }
  }
}

}  // namespace
}  // namespace kv::command
