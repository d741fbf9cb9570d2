#include "client/base64.hpp"

#include <gtest/gtest.h>

#include "support/base/random.hpp"

namespace kv::client {
namespace {

std::string to_base64(ByteView bytes) {
  std::string text;
  append_base64(bytes, text);
  return text;
}

TEST(Base64, WritesTheVectorsOfRfc4648) {
  EXPECT_EQ(to_base64(""), "");
  EXPECT_EQ(to_base64("f"), "Zg==");
  EXPECT_EQ(to_base64("fo"), "Zm8=");
  EXPECT_EQ(to_base64("foo"), "Zm9v");
  EXPECT_EQ(to_base64("foob"), "Zm9vYg==");
  EXPECT_EQ(to_base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(to_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(to_base64("\xFB\xFF\xFE"), "+//+");
}

TEST(Base64, RefusesWhatIsNone) {
  for (const ByteView text :
       {"Z", "Zg", "Zg=", "Zg===", "====", "Z===", "Zh==", "Zm9=", "Zm 9", "Zm9v\n", "Zm-_", "=Zg="}) {
    EXPECT_FALSE(decode_base64(text).has_value()) << text;
  }
}

TEST(Base64, RandomBytesComeBack) {
  test::Random random;
  for (int round = 0; round < 5'000; ++round) {
    std::string bytes(random.below(50), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.below(256));
    EXPECT_EQ(decode_base64(to_base64(bytes)), bytes);
    std::string digits;
    append_hex(bytes, digits);
    EXPECT_EQ(decode_hex(digits), bytes);
  }
}

TEST(Hex, RefusesWhatIsNone) {
  for (const ByteView text : {"0", "0g", "g0", " 0", "0x", "/0", ":0", "@0", "`0"}) {
    EXPECT_FALSE(decode_hex(text).has_value()) << text;
  }
  EXPECT_EQ(decode_hex("aF09"), "\xAF\x09");
}

}  // namespace
}  // namespace kv::client
