#include "kv/protocol/request.hpp"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kv/value/build.hpp"

#include "support/base/allocation_meter.hpp"
#include "support/base/hex.hpp"
#include "support/value/random_value.hpp"

namespace kv::protocol {
namespace {

using test::hex;
using test::u16;
using test::u32;
using test::u64;
using test::unhex;
using value::encode_decimal;
using value::encode_int;
using value::encode_null;
using value::encode_string;

constexpr UnixMillis kNow = 1'700'000'000'000;
constexpr std::uint64_t kTtlMax = kDeadlineMax - kNow;

std::string sized(ByteView text) {
  return u16(static_cast<std::uint16_t>(text.size())) + std::string(text);
}

Errc fault_in(const Shape& shape, ByteView payload, const Limits& limits = {}) {
  Request request;
  const auto result = decode_request(shape, payload, limits, kNow, request);
  return result ? Errc::kOk : result.error().code;
}

// Every shape that a command has, with a payload of it.
struct ShapeCase {
  const char* what;
  Shape shape;
  std::string payload;
};

std::vector<ShapeCase> all_shapes() {
  using enum Field;
  const std::string nested = unhex("07 00000001 0001 61 06 00000002 00 03 0003 312e30");
  return {
      {"GET", {kKeyRest}, "foo"},
      {"SET", {kKey, kTtl, kValue}, sized("foo") + u64(1000) + nested},
      {"INCR", {kKey, kDelta}, sized("foo") + u64(5)},
      {"CAS", {kKey, kExpected, kValue, kTtl}, sized("foo") + encode_null() + nested + u64(0)},
      {"PING", {kRest}, "any bytes \xff"},
      {"LOCK", {kKey, kOwner, kTtl}, sized("resource") + sized("worker1") + u64(30'000)},
      {"UNLOCK", {kKey, kOwner}, sized("resource") + sized("worker1")},
      {"MGET", {kKeys}, u16(3) + sized("a") + sized("b") + sized("a")},
      {"MSET", {kPairs}, u16(2) + u64(7) + sized("a") + encode_int(1) + sized("b") + nested},
      {"EXPIRE", {kKey, kTtl}, sized("foo") + u64(kTtlMax)},
      {"SCAN", {kCursor, kCount, kPattern}, u64(~0ULL) + u32(10) + sized("\xff*[a-z]")},
      {"ADD", {kKey, kValue}, sized("foo") + encode_decimal("1.5")},
      {"ACQUIRE", {kKey, kOwner, kTtl, kWait}, sized("foo") + sized("me") + u64(0) + u64(86'400'000)},
      {"FLUSH", {}, ""},
      {"SNAPSHOT", {kMode, kFolder}, std::string(1, '\1')},
      {"CLIENT, a list", {kClientCall}, std::string(1, '\0')},
      {"CLIENT, a kill", {kClientCall}, '\1' + u64(7)},
      {"AUTH", {kUser, kPassword}, sized("user") + sized("")},
      {"ACL, a list", {kAclCall}, std::string(1, '\0')},
      {"ACL, a user to delete", {kAclCall}, '\2' + sized("user")},
  };
}

TEST(DecodeRequest, ReadsEveryField) {
  Request request;
  const auto decode = [&](const Shape& shape, const std::string& payload) {
    static std::string kept;  // the views point into it
    kept = payload;
    request = Request{};
    const auto result = decode_request(shape, kept, {}, kNow, request);
    ASSERT_TRUE(result) << result.error().message;
  };
  using enum Field;

  decode({kKeyRest}, std::string("a\0b", 3));
  EXPECT_EQ(request.key, ByteView("a\0b", 3));

  decode({kKey, kTtl, kValue}, sized("foo") + u64(1000) + encode_int(-42));
  EXPECT_EQ(request.key, "foo");
  EXPECT_EQ(request.ttl_ms, 1000U);
  EXPECT_EQ(request.value.as_int(), -42);

  decode({kKey, kDelta}, sized("foo") + u64(static_cast<std::uint64_t>(INT64_MIN)));
  EXPECT_EQ(request.delta, INT64_MIN);

  decode({kKey, kExpected, kValue, kTtl}, sized("foo") + encode_string("old") + encode_string("new") + u64(9));
  EXPECT_EQ(request.expected.data, "old");
  EXPECT_EQ(request.value.data, "new");
  EXPECT_EQ(request.ttl_ms, 9U);

  decode({kKey, kOwner, kTtl, kWait}, sized("foo") + sized("me") + u64(1) + u64(2));
  EXPECT_EQ(request.owner, "me");
  EXPECT_EQ(request.ttl_ms, 1U);
  EXPECT_EQ(request.wait_ms, 2U);

  decode({kKeys}, u16(3) + sized("a") + sized("bb") + sized("a"));
  EXPECT_EQ(request.keys, (std::vector<ByteView>{"a", "bb", "a"}));

  decode({kPairs}, u16(2) + u64(7) + sized("a") + encode_int(1) + sized("b") + encode_decimal("1e1"));
  EXPECT_EQ(request.ttl_ms, 7U);
  ASSERT_EQ(request.pairs.size(), 2U);
  EXPECT_EQ(request.pairs[0].key, "a");
  EXPECT_EQ(request.pairs[0].value.as_int(), 1);
  EXPECT_EQ(request.pairs[1].key, "b");
  EXPECT_EQ(request.pairs[1].value.data, "10");

  decode({kCursor, kCount, kPattern}, u64(5) + u32(6) + sized("\xff*"));
  EXPECT_EQ(request.cursor, 5U);
  EXPECT_EQ(request.count, 6U);
  EXPECT_EQ(request.pattern, "\xff*");

  decode({kMode, kFolder}, std::string(1, '\0'));
  EXPECT_EQ(request.mode, SnapshotMode::kWait);
  EXPECT_EQ(request.folder, "");
  decode({kMode, kFolder}, "\1");
  EXPECT_EQ(request.mode, SnapshotMode::kBackground);
  decode({kMode, kFolder}, "\2/var/backup/h\xc3\xa9");
  EXPECT_EQ(request.mode, SnapshotMode::kBackup);
  EXPECT_EQ(request.folder, "/var/backup/h\xc3\xa9");

  decode({kUser, kPassword}, sized("me") + sized("secret"));
  EXPECT_EQ(request.user, "me");
  EXPECT_EQ(request.password, "secret");
  decode({kAclCall}, "\1" + sized("you") + "on +get");
  EXPECT_EQ(request.acl_call, AclCall::kSetUser);
  EXPECT_EQ(request.user, "you");
  EXPECT_EQ(request.rest, "on +get");
  decode({kAclCall}, "\4");
  EXPECT_EQ(request.acl_call, AclCall::kSave);

  decode({kClientCall}, std::string(1, '\0'));
  EXPECT_EQ(request.client_call, ClientCall::kList);
  decode({kClientCall}, '\1' + u64(~0ULL));
  EXPECT_EQ(request.client_call, ClientCall::kKill);
  EXPECT_EQ(request.id, ~0ULL);
  decode({kClientCall}, "\2h\xc3\xa9");
  EXPECT_EQ(request.client_call, ClientCall::kSetName);
  EXPECT_EQ(request.rest, "h\xc3\xa9");

  decode({kConfigCall}, '\0' + sized("max-*"));
  EXPECT_EQ(request.config_call, ConfigCall::kGet);
  EXPECT_EQ(request.pattern, "max-*");
  decode({kConfigCall}, "\1" + u16(2) + sized("a") + sized("1") + sized("b") + sized(""));
  EXPECT_EQ(request.config_call, ConfigCall::kSet);
  EXPECT_EQ(request.count, 2U);
  ByteView settings = request.rest;
  for (const char* text : {"a", "1", "b", ""}) EXPECT_EQ(take_text(settings), text);
  EXPECT_EQ(settings, "");
  decode({kSlowlogCall}, '\0' + u32(7));
  EXPECT_EQ(request.slowlog_call, SlowlogCall::kGet);
  EXPECT_EQ(request.count, 7U);
  decode({kSlowlogCall}, "\2");
  EXPECT_EQ(request.slowlog_call, SlowlogCall::kReset);
  decode({kLatencyCall}, "\1");
  EXPECT_EQ(request.latency_call, LatencyCall::kReset);
  decode({kMemoryCall, kKeyRest}, '\0' + std::string("key"));
  EXPECT_EQ(request.key, "key");
  decode({kKeysCall}, '\0' + u32(7) + u64(~0ULL));
  EXPECT_EQ(request.keys_call, KeysCall::kBig);
  EXPECT_EQ(request.count, 7U);
  EXPECT_EQ(request.samples, ~0ULL);
  decode({kKeysCall}, '\1' + u32(7) + u64(8));
  EXPECT_EQ(request.keys_call, KeysCall::kHot);
  EXPECT_EQ(request.wait_ms, 8U);

  decode({kRest}, "rest \xff");
  EXPECT_EQ(request.rest, "rest \xff");
  decode({kRest}, "");
  EXPECT_EQ(request.rest, "");
  decode({}, "");
}

TEST(DecodeRequest, CanBeUsedAgainForAnotherRequest) {
  Request request;
  const std::string three = u16(3) + sized("a") + sized("b") + sized("c");
  const std::string none = u16(0);
  ASSERT_TRUE(decode_request({Field::kKeys}, three, {}, kNow, request));
  EXPECT_EQ(request.keys.size(), 3U);
  ASSERT_TRUE(decode_request({Field::kKeys}, none, {}, kNow, request));
  EXPECT_TRUE(request.keys.empty());

  const std::string pairs = u16(1) + u64(0) + sized("a") + encode_decimal("1e1");
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(decode_request({Field::kPairs}, pairs, {}, kNow, request));
    ASSERT_EQ(request.pairs.size(), 1U);
    EXPECT_EQ(request.pairs[0].value.data, "10");
  }
}

TEST(DecodeRequest, AcceptsEveryShapeWholeAndRefusesItCutAtEveryByte) {
  for (const ShapeCase& row : all_shapes()) {
    EXPECT_EQ(fault_in(row.shape, row.payload), Errc::kOk) << row.what;
    if (row.shape.has(Field::kRest) || row.shape.has(Field::kKeyRest)) continue;  // any length is whole
    for (std::size_t size = 0; size < row.payload.size(); ++size) {
      ASSERT_EQ(fault_in(row.shape, ByteView(row.payload).substr(0, size)), Errc::kFrame)
          << row.what << " cut to " << size << " bytes";
    }
  }
}

TEST(DecodeRequest, RefusesBytesLeftOver) {
  for (const ShapeCase& row : all_shapes()) {
    if (row.shape.has(Field::kRest) || row.shape.has(Field::kKeyRest)) continue;
    EXPECT_EQ(fault_in(row.shape, row.payload + '\0'), Errc::kFrame) << row.what;
  }
}

struct FaultCase {
  const char* what;
  Shape shape;
  std::string payload;
  Errc expected;
};

TEST(DecodeRequest, NamesTheFaultOfEachField) {
  using enum Field;
  const std::string bad_utf8 = "\xc3(";
  const FaultCase kCases[] = {
      {"an empty key", {kKey}, sized(""), Errc::kKey},
      {"a key that is not UTF-8", {kKey}, sized(bad_utf8), Errc::kKey},
      {"the longest key", {kKey}, sized(std::string(65'535, 'k')), Errc::kOk},
      {"an empty payload for a key", {kKeyRest}, "", Errc::kKey},
      {"a payload that is not UTF-8 for a key", {kKeyRest}, bad_utf8, Errc::kKey},
      {"the longest payload for a key", {kKeyRest}, std::string(65'535, 'k'), Errc::kOk},
      {"a key of 65,536 bytes", {kKeyRest}, std::string(65'536, 'k'), Errc::kKey},
      {"a key of 70,000 bytes", {kKeyRest}, std::string(70'000, 'k'), Errc::kKey},
      {"an empty owner", {kOwner}, sized(""), Errc::kArgument},
      {"an owner that is not UTF-8", {kOwner}, sized(bad_utf8), Errc::kArgument},
      {"the longest owner", {kOwner}, sized(std::string(65'535, 'o')), Errc::kOk},
      {"the longest ttl", {kTtl}, u64(kTtlMax), Errc::kOk},
      {"a ttl past the year 9999", {kTtl}, u64(kTtlMax + 1), Errc::kArgument},
      {"a ttl that overflows when now is added", {kTtl}, u64(~0ULL), Errc::kArgument},
      {"a wait of a day", {kWait}, u64(86'400'000), Errc::kOk},
      {"a wait of more than a day", {kWait}, u64(86'400'001), Errc::kArgument},
      {"the longest wait a peer can say", {kWait}, u64(~0ULL), Errc::kArgument},
      {"a value of no type", {kValue}, "\x09", Errc::kValue},
      {"an expected value of no type", {kExpected}, "\x09", Errc::kValue},
      {"no keys", {kKeys}, u16(0), Errc::kOk},
      {"an empty key among keys", {kKeys}, u16(2) + sized("a") + sized(""), Errc::kKey},
      {"a count over the keys that are there", {kKeys}, u16(65'535) + sized("a"), Errc::kFrame},
      {"a count under the keys that are there", {kKeys}, u16(1) + sized("a") + sized("b"), Errc::kFrame},
      {"no pairs", {kPairs}, u16(0) + u64(0), Errc::kOk},
      {"no pairs, but a ttl past the year 9999", {kPairs}, u16(0) + u64(~0ULL), Errc::kArgument},
      {"an empty key among pairs", {kPairs}, u16(1) + u64(0) + sized("") + encode_null(), Errc::kKey},
      {"a bad value among pairs", {kPairs}, u16(1) + u64(0) + sized("a") + "\x08\x02", Errc::kValue},
      {"an empty pattern", {kPattern}, sized(""), Errc::kOk},
      {"a pattern of any bytes", {kPattern}, sized(bad_utf8), Errc::kOk},
      {"any cursor", {kCursor}, u64(~0ULL), Errc::kOk},
      {"any count", {kCount}, u32(~0U), Errc::kOk},
      {"a mode that is none", {kMode, kFolder}, "\3", Errc::kArgument},
      {"the last byte as a mode", {kMode, kFolder}, "\xff", Errc::kArgument},
      {"a mode that is none, with a folder", {kMode, kFolder}, "\3/folder", Errc::kArgument},
      {"no mode", {kMode, kFolder}, "", Errc::kFrame},
      {"a folder without a backup", {kMode, kFolder}, "\1/folder", Errc::kFrame},
      {"a backup without a folder", {kMode, kFolder}, "\2", Errc::kArgument},
      {"a folder from no root", {kMode, kFolder}, "\2folder", Errc::kArgument},
      {"a folder that is not UTF-8", {kMode, kFolder}, "\2/" + bad_utf8, Errc::kArgument},
      {"a folder with a NUL", {kMode, kFolder}, std::string("\2/a\0b", 5), Errc::kArgument},
      {"the root as a folder", {kMode, kFolder}, "\2/", Errc::kOk},
      {"the longest folder", {kMode, kFolder}, "\2/" + std::string(4'094, 'f'), Errc::kOk},
      {"an ACL call that is none", {kAclCall}, "\5", Errc::kArgument},
      {"a user cut short", {kAclCall}, "\1" + u16(5) + "user", Errc::kFrame},
      {"a list of a user", {kAclCall}, std::string("\0x", 2), Errc::kFrame},
      {"a user of any bytes, any rules", {kAclCall}, "\1" + sized(bad_utf8) + bad_utf8, Errc::kOk},
      {"a user and no password", {kUser, kPassword}, sized("user"), Errc::kFrame},
      {"any bytes", {kUser, kPassword}, sized(bad_utf8) + sized(std::string(65'535, '\xff')), Errc::kOk},
      {"a call that is none", {kClientCall}, "\3", Errc::kArgument},
      {"the last byte as a call", {kClientCall}, "\xff", Errc::kArgument},
      {"a name that is not UTF-8", {kClientCall}, "\2" + bad_utf8, Errc::kArgument},
      {"no name", {kClientCall}, "\2", Errc::kOk},
      {"the longest name", {kClientCall}, "\2" + std::string(255, 'n'), Errc::kOk},
      {"a longer name", {kClientCall}, "\2" + std::string(256, 'n'), Errc::kArgument},
      {"a longer folder", {kMode, kFolder}, "\2/" + std::string(4'095, 'f'), Errc::kArgument},
      {"anything for FLUSH", {}, std::string(1, '\0'), Errc::kFrame},
  };
  for (const FaultCase& row : kCases) EXPECT_EQ(fault_in(row.shape, row.payload), row.expected) << row.what;
}

TEST(DecodeRequest, ReportsTheFaultThatStandsFirst) {
  using enum Field;
  const Shape set{kKey, kTtl, kValue};
  const Shape cas{kKey, kExpected, kValue, kTtl};
  const Shape acquire{kKey, kOwner, kTtl, kWait};
  const std::string late = u64(~0ULL);
  const FaultCase kCases[] = {
      {"an empty key, then nothing", set, sized(""), Errc::kKey},
      {"an empty key, then a bad ttl", set, sized("") + late, Errc::kKey},
      {"a cut key, then nothing", set, u16(5) + "four", Errc::kFrame},
      {"a key not UTF-8, then nothing", set, sized("\xff"), Errc::kKey},
      {"a bad ttl, then nothing", set, sized("k") + late, Errc::kArgument},
      {"a bad ttl, then a bad value", set, sized("k") + late + "\x09", Errc::kArgument},
      {"a bad value, then bytes left over", set, sized("k") + u64(0) + "\x09rest", Errc::kValue},
      {"a good value, then bytes left over", set, sized("k") + u64(0) + encode_null() + "\x09", Errc::kFrame},
      {"a bad expected value, then a cut", cas, sized("k") + "\x09", Errc::kValue},
      {"a cut expected value", cas, sized("k") + "\x01", Errc::kFrame},
      {"a bad new value, then a bad ttl", cas, sized("k") + encode_null() + "\x09" + late, Errc::kValue},
      {"a bad ttl, then bytes left over", cas, sized("k") + encode_null() + encode_null() + late + "more",
       Errc::kArgument},
      {"an empty owner, then nothing", acquire, sized("k") + sized(""), Errc::kArgument},
      {"an empty key, then an empty owner", acquire, sized("") + sized(""), Errc::kKey},
      {"a cut owner", acquire, sized("k") + u16(9) + "me", Errc::kFrame},
      {"a cut wait after a good ttl", acquire, sized("k") + sized("me") + u64(0) + "wait", Errc::kFrame},
      {"an empty key, then a count too high", {kKeys}, u16(9) + sized("a") + sized(""), Errc::kKey},
      {"a cut key, then an empty one", {kKeys}, u16(2) + u16(9) + "a" + sized(""), Errc::kFrame},
      {"a bad ttl before bad pairs", {kPairs}, u16(2) + late + sized(""), Errc::kArgument},
      {"a bad value before a bad key", {kPairs}, u16(2) + u64(0) + sized("a") + "\x09" + sized(""), Errc::kValue},
      {"a bad key before a bad value", {kPairs}, u16(2) + u64(0) + sized("") + "\x09", Errc::kKey},
      {"a duplicate map key before a cut", set, sized("k") + u64(0) + unhex("07 00000009 0001 61 00 0001 61 00"),
       Errc::kValue},
  };
  for (const FaultCase& row : kCases) EXPECT_EQ(fault_in(row.shape, row.payload), row.expected) << row.what;
}

TEST(DecodeRequest, HoldsKeysAndNothingElseToTheLowerKeyLimit) {
  using enum Field;
  const Limits limits{.key_bytes_max = 3};
  const std::string over = sized("four");
  const FaultCase kCases[] = {
      {"a key at the limit", {kKey}, sized("key"), Errc::kOk},
      {"a key over it", {kKey}, over, Errc::kKey},
      {"a payload at the limit", {kKeyRest}, "key", Errc::kOk},
      {"a payload over it", {kKeyRest}, "four", Errc::kKey},
      {"a key over it among keys", {kKeys}, u16(2) + sized("a") + over, Errc::kKey},
      {"a key over it among pairs", {kPairs}, u16(1) + u64(0) + over + encode_null(), Errc::kKey},
      {"the length is seen before the cut", {kKey}, u16(4) + "f", Errc::kKey},
      {"a longer owner", {kOwner}, over, Errc::kOk},
      {"a longer pattern", {kPattern}, over, Errc::kOk},
      {"a longer map key", {kValue}, unhex("07 00000001 0004 61626364 00"), Errc::kOk},
  };
  for (const FaultCase& row : kCases) EXPECT_EQ(fault_in(row.shape, row.payload, limits), row.expected) << row.what;
}

TEST(DecodeRequest, CountsATtlFromNow) {
  Request request;
  const std::string payload = u64(1);
  EXPECT_TRUE(decode_request({Field::kTtl}, payload, {}, kDeadlineMax - 1, request));
  EXPECT_FALSE(decode_request({Field::kTtl}, payload, {}, kDeadlineMax, request));
}

TEST(DecodeRequest, RefusesAValueThatGrowsOverThePayloadLimit) {
  // A List of Decimals that is 100 times as long once they are written out.
  const std::string list = value::encode_list(std::vector<std::string>(100, encode_decimal("1e999")));
  EXPECT_EQ(fault_in({Field::kValue}, list, {.payload_bytes_max = 200'000}), Errc::kOk);
  EXPECT_EQ(fault_in({Field::kValue}, list, {.payload_bytes_max = 100'000}), Errc::kValue);
  const std::string pairs = u16(3) + u64(0) + sized("a") + list + sized("b") + list + sized("c") + list;
  EXPECT_EQ(fault_in({Field::kPairs}, pairs, {.payload_bytes_max = 400'000}), Errc::kOk);
  EXPECT_EQ(fault_in({Field::kPairs}, pairs, {.payload_bytes_max = 200'000}), Errc::kValue) << "all values together";
}

TEST(DecodeRequest, TakesNoMemoryForCountsThatAreOnlyClaimed) {
  const std::string kPayloads[] = {
      u16(65'535) + sized("a"),
      u16(65'535) + u64(0) + sized("a") + encode_null(),
      u16(1) + u64(0) + sized("a") + '\x07' + u32(0xFFFFFFFF),
  };
  for (const std::string& payload : kPayloads) {
    for (const Field field : {Field::kKeys, Field::kPairs}) {
      const test::AllocationMeter meter;
      EXPECT_NE(fault_in({field}, payload), Errc::kOk);
      EXPECT_LT(meter.peak_bytes(), 4U << 10);
    }
  }
}

TEST(DecodeRequest, SurvivesDamageInEveryShape) {
  test::Random random;
  for (int round = 0; round < 2'000; ++round) {
    for (const ShapeCase& row : all_shapes()) {
      std::string payload = row.payload + test::random_value(random, {.canonical = false});
      payload.resize(random.below(payload.size() + 1));
      for (std::size_t changes = random.below(4); changes != 0 && !payload.empty(); --changes) {
        payload[random.below(payload.size())] = static_cast<char>(random.next());
      }
      // A copy of exactly its size on the heap, so that AddressSanitizer sees a step past the end.
      const std::vector<char> exact(payload.begin(), payload.end());
      switch (fault_in(row.shape, ByteView(exact.data(), exact.size()))) {
        case Errc::kOk:
        case Errc::kFrame:
        case Errc::kKey:
        case Errc::kValue:
        case Errc::kArgument:
          break;
        default:
          FAIL() << row.what << ": " << hex(payload);
      }
    }
  }
}

TEST(FieldName, IsThereForEveryField) {
  for (auto field = Field::kKey; field <= Field::kRest; field = static_cast<Field>(static_cast<int>(field) + 1)) {
    EXPECT_FALSE(field_name(field).empty());
  }
  EXPECT_EQ(field_name(Field::kKey), "key");
  EXPECT_EQ(field_name(Field::kPairs), "pairs");
  EXPECT_EQ(field_name(Field::kRest), "rest");
}

}  // namespace
}  // namespace kv::protocol
