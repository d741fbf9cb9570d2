#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "engine/memory.hpp"

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
    source.free_all({pages.begin(), pages.end()});
  }
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
      source.free_all(pages);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(PageSourceThreads, MayGoWhileTheNextChunkIsBeingMade) {
  for (int round = 0; round < 20; ++round) {
    PageSource source;
    for (std::size_t i = 0; i < kManyPages / 2; ++i) source.allocate();
  }
}

}  // namespace
}  // namespace kv::engine
