#include "storage/crc32c.hpp"

#include <string>

#include <gtest/gtest.h>

namespace kv::storage {
namespace {

TEST(Crc32c, IsTheOneOfTheStandards) {
  EXPECT_EQ(crc32c(0, "123456789"), 0xE306'9283U);
  // From RFC 3720, B.4, where the bytes stand in the order of the wire.
  EXPECT_EQ(crc32c(0, std::string(32, '\0')), 0x8A91'36AAU);
  EXPECT_EQ(crc32c(0, std::string(32, '\xFF')), 0x62A8'AB43U);
}

TEST(Crc32c, OfNothingIsZero) {
  EXPECT_EQ(crc32c(0, {}), 0U);
  EXPECT_EQ(crc32c(0x1234'5678, {}), 0x1234'5678U);
}

TEST(Crc32c, IsTheSameHoweverTheBytesAreCut) {
  std::string bytes;
  for (int i = 0; i < 1'000; ++i) bytes.push_back(static_cast<char>(i * 37));
  const std::uint32_t whole = crc32c(0, bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const ByteView view = bytes;
    ASSERT_EQ(crc32c(crc32c(0, view.substr(0, cut)), view.substr(cut)), whole) << cut;
  }
}

}  // namespace
}  // namespace kv::storage
