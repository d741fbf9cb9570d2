#include "security/verified_passwords.hpp"

#include <gtest/gtest.h>

namespace kv::security {
namespace {

LoginDigest digest(char byte) {
  LoginDigest bytes{};
  bytes.back() = byte;
  return bytes;
}

TEST(VerifiedPasswords, FindsWhatWasAdded) {
  VerifiedPasswords verified;
  EXPECT_EQ(verified.find(digest('a')), nullptr);
  verified.add(digest('a'), "hash a");
  verified.add(digest('b'), "hash b");
  EXPECT_EQ(*verified.find(digest('a')), "hash a");
  EXPECT_EQ(*verified.find(digest('b')), "hash b");
  verified.add(digest('a'), "another");
  EXPECT_EQ(*verified.find(digest('a')), "another");
  EXPECT_EQ(verified.size(), 2U);
}

TEST(VerifiedPasswords, ForgetsTheLongestUnused) {
  VerifiedPasswords verified(2);
  verified.add(digest('a'), "a");
  verified.add(digest('b'), "b");
  EXPECT_NE(verified.find(digest('a')), nullptr);
  verified.add(digest('c'), "c");
  EXPECT_EQ(verified.size(), 2U);
  EXPECT_EQ(verified.find(digest('b')), nullptr);
  EXPECT_NE(verified.find(digest('a')), nullptr);
  EXPECT_NE(verified.find(digest('c')), nullptr);
}

}  // namespace
}  // namespace kv::security
