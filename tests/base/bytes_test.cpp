#include "kv/base/bytes.hpp"

#include <gtest/gtest.h>

#include "support/base/hex.hpp"

namespace kv {
namespace {

using test::hex;
using test::unhex;

TEST(BigEndian, AppendsTheMostSignificantByteFirst) {
  std::string out;
  append_big_endian(out, std::uint8_t{0x01});
  append_big_endian(out, std::uint16_t{0x0203});
  append_big_endian(out, std::uint32_t{0x04050607});
  append_big_endian(out, std::uint64_t{0x08090a0b0c0d0e0f});
  EXPECT_EQ(hex(out), "0102030405060708090a0b0c0d0e0f");
}

TEST(BigEndian, LoadsWhatWasStoredAtAnyAlignment) {
  char room[16];
  for (std::size_t at = 0; at < 8; ++at) {
    store_big_endian(room + at, std::uint64_t{0xfedcba9876543210});
    EXPECT_EQ(hex(ByteView(room + at, 8)), "fedcba9876543210");
    EXPECT_EQ(load_big_endian<std::uint64_t>(room + at), 0xfedcba9876543210U);
    EXPECT_EQ(load_big_endian<std::uint32_t>(room + at), 0xfedcba98U);
    EXPECT_EQ(load_big_endian<std::uint16_t>(room + at), 0xfedcU);
    EXPECT_EQ(load_big_endian<std::uint8_t>(room + at), 0xfeU);
  }
}

TEST(Hex, ReadsBackWhatItWrites) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_EQ(unhex(hex(all)), all);
  EXPECT_EQ(unhex("08 0000 0000"), std::string("\x08\0\0\0\0", 5));
  EXPECT_THROW(unhex("0"), std::invalid_argument);
  EXPECT_THROW(unhex("0g"), std::invalid_argument);
}

}  // namespace
}  // namespace kv
