#include "kv/base/byte_buffer.hpp"

#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "support/base/hex.hpp"
#include "support/base/random.hpp"

// AddressSanitizer would end the program where malloc() finds no memory.
extern "C" const char* __asan_default_options() {  // NOLINT(bugprone-reserved-identifier): its name for it
  return "allocator_may_return_null=1";
}

namespace kv {
namespace {

TEST(ByteBuffer, StartsEmptyAndTakesNoMemory) {
  const ByteBuffer buffer;
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.size(), 0U);
  EXPECT_EQ(buffer.capacity(), 0U);
  EXPECT_EQ(buffer.view(), "");
}

TEST(ByteBuffer, HasTheCapacityItWasAskedFor) {
  const ByteBuffer buffer(100);
  EXPECT_EQ(buffer.capacity(), 100U);
  EXPECT_EQ(buffer.writable(), 100U);
}

TEST(ByteBuffer, ShowsCommittedBytesOnly) {
  ByteBuffer buffer;
  std::memcpy(buffer.prepare(10), "0123456789", 10);
  EXPECT_TRUE(buffer.empty());
  buffer.commit(4);
  EXPECT_EQ(buffer.view(), "0123");
}

TEST(ByteBuffer, AppendsIntegersBigEndian) {
  ByteBuffer buffer;
  buffer.append_byte(0xab);
  buffer.append_big_endian(std::uint32_t{1});
  EXPECT_EQ(test::hex(buffer.view()), "ab00000001");
}

TEST(ByteBuffer, FillsInWhatWasNotKnown) {
  ByteBuffer buffer;
  buffer.append("gone....rest");
  buffer.consume(4);
  std::memcpy(buffer.mutable_at(0), "here", 4);
  EXPECT_EQ(buffer.view(), "hererest");
}

TEST(ByteBuffer, UsesTheRoomThatConsumingFreedBeforeItGrows) {
  ByteBuffer buffer(64);
  buffer.append(std::string(64, 'a'));
  buffer.consume(60);
  buffer.append(std::string(60, 'b'));
  EXPECT_EQ(buffer.capacity(), 64U);
  EXPECT_EQ(buffer.view(), "aaaa" + std::string(60, 'b'));
}

TEST(ByteBuffer, DoesNotGrowWhileAStreamFlowsThroughIt) {
  ByteBuffer buffer(1024);
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 200), static_cast<char>('a' + i % 26));
    buffer.append(piece);
    expected += piece;
    const std::size_t size = buffer.size() / 2;
    ASSERT_EQ(buffer.view().substr(0, size), expected.substr(0, size));
    buffer.consume(size);
    expected.erase(0, size);
  }
  EXPECT_EQ(buffer.capacity(), 1024U);
}

TEST(ByteBuffer, GivesMemoryBackButKeepsWhatIsReadable) {
  ByteBuffer buffer;
  buffer.append(std::string(1000, 'x') + "tail");
  buffer.consume(1000);
  buffer.shrink_to(16);
  EXPECT_EQ(buffer.capacity(), 16U);
  EXPECT_EQ(buffer.view(), "tail");
  buffer.shrink_to(0);
  EXPECT_EQ(buffer.capacity(), 4U);
  EXPECT_EQ(buffer.view(), "tail");
  buffer.clear();
  buffer.shrink_to(0);
  EXPECT_EQ(buffer.capacity(), 0U);
  buffer.append("again");
  EXPECT_EQ(buffer.view(), "again");
}

TEST(ByteBuffer, IsEmptyAfterItWasMovedFrom) {
  ByteBuffer from;
  from.append("bytes");
  ByteBuffer to(std::move(from));
  EXPECT_EQ(to.view(), "bytes");
  EXPECT_EQ(from.capacity(), 0U);  // NOLINT(bugprone-use-after-move): what it promises
  from.append("new");
  to = std::move(from);
  EXPECT_EQ(to.view(), "new");
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(ByteBuffer, HasChangedNothingWhenThereIsNoMemory) {
  ByteBuffer buffer;
  buffer.append("kept");
  EXPECT_THROW(buffer.prepare(std::size_t{1} << 60), std::bad_alloc);
  EXPECT_EQ(buffer.view(), "kept");
  buffer.append("!");
  EXPECT_EQ(buffer.view(), "kept!");
}

// Random operations on a buffer and on the plainest model of it.
TEST(ByteBuffer, BehavesLikeAStringUnderRandomOperations) {
  test::Random random;
  for (int round = 0; round < 200; ++round) {
    ByteBuffer buffer;
    std::string model;
    for (int step = 0; step < 500; ++step) {
      const std::size_t size = random.below(random.one_in(20) ? 5000 : 50);
      switch (random.below(10)) {
        case 0:
        case 1: {
          const std::string bytes(size, static_cast<char>('a' + random.below(26)));
          buffer.append(bytes);
          model += bytes;
          break;
        }
        case 2: {
          char* room = buffer.prepare(size);
          const std::size_t filled = size == 0 ? 0 : random.below(size);
          if (filled != 0) std::memset(room, 'P', filled);
          buffer.commit(filled);
          model.append(filled, 'P');
          break;
        }
        case 3:
        case 4: {
          const std::size_t gone = std::min(size, model.size());
          buffer.consume(gone);
          model.erase(0, gone);
          break;
        }
        case 5:
          if (random.one_in(4)) {
            const std::size_t kept = random.below(model.size() + 1);
            buffer.truncate(kept);
            model.resize(kept);
          }
          break;
        case 6:
          buffer.shrink_to(size);
          ASSERT_LE(buffer.capacity(), std::max(std::max(size, model.size()), buffer.size()));
          break;
        case 7:
          buffer.reserve(size);
          ASSERT_GE(buffer.capacity(), size);
          break;
        case 8:
          buffer.compact();
          ASSERT_EQ(buffer.writable(), buffer.capacity() - buffer.size());
          break;
        case 9:
          if (random.one_in(50)) {
            buffer.clear();
            model.clear();
          }
          break;
      }
      ASSERT_EQ(buffer.view(), model) << "step " << step;
      ASSERT_EQ(buffer.empty(), model.empty());
      ASSERT_GE(buffer.capacity(), buffer.size());
    }
  }
}

}  // namespace
}  // namespace kv
