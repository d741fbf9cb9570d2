// What a value may be, and that it comes back as it was sent.
#include <bit>
#include <limits>

#include "integration/server_test.hpp"

namespace kv::test {
namespace {

// `levels` Lists, one in the other.
std::string nested_lists(std::size_t levels) {
  std::string value;
  for (std::size_t i = 1; i < levels; ++i) value += '\x06' + u32(1);
  return value + '\x06' + u32(0);
}

std::string nested_maps(std::size_t levels) {
  std::string value;
  for (std::size_t i = 1; i < levels; ++i) value += '\x07' + u32(1) + sized("");
  return value + '\x07' + u32(0);
}

class Values : public ServerTest {
 protected:
  void expect_kept(const std::string& value) {
    EXPECT_EQ(call(set("k", value)), ok());
    EXPECT_EQ(call(get("k")), ok(value));
    EXPECT_EQ(call(swap("k", value)), ok(value));
    EXPECT_EQ(call(mget({"k", "k"})), ok_values({value, value}));
    EXPECT_EQ(call(take("k")), ok(value));
  }
  void expect_refused(const std::string& value, ByteView word = "VALUE") {
    call(set("k", encode_int(7)));
    EXPECT_EQ(call(set("k", value)), invalid(word));
    EXPECT_EQ(call(setnx("new", value)), invalid(word));
    EXPECT_EQ(call(mset({{"k", value}})), invalid(word));
    EXPECT_EQ(call(get("k")), ok(encode_int(7)));
    EXPECT_EQ(call(exists("new")), ok_bool(false));
  }
};

TEST_F(Values, NullBoolAndIntComeBack) {
  expect_kept(encode_null());
  expect_kept(encode_bool(false));
  expect_kept(encode_bool(true));
  for (const std::int64_t number : {std::int64_t{0}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min(),
                                    std::numeric_limits<std::int64_t>::max()}) {
    expect_kept(encode_int(number));
  }
}

TEST_F(Values, EveryBitPatternOfAFloatIsKept) {
  constexpr std::uint64_t kPatterns[] = {0,
                                         0x8000'0000'0000'0000,  // -0.0
                                         0x7FF0'0000'0000'0000,  // infinity
                                         0xFFF0'0000'0000'0000,
                                         0x7FF8'0000'0000'0000,  // a quiet NaN
                                         0x7FF0'0000'0000'0001,  // a signalling one
                                         0xFFF8'DEAD'BEEF'0001,
                                         0xFFFF'FFFF'FFFF'FFFF,
                                         1,  // the smallest there is
                                         0x3FF0'0000'0000'0000};
  for (const std::uint64_t pattern : kPatterns) expect_kept('\x02' + u64(pattern));
}

TEST_F(Values, StringsAndBytesOfAllLengthsComeBack) {
  for (const std::size_t size : {0, 1, 2, 7, 8, 23, 255, 256, 4'095, 65'535, 65'536, 1'000'000}) {
    expect_kept(encode_string(std::string(size, 's')));
    expect_kept(encode_bytes(std::string(size, '\xFF')));
  }
  expect_kept(encode_string(std::string("nul \0 and \xF0\x9F\x94\x91", 14)));
}

TEST_F(Values, ListsAndMapsComeBackInTheOrderSent) {
  expect_kept(list_of({}));
  expect_kept(map_of({}));
  expect_kept(list_of({encode_int(2), encode_int(1), list_of({encode_null()}), encode_string("x")}));
  expect_kept(map_of({{"z", encode_int(1)}, {"a", encode_int(2)}, {"", encode_null()}, {"ä", map_of({})}}));
  expect_kept(list_of({map_of({{"same", encode_int(1)}}), map_of({{"same", encode_int(1)}})}));
}

TEST_F(Values, NestingGoesTo128LevelsAndNoFurther) {
  expect_kept(nested_lists(128));
  expect_kept(nested_maps(128));
  expect_refused(nested_lists(129));
  expect_refused(nested_maps(129));
}

TEST_F(Values, FaultyValuesAreRefused) {
  expect_refused("\x09");
  expect_refused("\xFF");
  expect_refused(std::string("\x08\x02", 2));                            // a Bool that is 2
  expect_refused('\x04' + u32(1) + '\xFF');                              // a String that is no UTF-8
  expect_refused(map_of({{"\xFF", encode_int(1)}}));                     // a map key that is none
  expect_refused(map_of({{"a", encode_int(1)}, {"a", encode_int(1)}}));  // a key twice
  expect_refused(map_of({{"", encode_int(1)}, {"b", encode_null()}, {"", encode_null()}}));
  expect_refused(list_of({map_of({{"a", list_of({"\x0A"})}})}));  // deep inside
}

TEST_F(Values, ValuesCutShortAreFrameErrors) {
  expect_refused("", "FRAME");
  expect_refused('\x06' + u32(0xFFFF'FFFF), "FRAME");
  expect_refused('\x07' + u32(2) + sized("a") + encode_null(), "FRAME");
  expect_refused('\x04' + u32(4) + "abc", "FRAME");
  expect_refused('\x05' + u32(0xFFFF'FFFF) + "abc", "FRAME");
  expect_refused('\x03' + u16(9) + "1.5", "FRAME");
}

struct Canonical {
  const char* in;
  const char* out;
};

TEST_F(Values, DecimalsComeBackInCanonicalText) {
  constexpr Canonical kTable[] = {
      {"1.10", "1.10"},      {"1.50e1", "15.0"},     {"-0.00", "0.00"}, {"+7", "7"},       {"007", "7"},
      {"-007.5", "-7.5"},    {".5", "0.5"},          {"5.", "5"},       {"0", "0"},        {"-0", "0"},
      {"00.00", "0.00"},     {"1e3", "1000"},        {"1E+3", "1000"},  {"1e-3", "0.001"}, {"12.345e2", "1234.5"},
      {"12.345e3", "12345"}, {"12.345e4", "123450"}, {"0e5", "0"},      {"0e-2", "0.00"},  {"-.5e1", "-5"},
      {"-1.0e-2", "-0.010"},
  };
  for (const auto& [in, out] : kTable) {
    SCOPED_TRACE(in);
    EXPECT_EQ(call(set("k", encode_decimal(in))), ok());
    EXPECT_EQ(call(get("k")), ok(encode_decimal(out)));
    const std::string nested = list_of({encode_int(1), map_of({{"d", encode_decimal(in)}}), encode_decimal(in)});
    const std::string expected = list_of({encode_int(1), map_of({{"d", encode_decimal(out)}}), encode_decimal(out)});
    EXPECT_EQ(call(set("k", nested)), ok());
    EXPECT_EQ(call(get("k")), ok(expected));
  }
}

TEST_F(Values, DecimalsKeepAThousandDigitsOnEitherSide) {
  const std::string digits(1'000, '9');
  const std::string zeros(999, '0');
  expect_kept(encode_decimal(digits));
  expect_kept(encode_decimal("-0." + digits));
  expect_kept(encode_decimal("0." + zeros + "1"));
  expect_refused(encode_decimal(digits + "9"));
  expect_refused(encode_decimal("1." + digits));        // 1,001 digits from the first that isn't 0
  expect_refused(encode_decimal("0." + digits + "9"));  // 1,001 after the point
  expect_refused(encode_decimal("1e1000"));
  expect_refused(encode_decimal("1e-1001"));
  expect_refused(encode_decimal("1e999999999999999999999999999"));
  EXPECT_EQ(call(set("k", encode_decimal("1e999"))), ok());
  EXPECT_EQ(call(get("k")), ok(encode_decimal("1" + zeros)));
  EXPECT_EQ(call(set("k", encode_decimal("1e-1000"))), ok());
  EXPECT_EQ(call(get("k")), ok(encode_decimal("0." + zeros + "1")));
  EXPECT_EQ(call(set("k", encode_decimal(std::string(60'000, '0') + "1"))), ok()) << "only the canonical text counts";
  EXPECT_EQ(call(get("k")), ok(encode_decimal("1")));
}

TEST_F(Values, TextThatIsNoDecimalIsRefused) {
  for (const char* text : {"",    ".",   "-",   "+",   "e5",       "1e",        "1e+", "1.2.3", "1,5",   " 1", "1 ",
                           "0x1", "NaN", "nan", "inf", "Infinity", "-Infinity", "--1", "1e1.5", "1_000", "١"}) {
    SCOPED_TRACE(text);
    expect_refused(encode_decimal(text));
  }
}

}  // namespace
}  // namespace kv::test
