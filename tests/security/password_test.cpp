#include "kv/security/password.hpp"

#include <gtest/gtest.h>

#include "security/commands.hpp"

namespace kv::security {
namespace {

TEST(Password, IsRightForItsOwnHashAlone) {
  const std::string hash = test::cheap_hash("secret");
  EXPECT_TRUE(is_password_of(hash, "secret"));
  for (const ByteView wrong : {"", "Secret", "secret ", "secre"}) EXPECT_FALSE(is_password_of(hash, wrong)) << wrong;
  EXPECT_NE(hash, test::cheap_hash("secret")) << "each has a salt of its own";
}

TEST(Password, MayHoldAnyBytes) {
  const std::string password("a\0b\xFF", 4);
  const std::string hash = test::cheap_hash(password);
  EXPECT_TRUE(is_password_of(hash, password));
  EXPECT_FALSE(is_password_of(hash, "a"));
}

TEST(Password, HasALength) {
  EXPECT_EQ(hash_password("").error().code, Errc::kArgument);
  EXPECT_TRUE(hash_password(std::string(kPasswordBytesMax, 'p'), test::kCheap).has_value());
  EXPECT_EQ(hash_password(std::string(kPasswordBytesMax + 1, 'p')).error().code, Errc::kArgument);
}

TEST(Password, IsHashedByArgon2idAtTheCostThatItSays) {
  const std::string hash = hash_password("secret").value();
  EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=32768,t=4,p=1$")) << hash;
  EXPECT_TRUE(is_password_hash(hash));
  EXPECT_TRUE(is_password_of(hash, "secret"));
}

TEST(Password, TheMemoryOfACheckIsKnownBefore) {
  EXPECT_EQ(memory_to_check(hash_password("secret").value()), std::size_t{32} << 20);
  EXPECT_EQ(memory_to_check(test::cheap_hash("secret")), test::kCheap.memory_bytes);
}

TEST(PasswordHash, IsAWholeArgon2idTextOfABoundedCost) {
  const std::string salt_and_hash = "$rG0Lh87A7XBudDaNcgRFew$UBGwKD5y18Blgna9emWimZL3sB+qeEG0L7nT7qfuzts";
  EXPECT_TRUE(is_password_hash("$argon2id$v=19$m=8,t=1,p=1" + salt_and_hash));
  EXPECT_TRUE(is_password_hash("$argon2id$v=19$m=65536,t=8,p=1" + salt_and_hash));
  for (const std::string start :
       {"$argon2id$v=19$m=65537,t=1,p=1", "$argon2id$v=19$m=8,t=9,p=1", "$argon2id$v=19$m=99999999999,t=1,p=1",
        "$argon2id$v=19$m=8,t=1,p=2", "$argon2i$v=19$m=8,t=1,p=1", "$argon2id$v=18$m=8,t=1,p=1", "", "argon2id",
        "$2b$10"}) {
    EXPECT_FALSE(is_password_hash(start + salt_and_hash)) << start;
  }
  const std::string good = "$argon2id$v=19$m=8,t=1,p=1" + salt_and_hash;
  for (std::size_t size = 0; size < good.size(); size += 3) {
    EXPECT_FALSE(is_password_hash(good.substr(0, size))) << size;
  }
  EXPECT_FALSE(is_password_hash(good + std::string(200, 'A')));
  EXPECT_FALSE(is_password_hash(good + std::string("\0x", 2)));
  EXPECT_FALSE(is_password_of("no hash", "secret"));
}

TEST(Password, IsWipedWhereItWas) {
  std::string text = "a secret that is longer than a short string's own buffer";
  const char* const bytes = text.data();
  const std::size_t size = text.size();
  wipe(text);
  EXPECT_TRUE(text.empty());
  ASSERT_EQ(text.data(), bytes);
  text.resize(size);  // the same memory, which a string fills with NULs itself
  EXPECT_EQ(ByteView(bytes, size), std::string(size, '\0'));
  char array[] = "secret";
  wipe(array, sizeof(array));
  EXPECT_EQ(ByteView(array, sizeof(array)), std::string(sizeof(array), '\0'));
}

TEST(LoginDigester, TellsUsersAndPasswordsApart) {
  const LoginDigester digester;
  EXPECT_EQ(digester.digest("user", "secret"), digester.digest("user", "secret"));
  EXPECT_NE(digester.digest("user", "secret"), digester.digest("user", "Secret"));
  EXPECT_NE(digester.digest("user", "secret"), digester.digest("users", "ecret"));
  EXPECT_NE(digester.digest("", ""), digester.digest("", std::string(1, '\0')));
  EXPECT_NE(digester.digest("user", "secret"), LoginDigester().digest("user", "secret")) << "each has a key of its own";
}

}  // namespace
}  // namespace kv::security
