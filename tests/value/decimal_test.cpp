#include "kv/value/decimal.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "support/base/allocation_meter.hpp"
#include "support/value/random_value.hpp"

namespace kv::value {
namespace {

std::string nines(std::size_t count) {
  return std::string(count, '9');
}
std::string zeros(std::size_t count) {
  return std::string(count, '0');
}

struct CanonicalCase {
  std::string text;
  std::string canonical;
};

TEST(CanonicalDecimal, WritesEachNumberInOneWay) {
  const CanonicalCase kCases[] = {
      {"0", "0"},
      {"-0", "0"},
      {"+0", "0"},
      {"00", "0"},
      {"0.0", "0.0"},
      {"-0.00", "0.00"},
      {"1", "1"},
      {"+1", "1"},
      {"-1", "-1"},
      {"1.10", "1.10"},
      {"-1.10", "-1.10"},
      {"0001", "1"},
      {"-00.10", "-0.10"},
      {"5.", "5"},
      {".5", "0.5"},
      {"-.5", "-0.5"},
      {"+.50", "0.50"},
      {"000.", "0"},
      {".0", "0.0"},
      {"1e0", "1"},
      {"1e1", "10"},
      {"1E1", "10"},
      {"1e+1", "10"},
      {"1e-1", "0.1"},
      {"1e-3", "0.001"},
      {"1.e2", "100"},
      {".1e1", "1"},
      {".1e2", "10"},
      {"1.50e1", "15.0"},
      {"1.50e2", "150"},
      {"1.50e3", "1500"},
      {"1.5e-1", "0.15"},
      {"150e-1", "15.0"},
      {"-12.340e1", "-123.40"},
      {"100e-2", "1.00"},
      {"0e5", "0"},
      {"0e-2", "0.00"},
      {"0.00e1", "0.0"},
      {"0.00e2", "0"},
      {"0.00e5", "0"},
      {"-0.0e-1", "0.00"},
      {"0e999999999999999999999999", "0"},
      {"1e00000000000000000000000000000000000002", "100"},
      {"1e-0000000000000000000000000000000000001", "0.1"},
      // Exactly at the limits, counted on the canonical text.
      {"1e999", "1" + zeros(999)},
      {"-1e999", "-1" + zeros(999)},
      {nines(1000), nines(1000)},
      {zeros(5000) + nines(1000), nines(1000)},
      {"1e-1000", "0." + zeros(999) + "1"},
      {"0e-1000", "0." + zeros(1000)},
      {"0." + zeros(1000), "0." + zeros(1000)},
      {"0." + nines(1000), "0." + nines(1000)},
      {"." + zeros(60'000) + "1e60001", "1"},
      {"0." + zeros(60'000) + "15e60001", "1.5"},
      {"1" + zeros(999) + "e-1000", "0.1" + zeros(999)},
      {zeros(60'000) + "1", "1"},
      {"0." + zeros(2000) + "e2000", "0"},
      {"0." + zeros(2000) + "e1000", "0." + zeros(1000)},
  };
  for (const auto& [text, canonical] : kCases) {
    const auto result = canonical_decimal(text);
    ASSERT_TRUE(result) << text;
    EXPECT_EQ(*result, canonical) << text;
    EXPECT_EQ(is_canonical_decimal(text), text == canonical) << text;
    EXPECT_TRUE(is_canonical_decimal(canonical)) << canonical;
    EXPECT_EQ(canonical_decimal(canonical).value(), canonical);
  }
}

TEST(CanonicalDecimal, RefusesWhatIsNoDecimal) {
  const std::string kCases[] = {
      "",
      ".",
      "+",
      "-",
      "-.",
      "e",
      "e1",
      ".e1",
      "1e",
      "1e+",
      "1e-",
      "1ee1",
      "1e1e1",
      "1e1.0",
      "1.2.",
      "1..2",
      "1.2.3",
      "++1",
      "--1",
      "+-1",
      "-+1",
      "1-",
      "1+1",
      " 1",
      "1 ",
      "1 2",
      "\t1",
      "1\n",
      "0x10",
      "1f",
      "1m",
      "1_000",
      "1,5",
      "NaN",
      "nan",
      "inf",
      "-inf",
      "-Infinity",
      "Infinity",
      "1e 1",
      "1e1 ",
      "\xd9\xa1",
      "a",
      "1a",
      std::string("1\0", 2),
      std::string("\0", 1),
      "\xe2\x88\x92"
      "1",
      "1\xc2\xa0",
      "e-",
      "E5",
      "+e1",
      "1e--1",
      "1E+-1",
  };
  for (const std::string& text : kCases) {
    const auto result = canonical_decimal(text);
    ASSERT_FALSE(result) << "'" << text << "' became " << *result;
    EXPECT_EQ(result.error().code, Errc::kValue);
    EXPECT_FALSE(is_canonical_decimal(text)) << text;
  }
}

TEST(CanonicalDecimal, RefusesWhatIsOverTheLimits) {
  const std::string kCases[] = {
      nines(1001),
      "-" + nines(1001),
      "1" + zeros(1000),
      "1e1000",
      "-1e1000",
      "10e999",
      "1e1000000",
      "1e4294967296",
      "1e18446744073709551616",
      "1e99999999999999999999999999999999999999",
      "1e-1001",
      "0e-1001",
      "1e-4294967296",
      "1e-18446744073709551616",
      "0e-99999999999999999999999999999999999999",
      "0." + zeros(1001),
      "0." + zeros(1000) + "1",
      "9." + nines(1000),
      nines(500) + "." + nines(501),
      nines(1001) + "e-500",
      "." + zeros(60'000) + "1e59000",
  };
  for (const std::string& text : kCases) {
    const auto result = canonical_decimal(text);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, Errc::kValue);
    EXPECT_FALSE(is_canonical_decimal(text)) << text;
  }
}

TEST(CanonicalDecimal, TakesMemoryByTheTextAndTheLimitsWhateverTheExponentSays) {
  const test::AllocationMeter meter;
  for (const char* text : {"1e999999999", "1e-999999999", "0e999999999", "0e-999999999", "1e18446744073709551615"}) {
    static_cast<void>(canonical_decimal(text));
  }
  EXPECT_LT(meter.peak_bytes(), 8U << 10);
}

TEST(IsCanonicalDecimal, AgreesWithRewriting) {
  test::Random random;
  std::size_t canonical = 0;
  constexpr ByteView kAlphabet = "00123.-+e ";
  for (int round = 0; round < 200'000; ++round) {
    std::string text;
    for (std::size_t left = random.below(8); left != 0; --left) text += kAlphabet[random.below(kAlphabet.size())];
    const auto rewritten = canonical_decimal(text);
    ASSERT_EQ(is_canonical_decimal(text), rewritten && *rewritten == text) << text;
    canonical += is_canonical_decimal(text);
  }
  EXPECT_GT(canonical, 1'000U);
}

struct SumCase {
  std::string left;
  std::string right;
  std::string sum;
};

TEST(AddDecimals, IsExactAndKeepsTheLargerScale) {
  const SumCase kCases[] = {
      {"0.10", "0.2", "0.30"},
      {"0.1", "0.2", "0.3"},
      {"1", "1", "2"},
      {"1.5", "-1.5", "0.0"},
      {"-1.50", "1.5", "0.00"},
      {"0", "0.000", "0.000"},
      {"0", "0", "0"},
      {"-1", "1", "0"},
      {"5", "-7", "-2"},
      {"0.5", "0.5", "1.0"},
      {"99.99", "0.01", "100.00"},
      {"-0.01", "-0.99", "-1.00"},
      {"0.001", "-1", "-0.999"},
      {"10", "-0.001", "9.999"},
      {"12345678901234567890123456789", "0.0000000000000000000000000000001",
       "12345678901234567890123456789.0000000000000000000000000000001"},
      {nines(999), "1", "1" + zeros(999)},
      {nines(1000), "-1", nines(999) + "8"},
      {"0." + zeros(999) + "1", "0." + zeros(999) + "1", "0." + zeros(999) + "2"},
      {"0." + zeros(1000), "0", "0." + zeros(1000)},
      {nines(1000), "-" + nines(1000), "0"},
  };
  for (const auto& [left, right, sum] : kCases) {
    const auto forth = add_decimals(left, right);
    ASSERT_TRUE(forth) << left << " + " << right;
    EXPECT_EQ(*forth, sum) << left << " + " << right;
    EXPECT_EQ(add_decimals(right, left).value(), sum) << right << " + " << left;
  }
}

TEST(AddDecimals, OverflowsPastTheLimits) {
  const SumCase kCases[] = {
      {nines(1000), "1", ""},
      {"-" + nines(1000), "-1", ""},
      {nines(1000), "0.1", ""},       // 1,001 digits
      {"1" + zeros(999), "0.0", ""},  // the scale alone makes it 1,001
      {"1", "0." + zeros(1000), ""},  // 1 and 1,000 zeros after the point
      {"1", "0." + zeros(999) + "1", ""},
      {nines(500), "0." + zeros(500) + "1", ""},
  };
  for (const auto& [left, right, unused] : kCases) {
    for (const auto& sum : {add_decimals(left, right), add_decimals(right, left)}) {
      ASSERT_FALSE(sum) << left << " + " << right;
      EXPECT_EQ(sum.error().code, Errc::kOverflow);
    }
  }
}

// The sum as it is done on paper: column by column, on text. It shares nothing with what it checks.
class PaperSum {
 public:
  static std::string add(std::string left, std::string right) {
    const bool left_negative = take_sign(left);
    const bool right_negative = take_sign(right);
    const std::size_t scale = align(left, right);
    if (left_negative == right_negative) return write(left_negative, sum(left, right), scale);
    if (left < right) return write(right_negative, difference(right, left), scale);
    return write(left_negative, difference(left, right), scale);
  }

 private:
  static bool take_sign(std::string& text) {
    if (text[0] != '-') return false;
    text.erase(0, 1);
    return true;
  }
  // Makes both of them digits alone, equally many, with the point in the same place; returns how many stand after it.
  static std::size_t align(std::string& left, std::string& right) {
    std::string* const texts[] = {&left, &right};
    std::size_t whole = 0;
    std::size_t scale = 0;
    for (const std::string* text : texts) {
      const std::size_t point = std::min(text->find('.'), text->size());
      whole = std::max(whole, point + 1);  // a column for the carry
      scale = std::max(scale, point == text->size() ? 0 : text->size() - point - 1);
    }
    for (std::string* text : texts) {
      const std::size_t point = std::min(text->find('.'), text->size());
      const std::size_t after = point == text->size() ? 0 : text->size() - point - 1;
      if (point != text->size()) text->erase(point, 1);
      text->insert(0, whole - point, '0');
      text->append(scale - after, '0');
    }
    return scale;
  }
  static std::string sum(std::string left, const std::string& right) {
    int carry = 0;
    for (std::size_t i = left.size(); i-- > 0;) {
      const int column = (left[i] - '0') + (right[i] - '0') + carry;
      left[i] = static_cast<char>('0' + column % 10);
      carry = column / 10;
    }
    return left;
  }
  static std::string difference(std::string left, const std::string& right) {
    int borrow = 0;
    for (std::size_t i = left.size(); i-- > 0;) {
      const int column = (left[i] - '0') - (right[i] - '0') - borrow;
      borrow = column < 0 ? 1 : 0;
      left[i] = static_cast<char>('0' + column + 10 * borrow);
    }
    return left;
  }
  static std::string write(bool negative, std::string digits, std::size_t scale) {
    const bool zero = digits.find_first_not_of('0') == std::string::npos;
    if (scale != 0) digits.insert(digits.size() - scale, ".");
    while (digits.size() > 1 && digits[0] == '0' && digits[1] != '.') digits.erase(0, 1);
    return negative && !zero ? "-" + digits : digits;
  }
};

TEST(AddDecimals, AgreesWithSumsDoneOnPaper) {
  test::Random random;
  for (int round = 0; round < 20'000; ++round) {
    const std::string left = canonical_decimal(test::random_decimal(random)).value();
    std::string right = canonical_decimal(test::random_decimal(random)).value();
    if (random.one_in(5)) right = left[0] == '-' ? left.substr(1) : canonical_decimal("-" + left).value();
    const std::string expected = PaperSum::add(left, right);
    const auto sum = add_decimals(left, right);
    // What fits the limits is what canonical text may be.
    ASSERT_EQ(sum.has_value(), is_canonical_decimal(expected)) << left << " + " << right;
    if (sum) {
      ASSERT_EQ(*sum, expected) << left << " + " << right;
    }
  }
}

TEST(EqualDecimals, ComparesNumbersNotText) {
  const std::pair<const char*, const char*> kEqual[] = {
      {"1", "1"}, {"1.0", "1.00"}, {"1", "1.000"}, {"0", "0.00"}, {"-1.5", "-1.50"}, {"100", "100.0"}, {"0.10", "0.1"},
  };
  for (const auto& [left, right] : kEqual) {
    EXPECT_TRUE(equal_decimals(left, right)) << left << " = " << right;
    EXPECT_TRUE(equal_decimals(right, left)) << right << " = " << left;
  }
  const std::pair<const char*, const char*> kDifferent[] = {
      {"1", "-1"},     {"1", "10"},     {"1.0", "10"},  {"100", "1"},
      {"0.1", "0.01"}, {"1.5", "1.51"}, {"0", "0.001"}, {"20", "2"},
  };
  for (const auto& [left, right] : kDifferent) {
    EXPECT_FALSE(equal_decimals(left, right)) << left << " = " << right;
    EXPECT_FALSE(equal_decimals(right, left)) << right << " = " << left;
  }
}

TEST(EqualDecimals, HoldsWhenTheDifferenceIsZero) {
  test::Random random;
  for (int round = 0; round < 20'000; ++round) {
    // Small numbers, so that equal ones come up.
    const auto pick = [&] {
      const std::string digits = std::to_string(random.below(30));
      return canonical_decimal((random.one_in(2) ? "-" : "") + digits + "e-" + std::to_string(random.below(3))).value();
    };
    const std::string left = pick();
    const std::string right = pick();
    const std::string negated = right[0] == '-' ? right.substr(1) : canonical_decimal("-" + right).value();
    const std::string difference = PaperSum::add(left, negated);
    const bool zero = difference.find_first_not_of("0.") == std::string::npos;
    ASSERT_EQ(equal_decimals(left, right), zero) << left << " = " << right;
  }
}

}  // namespace
}  // namespace kv::value
