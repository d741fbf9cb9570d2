#include "kv/protocol/reply_writer.hpp"

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "kv/value/build.hpp"
#include "kv/value/compare.hpp"

#include "support/base/hex.hpp"
#include "support/value/random_value.hpp"

namespace kv::protocol {
namespace {

using test::hex;
using test::u32;
using test::unhex;

// What one call appends, under a payload limit.
std::string reply(std::size_t payload_bytes_max, const std::function<void(ReplyWriter&)>& call) {
  ByteBuffer out;
  out.append("earlier");
  ReplyWriter writer(out, payload_bytes_max);
  call(writer);
  EXPECT_EQ(out.view().substr(0, 7), "earlier");
  return std::string(out.view().substr(7));
}

TEST(ReplyWriter, WritesOneFrameForEachCall) {
  struct Case {
    const char* frame;
    std::function<void(ReplyWriter&)> call;
  };
  const Case kCases[] = {
      {"00 00000000", [](ReplyWriter& to) { to.ok(); }},
      {"00 00000000", [](ReplyWriter& to) { to.ok(""); }},
      {"00 00000004 504f4e47", [](ReplyWriter& to) { to.ok("PONG"); }},
      {"00 00000001 01", [](ReplyWriter& to) { to.ok_bool(true); }},
      {"00 00000001 00", [](ReplyWriter& to) { to.ok_bool(false); }},
      {"00 00000004 00010203", [](ReplyWriter& to) { to.ok_u32(0x00010203); }},
      {"00 00000008 fffffffffffffffe", [](ReplyWriter& to) { to.ok_u64(0xfffffffffffffffe); }},
      {"00 00000008 ffffffffffffffff", [](ReplyWriter& to) { to.ok_i64(-1); }},
      {"00 00000001 00",
       [](ReplyWriter& to) {
         to.ok_value({value::ValueType::kNull, {}});
       }},
      {"00 00000007 03 0004 312e3130",
       [](ReplyWriter& to) {
         to.ok_value({value::ValueType::kDecimal, "1.10"});
       }},
      {"00 00000006 04 00000001 61",
       [](ReplyWriter& to) {
         to.ok_value({value::ValueType::kString, "a"});
       }},
      {"01 00000000", [](ReplyWriter& to) { to.null(); }},
      {"02 00000012 57524f4e4754595045 206e6f7420616e20 49",
       [](ReplyWriter& to) {
         to.error({Errc::kWrongType, "not an I"});
       }},
      {"03 00000004 4b455920",
       [](ReplyWriter& to) {
         to.error({Errc::kKey, ""});
       }},
  };
  for (const Case& row : kCases) EXPECT_EQ(hex(reply(100, row.call)), hex(unhex(row.frame))) << row.frame;
}

TEST(ReplyWriter, OpensAFrameToBeFilled) {
  const std::string frame = reply(100, [](ReplyWriter& to) { std::memcpy(to.open(3), "abc", 3); });
  EXPECT_EQ(hex(frame), hex(unhex("00 00000003 616263")));
}

TEST(ReplyWriter, SaysTooLargeWhereAReplyWouldBeOverTheLimit) {
  const std::string text(100, 'x');
  const value::ValueView value{value::ValueType::kBytes, ByteView(text).substr(0, 95)};  // 100 bytes in all
  EXPECT_EQ(reply(100, [&](ReplyWriter& to) { to.ok(text); }), std::string(1, '\0') + u32(100) + text);
  EXPECT_EQ(reply(100, [&](ReplyWriter& to) { to.ok_value(value); }).size(), 105U);

  const std::string too_large = reply(0, [](ReplyWriter& to) { to.error({Errc::kReplyTooLarge, ""}); });
  const std::function<void(ReplyWriter&)> kCalls[] = {
      [&](ReplyWriter& to) { to.ok(text); },
      [&](ReplyWriter& to) { to.ok_value(value); },
      [&](ReplyWriter& to) { EXPECT_EQ(to.open(100), nullptr); },
      [&](ReplyWriter& to) { EXPECT_EQ(to.open(std::size_t{1} << 40), nullptr); },
  };
  for (const auto& call : kCalls) {
    const std::string frame = reply(99, call);
    EXPECT_EQ(frame[0], '\x02');
    EXPECT_EQ(frame.substr(5, 9), too_large.substr(5, 9)) << "the word and its space";
    EXPECT_EQ(frame.size(), 5 + load_big_endian<std::uint32_t>(frame.data() + 1)) << "one whole frame and no more";
  }
  EXPECT_EQ(too_large.substr(5), "TOOLARGE ");
}

TEST(ReplyWriter, WritesValuesAsTheyStoodOnTheWire) {
  test::Random random;
  for (int round = 0; round < 2'000; ++round) {
    const std::string bytes = test::random_value(random);
    ByteView rest = bytes;
    const value::ValueView value = value::next_value(rest);
    const std::string frame = reply(1 << 20, [&](ReplyWriter& to) { to.ok_value(value); });
    ASSERT_EQ(frame, std::string(1, '\0') + u32(static_cast<std::uint32_t>(bytes.size())) + bytes);
  }
}

}  // namespace
}  // namespace kv::protocol
