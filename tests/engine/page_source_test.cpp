#include <cstring>
#include <set>
#include <sys/mman.h>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "engine/memory.hpp"
#include "support/base/wait.hpp"

namespace kv::engine {
namespace {

// More than the plain chunks hold, so that the thread which prepares huge pages has to work too.
constexpr std::size_t kManyPages = 10 * (std::size_t{2} << 20) / kPageBytes;

TEST(PageSourceThreads, HandsOutEachPageOnceAndTakesAllBack) {
  PageSource source;
  for (int round = 0; round < 3; ++round) {
    std::set<void*> pages;
    for (std::size_t i = 0; i < kManyPages; ++i) {
      void* page = source.allocate();
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(page) % kPageBytes, 0U);
      EXPECT_TRUE(pages.insert(page).second);
      std::memset(page, round, kPageBytes);
    }
    std::vector<void*> all(pages.begin(), pages.end());
    source.free(all);
  }
}

// Of these pages, how many have memory.
std::size_t resident(const std::vector<void*>& pages) {
  std::size_t count = 0;
  for (void* page : pages) {
    unsigned char state = 0;
    if (mincore(page, kPageBytes, &state) == 0 && (state & 1) != 0) ++count;
  }
  return count;
}

TEST(PageSourceThreads, GivesTheMemoryOfWhatComesBackToTheKernel) {
  constexpr std::size_t kReserve = 256;
  PageSource source;
  std::vector<void*> kept;
  std::vector<void*> freed;
  for (std::size_t i = 0; i < kManyPages; ++i) {
    void* page = source.allocate();
    std::memset(page, 'x', kPageBytes);
    (i % 3 == 0 ? kept : freed).push_back(page);
  }
  source.free(freed);
  EXPECT_LE(resident(freed), kReserve);
  EXPECT_EQ(resident(kept), kept.size());
  for (const void* page : kept) EXPECT_EQ(*static_cast<const char*>(page), 'x');
  source.free(kept);
  EXPECT_LE(resident(freed) + resident(kept), kReserve);
  void* again = source.allocate();
  std::memset(again, 'y', kPageBytes);
  source.free(again);
}

TEST(PageSourceThreads, ServesSeveralThreads) {
  PageSource source;
  std::vector<std::thread> threads;
  for (int number = 0; number < 3; ++number) {
    threads.emplace_back([&source, number] {
      std::vector<void*> pages;
      for (std::size_t i = 0; i < kManyPages / 3; ++i) {
        pages.push_back(source.allocate());
        std::memset(pages.back(), number, kPageBytes);
      }
      for (const void* page : pages) EXPECT_EQ(*static_cast<const char*>(page), number);
      source.free(pages);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(PageSourceThreads, KeepsNoSpareChunkWhereNothingGrows) {
  PageSource source;
  std::vector<void*> pages;
  for (int round = 0; round < 2; ++round) {
    // One after the other until the next chunk is made ready, which may take a moment.
    ASSERT_TRUE(test::wait_until([&] {
      if (pages.size() < kManyPages) pages.push_back(source.allocate());
      return source.has_spare();
    }));
    EXPECT_LT(pages.size(), kManyPages);
    EXPECT_TRUE(test::wait_until([&] { return !source.has_spare(); }));
  }
  source.free(pages);
}

TEST(PageSourceThreads, KeepsNoMemoryInTheRestOfTheNewestChunkWhereNothingGrows) {
  constexpr std::size_t kChunkBytes = std::size_t{2} << 20;
  PageSource source;
  std::vector<void*> pages;
  ASSERT_TRUE(test::wait_until([&] {
    if (pages.size() < kManyPages) pages.push_back(source.allocate());
    return source.has_spare();
  }));
  while (source.has_spare()) pages.push_back(source.allocate());
  std::memset(pages.back(), 'x', kPageBytes);
  std::vector<void*> rest;
  for (auto* page = static_cast<char*>(pages.back()) + kPageBytes;
       reinterpret_cast<std::uintptr_t>(page) % kChunkBytes != 0; page += kPageBytes) {
    rest.push_back(page);
  }
  EXPECT_TRUE(test::wait_until([&] { return resident(rest) == 0; }));
  EXPECT_EQ(*static_cast<const char*>(pages.back()), 'x');
  for (std::size_t i = 0; i < rest.size(); ++i) {
    pages.push_back(source.allocate());
    std::memset(pages.back(), 'y', kPageBytes);
  }
  source.free(pages);
}

TEST(PageSourceThreads, MayGoWhileTheNextChunkIsBeingMade) {
  for (int round = 0; round < 20; ++round) {
    PageSource source;
    for (std::size_t i = 0; i < kManyPages / 2; ++i) source.allocate();
  }
}

}  // namespace
}  // namespace kv::engine
