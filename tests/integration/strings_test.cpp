// GET, SET, DEL, EXISTS, SETNX, SWAP, TAKE, TYPE and PING.
#include "integration/server_test.hpp"

namespace kv::test {
namespace {

using Strings = ServerTest;

TEST_F(Strings, GetAnswersTheValueThatWasSetAndNullForAnAbsentKey) {
  EXPECT_EQ(call(get("k")), null());
  EXPECT_EQ(call(set("k", encode_int(1))), ok());
  EXPECT_EQ(call(get("k")), ok(encode_int(1)));
}

TEST_F(Strings, SetReplacesValueTypeAndExpiry) {
  call(set("k", encode_int(1), kLongMs));
  EXPECT_EQ(call(set("k", encode_string("text"))), ok());
  EXPECT_EQ(call(get("k")), ok(encode_string("text")));
  EXPECT_EQ(call(ttl("k")), ok_i64(-1));
}

TEST_F(Strings, AStoredNullIsAValueAndNotAnAbsence) {
  call(set("k", encode_null()));
  EXPECT_EQ(call(get("k")), ok(encode_null()));
  EXPECT_EQ(call(exists("k")), ok_bool(true));
  EXPECT_EQ(call(swap("k", encode_int(1))), ok(encode_null()));
}

TEST_F(Strings, DelSaysWhetherTheKeyWasThere) {
  call(set("k", encode_int(1)));
  EXPECT_EQ(call(del("k")), ok_bool(true));
  EXPECT_EQ(call(del("k")), ok_bool(false));
  EXPECT_EQ(call(get("k")), null());
}

TEST_F(Strings, ExistsLooksAtTheKeyAlone) {
  EXPECT_EQ(call(exists("k")), ok_bool(false));
  call(set("k", encode_int(1)));
  EXPECT_EQ(call(exists("k")), ok_bool(true));
  EXPECT_EQ(call(exists("K")), ok_bool(false));
}

TEST_F(Strings, SetnxSetsOnlyAnAbsentKey) {
  EXPECT_EQ(call(setnx("k", encode_int(1), kLongMs)), ok_bool(true));
  EXPECT_EQ(call(setnx("k", encode_string("other"))), ok_bool(false));
  EXPECT_EQ(call(get("k")), ok(encode_int(1)));
  EXPECT_GT(call(ttl("k")).i64(), 0) << "a SETNX that sets nothing leaves the expiry alone too";
  EXPECT_EQ(call(setnx("forever", encode_int(1), 0)), ok_bool(true));
  EXPECT_EQ(call(ttl("forever")), ok_i64(-1));
}

TEST_F(Strings, SwapSetsEitherWayAndAnswersWhatWasThere) {
  EXPECT_EQ(call(swap("k", encode_int(1), kLongMs)), null());
  EXPECT_GT(call(ttl("k")).i64(), 0);
  EXPECT_EQ(call(swap("k", encode_string("new"))), ok(encode_int(1)));
  EXPECT_EQ(call(get("k")), ok(encode_string("new")));
  EXPECT_EQ(call(ttl("k")), ok_i64(-1)) << "ttl 0 means no expiry, not the old one";
}

TEST_F(Strings, TakeAnswersTheValueAndDeletesTheKey) {
  EXPECT_EQ(call(take("k")), null());
  call(set("k", encode_string("once")));
  EXPECT_EQ(call(take("k")), ok(encode_string("once")));
  EXPECT_EQ(call(take("k")), null());
  EXPECT_EQ(call(exists("k")), ok_bool(false));
}

TEST_F(Strings, TypeAnswersTheTypeByte) {
  EXPECT_EQ(call(type("k")), null());
  const std::string values[] = {encode_null(),       encode_int(1),      encode_float(1),
                                encode_decimal("1"), encode_string("s"), encode_bytes("b"),
                                list_of({}),         map_of({}),         encode_bool(true)};
  for (const std::string& value : values) {
    call(set("k", value));
    EXPECT_EQ(call(type("k")), ok(value.substr(0, 1)));
  }
}

TEST_F(Strings, PingAnswersPongOrItsOwnPayload) {
  EXPECT_EQ(call(ping()), ok("PONG"));
  const std::string any_bytes("\0\xFF\x80 bytes that are no UTF-8", 27);
  EXPECT_EQ(call(ping(any_bytes)), ok(any_bytes));
  const std::string large(1 << 20, '\xEE');
  EXPECT_EQ(call(ping(large)), ok(large));
}

TEST_F(Strings, FlushRemovesEverythingAndCountsIt) {
  EXPECT_EQ(call(flush()), ok_u64(0));
  for (int i = 0; i < 1'000; ++i) call(set("k" + std::to_string(i), encode_int(i)));
  EXPECT_EQ(call(flush()), ok_u64(1'000));
  EXPECT_EQ(call(get("k0")), null());
  EXPECT_EQ(call(flush()), ok_u64(0));
}

TEST_F(Strings, AnotherConnectionSeesEveryChange) {
  RawClient other = connect();
  call(set("k", encode_int(1)));
  EXPECT_EQ(other.call(get("k")), ok(encode_int(1)));
  other.call(del("k"));
  EXPECT_EQ(call(get("k")), null());
}

}  // namespace
}  // namespace kv::test
