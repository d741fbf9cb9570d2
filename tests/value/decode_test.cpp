#include "kv/value/decode.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "kv/value/build.hpp"
#include "kv/value/compare.hpp"
#include "kv/value/decimal.hpp"

#include "support/base/allocation_meter.hpp"
#include "support/base/hex.hpp"
#include "support/value/random_value.hpp"

namespace kv::value {
namespace {

using test::encoded;
using test::hex;
using test::u16;
using test::u32;
using test::unhex;

using Pairs = std::vector<std::pair<std::string, std::string>>;

// What decoding all of `bytes` as one value comes to.
Errc fault_in(ByteView bytes) {
  DecodeScratch scratch;
  const auto decoded = decode_value(bytes, scratch);
  return decoded ? Errc::kOk : decoded.error().code;
}

// The bytes that a value comes back as. The value must be good and all of `bytes`.
std::string decode_and_encode(ByteView bytes) {
  DecodeScratch scratch;
  const auto decoded = decode_value(bytes, scratch);
  if (!decoded) {
    ADD_FAILURE() << decoded.error().message;
    return {};
  }
  EXPECT_TRUE(bytes.empty());
  return encoded(*decoded);
}

struct BytesCase {
  const char* what;
  const char* bytes;
};

TEST(DecodeValue, GivesEveryTypeBackByteForByte) {
  constexpr BytesCase kCases[] = {
      {"Null", "00"},
      {"Int 0", "01 0000000000000000"},
      {"Int -1", "01 ffffffffffffffff"},
      {"the smallest Int", "01 8000000000000000"},
      {"Float 1.5", "02 3ff8000000000000"},
      {"Float -0.0", "02 8000000000000000"},
      {"a quiet NaN", "02 7ff8000000000000"},
      {"a signalling NaN with bits", "02 fff0000000000123"},
      {"Decimal 1.10", "03 0004 312e3130"},
      {"an empty String", "04 00000000"},
      {"String NUL", "04 00000001 00"},
      {"String U+10FFFF", "04 00000004 f48fbfbf"},
      {"empty Bytes", "05 00000000"},
      {"Bytes ff 00", "05 00000002 ff00"},
      {"an empty List", "06 00000000"},
      {"a List of Null and Int", "06 00000002 00 01 0000000000000001"},
      {"an empty Map", "07 00000000"},
      {"a Map with an empty key", "07 00000001 0000 00"},
      {"a Map with keys in no order", "07 00000003 0001 62 00 0001 61 08 01 0000 06 00000000"},
      {"Maps in Lists in Maps", "07 00000001 0001 61 06 00000001 07 00000001 0001 61 00"},
      {"Bool 0", "08 00"},
      {"Bool 1", "08 01"},
  };
  for (const BytesCase& row : kCases)
    EXPECT_EQ(hex(decode_and_encode(unhex(row.bytes))), hex(unhex(row.bytes))) << row.what;
}

TEST(DecodeValue, ReadsNumbersAndBools) {
  DecodeScratch scratch;
  const auto decode = [&](std::string bytes) {
    ByteView rest = scratch.keep(std::move(bytes));
    return decode_value(rest, scratch).value();
  };
  EXPECT_EQ(decode(encode_int(-42)).as_int(), -42);
  EXPECT_EQ(decode(encode_float(-1.25)).as_float(), -1.25);
  EXPECT_TRUE(decode(encode_bool(true)).as_bool());
  EXPECT_FALSE(decode(encode_bool(false)).as_bool());
}

TEST(DecodeValue, TakesOneValueAndLeavesTheRest) {
  const std::string bytes = encode_int(7) + "rest";
  ByteView input = bytes;
  DecodeScratch scratch;
  EXPECT_EQ(decode_value(input, scratch).value().as_int(), 7);
  EXPECT_EQ(input, "rest");
}

TEST(DecodeValue, RefusesWhatIsNoValue) {
  constexpr BytesCase kCases[] = {
      {"type 9", "09"},
      {"type 0xff", "ff 0000000000000000"},
      {"a Bool of 2", "08 02"},
      {"a Bool of 0xff", "08 ff"},
      {"an empty Decimal", "03 0000"},
      {"a Decimal that is a NaN", "03 0003 4e614e"},
      {"a Decimal with a space", "03 0002 2031"},
      {"a Decimal with an exponent cut off", "03 0002 3165"},
      {"a Decimal over the limits", "03 0006 316531303030"},
      {"a String with a byte that is not UTF-8", "04 00000001 ff"},
      {"a String with a surrogate", "04 00000003 eda080"},
      {"a String with an overlong slash", "04 00000002 c0af"},
      {"a String with U+110000", "04 00000004 f4908080"},
      {"a String with half a code point", "04 00000001 c2"},
      {"a Map key that is not UTF-8", "07 00000001 0001 ff 00"},
      {"a Map with a key twice", "07 00000002 0001 61 00 0001 61 00"},
      {"a Map with the empty key twice", "07 00000002 0000 00 0000 00"},
      {"a bad value in a List", "06 00000002 00 08 02"},
      {"a bad value in a Map", "07 00000001 0001 61 0a"},
      {"a key twice in a Map inside", "06 00000001 07 00000002 0001 61 00 0001 61 00"},
  };
  for (const BytesCase& row : kCases) EXPECT_EQ(fault_in(unhex(row.bytes)), Errc::kValue) << row.what;
}

TEST(DecodeValue, ReportsTheFaultThatStandsFirst) {
  struct Case {
    const char* what;
    const char* bytes;
    Errc expected;
  };
  constexpr Case kCases[] = {
      {"nothing at all", "", Errc::kFrame},
      {"an unknown type, then nothing", "09", Errc::kValue},
      {"an unknown type before a cut", "06 00000002 09", Errc::kValue},
      {"a cut before what would be an unknown type", "06 00000002 04 00000002 61", Errc::kFrame},
      {"a bad Bool, then a cut", "06 00000003 08 02", Errc::kValue},
      {"a bad String, then a cut", "06 00000002 04 00000001 ff", Errc::kValue},
      {"a bad Decimal, then a cut", "06 00000002 03 0001 78 04", Errc::kValue},
      {"a duplicate key, then a cut in its value", "07 00000002 0001 61 00 0001 61", Errc::kValue},
      {"a duplicate key, then a cut later", "07 00000003 0001 61 00 0001 61 00 0001", Errc::kValue},
      {"a duplicate key, then a cut in a List", "07 00000002 0001 61 00 0001 61 06 00000001 04", Errc::kValue},
      {"a cut in a key that would be a duplicate", "07 00000002 0001 61 00 0001", Errc::kFrame},
      {"a cut before the duplicate in an outer Map", "07 00000002 0001 61 07 00000001 0001 61", Errc::kFrame},
      {"a duplicate outside, a cut inside", "07 00000003 0001 61 00 0001 61 07 00000001 0001 62 01", Errc::kValue},
      {"a key that is not UTF-8, then a cut", "07 00000002 0001 ff", Errc::kValue},
  };
  for (const Case& row : kCases) EXPECT_EQ(fault_in(unhex(row.bytes)), row.expected) << row.what;
}

// However many keys there are, so that each way of looking for duplicates is met.
TEST(DecodeValue, FindsADuplicateKeyAmongAnyNumber) {
  test::Random random;
  for (const std::size_t count : {2, 3, 11, 12, 13, 14, 100, 5'000}) {
    for (int round = 0; round < 20; ++round) {
      Pairs pairs(count);
      const std::string prefix(random.below(12), 'p');  // shorter and longer than what is compared first
      for (std::size_t i = 0; i < count; ++i) pairs[i] = {prefix + std::to_string(i), encode_null()};
      ASSERT_EQ(fault_in(encode_map(pairs)), Errc::kOk);
      const std::size_t one = random.below(count);
      const std::size_t other = (one + 1 + random.below(count - 1)) % count;
      pairs[one].first = pairs[other].first;
      ASSERT_EQ(fault_in(encode_map(pairs)), Errc::kValue) << count << " keys, " << one << " equals " << other;
    }
  }
}

// Keys that differ only in zeros at the end, or only after their first eight bytes.
TEST(DecodeValue, KeepsKeysApartThatAreNearlyEqual) {
  for (const std::size_t copies : {1, 8}) {  // few and many keys
    Pairs pairs;
    for (std::size_t i = 0; i < copies; ++i) {
      const std::string start = copies == 1 ? "" : std::string(1, static_cast<char>('a' + i));
      for (std::size_t length = 0; length < 10; ++length) {
        pairs.emplace_back(start + std::string(length, '\0'), encode_null());
      }
      pairs.emplace_back(start + "12345678x", encode_null());
      pairs.emplace_back(start + "12345678y", encode_null());
    }
    EXPECT_EQ(fault_in(encode_map(pairs)), Errc::kOk);
    pairs.emplace_back(pairs[3].first, encode_null());
    EXPECT_EQ(fault_in(encode_map(pairs)), Errc::kValue);
  }
}

TEST(DecodeValue, TakesTheLongestTexts) {
  EXPECT_EQ(fault_in(encode_map(Pairs{{std::string(65'535, 'k'), encode_null()}})), Errc::kOk);
  EXPECT_EQ(fault_in(encode_decimal(std::string(65'535, '0'))), Errc::kOk);
  EXPECT_EQ(fault_in(encode_decimal(std::string(65'534, '0') + "x")), Errc::kValue);
}

std::string nested_lists(std::size_t levels) {
  std::string bytes;
  for (; levels != 0; --levels) bytes += '\x06' + u32(1);
  return bytes + encode_null();
}

std::string nested_maps(std::size_t levels) {
  std::string bytes;
  for (; levels != 0; --levels) bytes += '\x07' + u32(1) + u16(0);
  return bytes + encode_null();
}

TEST(DecodeValue, Nests128LevelsAndNoMore) {
  EXPECT_EQ(fault_in(nested_lists(128)), Errc::kOk);
  EXPECT_EQ(fault_in(nested_maps(128)), Errc::kOk);
  for (const std::size_t levels : {129, 1'000, 100'000}) {
    EXPECT_EQ(fault_in(nested_lists(levels)), Errc::kValue);
    EXPECT_EQ(fault_in(nested_maps(levels)), Errc::kValue);
  }
}

TEST(DecodeValue, SeesTheLevelTooManyBeforeACut) {
  const std::string deepest = nested_lists(128);
  const std::string inside = deepest.substr(0, deepest.size() - 1);  // without the Null
  EXPECT_EQ(fault_in(inside), Errc::kFrame);
  EXPECT_EQ(fault_in(inside + "\x06"), Errc::kValue);
  EXPECT_EQ(fault_in(inside + "\x07"), Errc::kValue);
  EXPECT_EQ(fault_in(inside + encode_int(1)), Errc::kOk);
}

TEST(DecodeValue, CountsLevelsNotContainers) {
  std::vector<std::string> items(1'000, nested_lists(126));
  EXPECT_EQ(fault_in(encode_list(items)), Errc::kOk);
  items.push_back(nested_lists(128));
  EXPECT_EQ(fault_in(encode_list(items)), Errc::kValue);
}

// Each claims 4 billion items or bytes that aren't there.
TEST(DecodeValue, TakesNoMemoryForWhatIsOnlyClaimed) {
  const std::string nulls(1 << 20, '\0');
  std::string maps_in_maps;
  for (int level = 0; level < 128; ++level) maps_in_maps += '\x07' + u32(0xFFFFFFFF) + u16(0);
  const std::string kClaims[] = {
      '\x04' + u32(0xFFFFFFFF) + "text",
      '\x05' + u32(0xFFFFFFFF) + "bytes",
      '\x06' + u32(0xFFFFFFFF),
      '\x06' + u32(0xFFFFFFFF) + nulls,
      '\x07' + u32(0xFFFFFFFF),
      '\x07' + u32(0xFFFFFFFF) + u16(1) + "k" + '\x05' + u32(1 << 20) + nulls,
      maps_in_maps + '\x05' + u32(1 << 20) + nulls,
  };
  for (const std::string& claim : kClaims) {
    const test::AllocationMeter meter;
    EXPECT_EQ(fault_in(claim), Errc::kFrame);
    EXPECT_LT(meter.peak_bytes(), 256U << 10) << hex(claim.substr(0, 16));
  }
}

TEST(DecodeValue, AllocatesNothingForValuesWithoutMapsThatAreCanonical) {
  const std::string bytes = encode_list(
      std::vector<std::string>{encode_null(), encode_int(1), encode_float(2), encode_decimal("-3.00"),
                               encode_string("four"), encode_bytes("five"), encode_bool(true), encode_list({})});
  DecodeScratch scratch;
  ByteView input = bytes;
  const test::AllocationMeter meter;
  EXPECT_TRUE(decode_value(input, scratch));
  EXPECT_EQ(meter.allocations(), 0U);
}

TEST(DecodeValue, IsCutShortAtEveryByteButTheLast) {
  test::Random random;
  for (int round = 0; round < 300; ++round) {
    const std::string bytes = test::random_value(random, {.canonical = false});
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      ASSERT_EQ(fault_in(ByteView(bytes).substr(0, size)), Errc::kFrame) << size << " bytes of " << hex(bytes);
    }
  }
}

TEST(DecodeValue, WritesDecimalsCanonicallyWhereverTheyStand) {
  EXPECT_EQ(decode_and_encode(encode_decimal("1.50e1")), encode_decimal("15.0"));
  EXPECT_EQ(decode_and_encode(encode_decimal("-0.00")), encode_decimal("0.00"));

  const auto with_decimals = [](ByteView one, ByteView two, ByteView three) {
    const std::string inner =
        encode_map(Pairs{{"a", encode_decimal(two)}, {"", encode_list(std::vector{encode_decimal(three)})}});
    return encode_list(std::vector{encode_string("before"), encode_decimal(one), encode_bytes("between"), inner,
                                   encode_float(1.5), encode_bool(true), encode_null(), encode_int(-1)});
  };
  EXPECT_EQ(decode_and_encode(with_decimals("+1", "1e3", "5.")), with_decimals("1", "1000", "5"));
  EXPECT_EQ(decode_and_encode(with_decimals("1", "2.0", ".5")), with_decimals("1", "2.0", "0.5"));
}

TEST(DecodeValue, KeepsRewrittenValuesAsLongAsTheScratch) {
  DecodeScratch scratch;
  std::vector<ValueView> values;
  for (int i = 0; i < 100; ++i) {
    std::string bytes = encode_decimal(std::to_string(i) + "e1");
    ByteView input = bytes;
    values.push_back(decode_value(input, scratch).value());
    bytes.assign(bytes.size(), '#');  // what came in is gone
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(values[static_cast<std::size_t>(i)].data, std::to_string(i * 10));
}

TEST(DecodeValue, RefusesAValueThatIsOverTheLimitOnceItsDecimalsAreWrittenOut) {
  const std::string bytes = encode_list(std::vector<std::string>(10, encode_decimal("1e99")));
  const std::size_t written_out = 5 + 10 * 103;
  const auto decode_within = [&](std::size_t bytes_max) {
    DecodeScratch scratch(bytes_max);
    ByteView input = bytes;
    const auto decoded = decode_value(input, scratch);
    return decoded ? Errc::kOk : decoded.error().code;
  };
  EXPECT_EQ(decode_within(written_out), Errc::kOk);
  EXPECT_EQ(decode_within(written_out - 1), Errc::kValue);
  EXPECT_EQ(decode_within(0), Errc::kValue);
}

// A payload of many small values, each of which grows by two orders of magnitude, must not do so without end.
TEST(DecodeValue, BoundsWhatAllValuesOfOneRequestGrowTo) {
  constexpr std::size_t kBytesMax = 1 << 20;
  const std::string bytes = encode_list(std::vector<std::string>(500, encode_decimal("1e999")));
  DecodeScratch scratch(kBytesMax);
  const test::AllocationMeter meter;
  std::size_t decoded = 0;
  for (; decoded < 100; ++decoded) {
    ByteView input = bytes;
    const auto value = decode_value(input, scratch);
    if (!value) {
      EXPECT_EQ(value.error().code, Errc::kValue);
      break;
    }
  }
  EXPECT_EQ(decoded, 2U) << "each is half a MiB";
  EXPECT_LT(meter.peak_bytes(), 4 * kBytesMax);
}

TEST(DecodeValue, GivesRandomValuesBack) {
  test::Random random;
  for (int round = 0; round < 5'000; ++round) {
    const std::string bytes = test::random_value(random);
    ASSERT_EQ(hex(decode_and_encode(bytes)), hex(bytes));
  }
}

TEST(DecodeValue, RewritesOnceAndForAll) {
  test::Random random;
  for (int round = 0; round < 5'000; ++round) {
    const std::string bytes = test::random_value(random, {.canonical = false});
    const std::string rewritten = decode_and_encode(bytes);
    ASSERT_EQ(hex(decode_and_encode(rewritten)), hex(rewritten));
  }
}

// Good values with a few bytes changed: whatever comes of it, it is decoded or refused, and within the bytes given.
TEST(DecodeValue, SurvivesDamage) {
  test::Random random;
  std::size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = test::random_value(random, {.canonical = random.one_in(2)});
    for (std::size_t changes = random.below(4); changes != 0; --changes) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.one_in(2) ? random.below(10) : random.next());
    }
    // A copy of exactly its size on the heap, so that AddressSanitizer sees a step past the end.
    const std::vector<char> exact(bytes.begin(), bytes.end());
    ByteView input(exact.data(), exact.size());
    DecodeScratch scratch;
    const auto decoded = decode_value(input, scratch);
    if (decoded) {
      ASSERT_TRUE(equal(*decoded, *decoded));
      ASSERT_EQ(decode_and_encode(encoded(*decoded)), encoded(*decoded));
    } else {
      ++refused;
      ASSERT_TRUE(decoded.error().code == Errc::kFrame || decoded.error().code == Errc::kValue);
    }
  }
  EXPECT_GT(refused, 1'000U);
}

}  // namespace
}  // namespace kv::value
