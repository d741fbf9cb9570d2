#include "kv/base/utf8.hpp"

#include <gtest/gtest.h>

#include "support/base/hex.hpp"
#include "support/base/random.hpp"

namespace kv {
namespace {

using test::unhex;

struct Utf8Case {
  const char* what;
  const char* bytes;
  bool valid;
};

constexpr Utf8Case kUtf8Cases[] = {
    {"nothing", "", true},
    {"ASCII", "616263", true},
    {"NUL", "00", true},
    {"the last code point of one byte", "7f", true},
    {"the first of two bytes", "c280", true},
    {"the last of two bytes", "dfbf", true},
    {"the first of three bytes", "e0a080", true},
    {"the last before the surrogates", "ed9fbf", true},
    {"the first after the surrogates", "ee8080", true},
    {"the last of three bytes, a noncharacter", "efbfbf", true},
    {"the first of four bytes", "f0908080", true},
    {"U+10FFFF", "f48fbfbf", true},
    {"a byte order mark", "efbbbf", true},
    {"a continuation byte alone", "80", false},
    {"the last continuation byte alone", "bf", false},
    {"a continuation byte too many", "c28080", false},
    {"two bytes cut after one", "c2", false},
    {"three bytes cut after one", "e0", false},
    {"three bytes cut after two", "e0a0", false},
    {"four bytes cut after one", "f0", false},
    {"four bytes cut after two", "f090", false},
    {"four bytes cut after three", "f09080", false},
    {"a sequence broken off by ASCII", "e0a041", false},
    {"a sequence broken off by another", "e0a0c280", false},
    {"NUL overlong in two bytes", "c080", false},
    {"a slash overlong in two bytes", "c0af", false},
    {"U+007F overlong in two bytes", "c1bf", false},
    {"U+07FF overlong in three bytes", "e09fbf", false},
    {"NUL overlong in three bytes", "e08080", false},
    {"U+FFFF overlong in four bytes", "f08fbfbf", false},
    {"the first surrogate", "eda080", false},
    {"the last surrogate", "edbfbf", false},
    {"a surrogate pair", "eda081edb080", false},
    {"U+110000", "f4908080", false},
    {"a lead byte for U+140000", "f5808080", false},
    {"a lead byte of five", "f888808080", false},
    {"a lead byte of six", "fc8480808080", false},
    {"0xfe", "fe", false},
    {"0xff", "ff", false},
};

// Every case alone, and behind and before as much ASCII as moves it over every word and block boundary.
TEST(Utf8, JudgesEveryCaseWhereverItStands) {
  for (const Utf8Case& row : kUtf8Cases) {
    const std::string bytes = unhex(row.bytes);
    for (std::size_t before = 0; before < 140; ++before) {
      for (const std::size_t after : {0, 1, 7, 64}) {
        const std::string text = std::string(before, 'a') + bytes + std::string(after, 'z');
        ASSERT_EQ(is_utf8(text), row.valid) << row.what << ", " << before << " before and " << after << " after";
      }
    }
  }
}

// RFC 3629, section 4, as plainly as it can be written.
bool is_utf8_by_the_grammar(ByteView text) {
  std::size_t at = 0;
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto tail = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return byte(i) >= low && byte(i) <= high;
  };
  while (at < text.size()) {
    const unsigned lead = byte(at);
    if (lead <= 0x7f) {
      at += 1;
    } else if (lead >= 0xc2 && lead <= 0xdf && tail(at + 1)) {
      at += 2;
    } else if (lead >= 0xe0 && lead <= 0xef && tail(at + 1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) &&
               tail(at + 2)) {
      at += 3;
    } else if (lead >= 0xf0 && lead <= 0xf4 && tail(at + 1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) &&
               tail(at + 2) && tail(at + 3)) {
      at += 4;
    } else {
      return false;
    }
  }
  return true;
}

TEST(Utf8, AgreesWithTheGrammarOnRandomBytes) {
  test::Random random;
  // Bytes at the edges of the grammar, so that a random string is often valid or nearly so.
  constexpr ByteView kEdges("\x00\x41\x7f\x80\x8f\x90\x9f\xa0\xbf\xc1\xc2\xdf\xe0\xe1\xed\xef\xf0\xf1\xf4\xf5\xff", 21);
  std::size_t valid = 0;
  for (int round = 0; round < 300'000; ++round) {
    std::string text(random.one_in(4) ? random.below(70) : 0, 'a');
    for (std::size_t left = random.below(6); left != 0; --left) text += kEdges[random.below(kEdges.size())];
    text.append(random.one_in(4) ? random.below(10) : 0, 'z');
    ASSERT_EQ(is_utf8(text), is_utf8_by_the_grammar(text)) << test::hex(text);
    valid += is_utf8(text);
  }
  EXPECT_GT(valid, 10'000U);
}

}  // namespace
}  // namespace kv
