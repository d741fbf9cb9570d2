// What a key may be.
#include "integration/server_test.hpp"

namespace kv::test {
namespace {

constexpr std::size_t kKeyBytesMax = 65'535;

using KeyRules = ServerTest;

TEST_F(KeyRules, AnyUtf8IsAKey) {
  const std::string keys[] = {
      "a",
      std::string("\0", 1),
      std::string("a\0b", 3),
      " ",
      "\n",
      "ключ",
      "キー",
      "🔑",
      "\x7F",
      "\xEF\xBF\xBF",
      "\xF4\x8F\xBF\xBF",  // U+10FFFF, the last code point
      std::string(kKeyBytesMax, 'k'),
  };
  int number = 0;
  for (const std::string& key : keys) EXPECT_EQ(call(set(key, encode_int(++number))), ok());
  number = 0;
  for (const std::string& key : keys) {
    EXPECT_EQ(call(get(key)), ok(encode_int(++number)));
    EXPECT_EQ(call(mget({key})), ok_values({encode_int(number)}));
  }
}

TEST_F(KeyRules, BytesThatAreNoUtf8AreNoKey) {
  const std::string faulty[] = {
      "\x80",
      "\xFF",
      "a\xC3",
      "\xC0\xAF",
      "\xE0\x80\x80",
      "\xED\xA0\x80",
      "\xF4\x90\x80\x80",
      "\xF8\x88\x80\x80\x80",
      std::string(100, 'a') + "\xFF",
      "\xFF" + std::string(1'000, 'a'),
  };
  for (const std::string& key : faulty) {
    EXPECT_EQ(call(get(key)), invalid("KEY"));
    EXPECT_EQ(call(set(key, encode_int(1))), invalid("KEY"));
    EXPECT_EQ(call(mdel({"good", key})), invalid("KEY"));
  }
}

TEST_F(KeyRules, AKeyIsNeitherEmptyNorLongerThanTheLimit) {
  EXPECT_EQ(call(get("")), invalid("KEY"));
  EXPECT_EQ(call(set("", encode_int(1))), invalid("KEY"));
  EXPECT_EQ(call(mexists({""})), invalid("KEY"));
  EXPECT_EQ(call(get(std::string(kKeyBytesMax, 'k'))), null());
  EXPECT_EQ(call(get(std::string(kKeyBytesMax + 1, 'k'))), invalid("KEY"));
  EXPECT_EQ(call(del(std::string(70'000, 'k'))), invalid("KEY"));
  EXPECT_EQ(call(ping()), ok("PONG"));
}

class ShortKeys : public ServerTest {
 protected:
  ShortKeys() : ServerTest({"--max-key-bytes", "16"}) {}
};

TEST_F(ShortKeys, TheLimitHoldsForEveryKey) {
  const std::string fits(16, 'k');
  const std::string longer(17, 'k');
  EXPECT_EQ(call(set(fits, encode_int(1))), ok());
  EXPECT_EQ(call(get(fits)), ok(encode_int(1)));
  EXPECT_EQ(call(set(longer, encode_int(1))), invalid("KEY"));
  EXPECT_EQ(call(get(longer)), invalid("KEY"));
  EXPECT_EQ(call(mset({{fits, encode_int(2)}, {longer, encode_int(2)}})), invalid("KEY"));
  EXPECT_EQ(call(mget({longer})), invalid("KEY"));
  EXPECT_EQ(call(test::lock(longer, "me")), invalid("KEY"));
  EXPECT_EQ(call(get(fits)), ok(encode_int(1)));
}

TEST_F(ShortKeys, OwnersAndMapKeysKeepTheirOwnLimit) {
  const std::string long_name(kKeyBytesMax, 'n');
  EXPECT_EQ(call(test::lock("lock", long_name)), ok_bool(true));
  EXPECT_EQ(call(get("lock")), ok(encode_string(long_name)));
  const std::string map = map_of({{long_name, encode_int(1)}});
  EXPECT_EQ(call(set("map", map)), ok());
  EXPECT_EQ(call(get("map")), ok(map));
}

}  // namespace
}  // namespace kv::test
