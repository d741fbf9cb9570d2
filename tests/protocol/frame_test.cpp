#include "kv/protocol/frame.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/base/hex.hpp"
#include "support/base/random.hpp"

namespace kv::protocol {
namespace {

using test::hex;
using test::u32;
using test::unhex;

constexpr std::size_t kLimit = 64U << 20;

std::string frame_of(std::uint8_t tag, ByteView payload) {
  std::string out(kHeaderBytes, '\0');
  encode_header(tag, static_cast<std::uint32_t>(payload.size()), out.data());
  return out.append(payload);
}

TEST(TakeFrame, ReadsTheGoldenBytes) {
  struct Case {
    const char* bytes;
    std::uint8_t tag;
    const char* payload;
  };
  constexpr Case kCases[] = {
      {"08 00000000", 0x08, ""},
      {"00 00000004 504f4e47", 0x00, "504f4e47"},
      {"02 00000016 0003 666f6f 0000000000000000 01 000000000000002a", 0x02,
       "0003 666f6f 0000000000000000 01 000000000000002a"},
      {"01 00000003 666f6f", 0x01, "666f6f"},
      {"01 00000000", 0x01, ""},
  };
  for (const Case& row : kCases) {
    const std::string bytes = unhex(row.bytes);
    ByteView input = bytes;
    Frame frame;
    ASSERT_EQ(take_frame(input, kLimit, frame), FrameState::kComplete) << row.bytes;
    EXPECT_EQ(frame.tag, row.tag);
    EXPECT_EQ(hex(frame.payload), hex(unhex(row.payload)));
    EXPECT_TRUE(input.empty());
    EXPECT_EQ(frame_of(frame.tag, frame.payload), bytes);
  }
}

TEST(TakeFrame, IsIncompleteAtEveryByteButTheLastAndSaysHowManyAreMissing) {
  const std::string bytes = frame_of(0xfe, "some payload");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteView input = ByteView(bytes).substr(0, size);
    Frame frame;
    ASSERT_EQ(take_frame(input, kLimit, frame), FrameState::kIncomplete) << size;
    ASSERT_EQ(input.size(), size) << "nothing is taken";
    ASSERT_EQ(bytes_missing(input), size < kHeaderBytes ? kHeaderBytes - size : bytes.size() - size) << size;
  }
  EXPECT_EQ(bytes_missing(bytes), 0U);
  EXPECT_EQ(bytes_missing(bytes + "and more"), 0U);
}

TEST(TakeFrame, DecidesOnTheHeaderAloneThatAFrameIsTooLarge) {
  struct Case {
    std::uint32_t claimed;
    std::size_t limit;
    FrameState state;
  };
  constexpr Case kCases[] = {
      {67'108'864, kLimit, FrameState::kIncomplete},
      {67'108'865, kLimit, FrameState::kTooLarge},
      {0xFFFFFFFF, kLimit, FrameState::kTooLarge},
      {0xFFFFFFFF, 0xFFFFFFFF, FrameState::kIncomplete},
      {1, 0, FrameState::kTooLarge},
      {0, 0, FrameState::kComplete},
      {100, 100, FrameState::kIncomplete},
      {101, 100, FrameState::kTooLarge},
  };
  for (const Case& row : kCases) {
    const std::string header = "\x02" + u32(row.claimed);
    for (std::size_t size = 0; size < kHeaderBytes; ++size) {
      ByteView cut = ByteView(header).substr(0, size);
      Frame frame;
      ASSERT_EQ(take_frame(cut, row.limit, frame), FrameState::kIncomplete) << "the header itself is cut short";
    }
    ByteView input = header;
    Frame frame;
    EXPECT_EQ(take_frame(input, row.limit, frame), row.state) << row.claimed << " of " << row.limit;
    if (row.state == FrameState::kTooLarge) {
      EXPECT_EQ(frame.tag, 0x02);
      EXPECT_EQ(input, header) << "nothing is taken";
    }
  }
}

TEST(BytesMissing, CountsPastFourGigabytes) {
  EXPECT_EQ(bytes_missing("\x01" + u32(0xFFFFFFFF)), std::size_t{0xFFFFFFFF});
  EXPECT_EQ(bytes_missing("\x01" + u32(0xFFFFFFFF) + "ab"), std::size_t{0xFFFFFFFF} - 2);
}

// A pipeline of random frames that arrives in pieces of random size comes out as it went in.
TEST(TakeFrame, FindsTheFramesOfAPipelineHoweverItIsCut) {
  test::Random random;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> sent;
    std::string wire;
    for (std::size_t count = random.below(50); count != 0; --count) {
      sent.push_back(frame_of(static_cast<std::uint8_t>(random.next()), std::string(random.below(40), 'p')));
      wire += sent.back();
    }
    std::vector<std::string> received;
    std::string pending;
    for (std::size_t at = 0; at < wire.size();) {
      const std::size_t size = 1 + random.below(60);
      pending += wire.substr(at, size);
      at += size;
      ByteView input = pending;
      Frame frame;
      while (take_frame(input, kLimit, frame) == FrameState::kComplete) {
        received.push_back(frame_of(frame.tag, frame.payload));
      }
      pending = std::string(input);
    }
    EXPECT_EQ(received, sent);
    EXPECT_TRUE(pending.empty());
  }
}

}  // namespace
}  // namespace kv::protocol
