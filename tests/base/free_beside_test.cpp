#include "kv/base/free_beside.hpp"

#include <cstdlib>
#include <cstring>
#include <future>
#include <vector>

#include <gtest/gtest.h>

#include "kv/base/byte_buffer.hpp"

namespace kv {
namespace {

// A block of so many bytes, all of which the kernel has had to provide.
void* used_block(std::size_t bytes) {
  void* block = std::malloc(bytes);
  std::memset(block, 'x', bytes);
  return block;
}

TEST(FreeBeside, TakesBlocksOfAnySizeFromAnyThread) {
  free_beside(nullptr, 0);
  std::vector<std::future<void>> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.push_back(std::async(std::launch::async, [] {
      for (std::size_t i = 0; i < 20; ++i) {
        for (const std::size_t bytes : {std::size_t{1}, kFreedBesideBytesMin - 1, kFreedBesideBytesMin + i * 4'097}) {
          free_beside(used_block(bytes), bytes);
        }
      }
    }));
  }
  for (auto& thread : threads) thread.get();
}

TEST(FreeBeside, NeighboursOfABlockStayAsTheyAre) {
  constexpr std::size_t kBytes = kFreedBesideBytesMin + 12'345;
  std::vector<ByteBuffer> kept;
  for (int i = 0; i < 20; ++i) {
    kept.emplace_back().append(std::string(kBytes, static_cast<char>('a' + i)));
    free_beside(used_block(kBytes), kBytes);
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(kept[static_cast<std::size_t>(i)].view() == std::string(kBytes, static_cast<char>('a' + i))) << i;
  }
}

TEST(FreeBeside, ABufferThatGivesMuchBackKeepsWhatIsReadable) {
  ByteBuffer buffer;
  buffer.append(std::string(3 * kFreedBesideBytesMin, 'x') + "the rest");
  buffer.consume(3 * kFreedBesideBytesMin);
  buffer.shrink_to(100);
  EXPECT_EQ(buffer.capacity(), 100U);
  EXPECT_EQ(buffer.view(), "the rest");
  buffer.append(std::string(2 * kFreedBesideBytesMin, 'x'));
  buffer.clear();
  buffer.shrink_to(0);
  EXPECT_EQ(buffer.capacity(), 0U);
}

}  // namespace
}  // namespace kv
