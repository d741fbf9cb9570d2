#include "kv/base/memory_account.hpp"

#include <thread>

#include <gtest/gtest.h>

#include "kv/base/byte_buffer.hpp"
#include "kv/base/limits.hpp"

namespace kv::memory {
namespace {

TEST(MemoryAccount, IsExactForTheThreadThatCounts) {
  const std::int64_t before = held(Use::kTables);
  const std::int64_t all_before = held();
  add(Use::kTables, 100);
  EXPECT_EQ(held(Use::kTables), before + 100);
  EXPECT_EQ(held(), all_before + 100);
  add(Use::kTables, 10 * kUncountedMax);
  add(Use::kTables, -10 * kUncountedMax - 100);
  EXPECT_EQ(held(Use::kTables), before);
}

TEST(MemoryAccountThreads, SumsWhatThreadsCountedOnceTheyHaveEnded) {
  const std::int64_t before = held(Use::kPages);
  const auto count = [](std::int64_t each) {
    for (int i = 0; i < 10'000; ++i) add(Use::kPages, each);
  };
  {
    std::jthread one(count, 1000);
    std::jthread other(count, -999);
  }
  EXPECT_EQ(held(Use::kPages), before + 10'000);
  add(Use::kPages, -10'000);
}

TEST(MemoryAccountThreads, KnowsAllButALittleWhileThreadsCount) {
  const std::int64_t before = held(Use::kPages);
  std::jthread([] {
    add(Use::kPages, kUncountedMax);
    add(Use::kPages, kUncountedMax - 1);
  }).join();
  EXPECT_EQ(held(Use::kPages), before + 2 * kUncountedMax - 1);
  add(Use::kPages, 1 - 2 * kUncountedMax);
}

TEST(MemoryAccount, HasTheBuffers) {
  const std::int64_t before = held(Use::kBuffers);
  {
    ByteBuffer buffer(1'000);
    EXPECT_EQ(held(Use::kBuffers), before + 1'000);
    buffer.append(std::string(5'000, 'x'));
    EXPECT_EQ(held(Use::kBuffers), before + static_cast<std::int64_t>(buffer.capacity()));
    buffer.consume(4'000);
    buffer.shrink_to(1'000);
    EXPECT_EQ(held(Use::kBuffers), before + 1'000);
    ByteBuffer moved = std::move(buffer);
    EXPECT_EQ(held(Use::kBuffers), before + 1'000);
    moved = ByteBuffer(10);
    EXPECT_EQ(held(Use::kBuffers), before + 10);
    moved.shrink_to(0);
    EXPECT_EQ(held(Use::kBuffers), before);
    moved.append("x");
  }
  EXPECT_EQ(held(Use::kBuffers), before);
}

TEST(MemoryAccount, HasLargeBuffersApart) {
  const std::int64_t usual = held(Use::kBuffers);
  const std::int64_t large = held(Use::kLargeBuffers);
  ByteBuffer buffer(kBufferBytesUsual);
  EXPECT_EQ(held(Use::kBuffers), usual + static_cast<std::int64_t>(kBufferBytesUsual));
  buffer.reserve(kBufferBytesUsual + 1);
  EXPECT_EQ(held(Use::kBuffers), usual);
  EXPECT_EQ(held(Use::kLargeBuffers), large + static_cast<std::int64_t>(buffer.capacity()));
  buffer.shrink_to(0);
  EXPECT_EQ(held(Use::kLargeBuffers), large);
}

}  // namespace
}  // namespace kv::memory
