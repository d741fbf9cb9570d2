// Time to live. Short ttls end within the test, which waits for it; long ones must not.
#include <chrono>

#include "integration/info_json.hpp"
#include "integration/server_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

constexpr std::uint64_t kShortMs = 50;

class Expiry : public ServerTest {
 protected:
  void wait_until_absent(const std::string& key) {
    ASSERT_TRUE(eventually([&] { return call(exists(key)) == ok_bool(false); })) << key;
  }
};

TEST_F(Expiry, AnExpiredKeyIsAbsentForEveryCommand) {
  const std::string value = encode_int(1);
  const auto expired = [&] {
    call(set("k", value, kShortMs));
    wait_until_absent("k");
    return "k";
  };
  EXPECT_EQ(call(get(expired())), null());
  EXPECT_EQ(call(del(expired())), ok_bool(false));
  EXPECT_EQ(call(incr(expired(), 7)), ok_i64(7));
  EXPECT_EQ(call(ttl("k")), ok_i64(-1)) << "INCR creates without expiry";
  EXPECT_EQ(call(decr(expired(), 7)), ok_i64(-7));
  EXPECT_EQ(call(cas(expired(), value, encode_int(2))), null());
  EXPECT_EQ(call(cas(expired(), encode_null(), encode_int(2))), ok_bool(true));
  EXPECT_EQ(call(ttl("k")), ok_i64(-1)) << "the expiry of the expired entry is not kept";
  EXPECT_EQ(call(setnx(expired(), value)), ok_bool(true));
  EXPECT_EQ(call(lock(expired(), "me")), ok_bool(true));
  call(del("k"));
  EXPECT_EQ(call(unlock(expired(), "me")), ok_bool(false));
  EXPECT_EQ(call(extend(expired(), "me")), ok_bool(false));
  EXPECT_EQ(call(mget({expired()})), ok_values({encode_null()}));
  EXPECT_EQ(call(mdel({expired()})), ok_u32(0));
  EXPECT_EQ(call(mexists({expired()})), ok_bools({false}));
  EXPECT_EQ(call(expire(expired(), kLongMs)), ok_bool(false));
  EXPECT_EQ(call(expire(expired(), 0)), ok_bool(false));
  EXPECT_EQ(call(ttl(expired())), null());
  EXPECT_EQ(call(persist(expired())), ok_bool(false));
  EXPECT_EQ(call(swap(expired(), value)), null());
  EXPECT_EQ(call(take(expired())), null());
  EXPECT_EQ(call(type(expired())), null());
  EXPECT_EQ(call(add(expired(), encode_decimal("1"))), ok(encode_decimal("1")));
  EXPECT_EQ(call(acquire(expired(), "me")).payload.substr(0, 1), "\1");
  call(del("k"));
  EXPECT_TRUE(scan_page(call(scan(0, 10'000, expired()))).keys.empty());
  expired();
  EXPECT_EQ(call(flush()), ok_u64(0)) << "an expired key is not there to be removed";
}

TEST_F(Expiry, AKeyLivesUntilItsDeadlineAndNotLonger) {
  const auto before = std::chrono::steady_clock::now();
  call(set("k", encode_int(1), 500));
  wait_until_absent("k");
  const auto lived = std::chrono::steady_clock::now() - before;
  EXPECT_GE(lived, std::chrono::milliseconds(499));
}

TEST_F(Expiry, TtlCountsDownFromWhatWasSet) {
  for (const std::string& request : {set("k", encode_int(1), kLongMs), expire("k", kLongMs),
                                     mset({{"k", encode_int(1)}}, kLongMs), swap("k", encode_int(1), kLongMs)}) {
    call(request);
    const std::int64_t left = call(ttl("k")).i64();
    EXPECT_LE(left, static_cast<std::int64_t>(kLongMs));
    EXPECT_GT(left, static_cast<std::int64_t>(kLongMs) - 60'000);
    call(persist("k"));
  }
  const std::int64_t first = call(ttl("k")).i64();
  EXPECT_EQ(first, -1);
}

TEST_F(Expiry, ExpireSetsShortensAndProlongs) {
  EXPECT_EQ(call(expire("k", kLongMs)), ok_bool(false));
  EXPECT_EQ(call(exists("k")), ok_bool(false));
  call(set("k", encode_int(1)));
  EXPECT_EQ(call(expire("k", kLongMs)), ok_bool(true));
  EXPECT_EQ(call(expire("k", 2 * kLongMs)), ok_bool(true));
  EXPECT_GT(call(ttl("k")).i64(), static_cast<std::int64_t>(kLongMs));
  EXPECT_EQ(call(get("k")), ok(encode_int(1)));
  EXPECT_EQ(call(expire("k", kShortMs)), ok_bool(true));
  wait_until_absent("k");
}

TEST_F(Expiry, ExpireWithZeroDeletes) {
  call(set("k", encode_int(1)));
  EXPECT_EQ(call(expire("k", 0)), ok_bool(true));
  EXPECT_EQ(call(get("k")), null());
  EXPECT_EQ(call(expire("k", 0)), ok_bool(false));
}

TEST_F(Expiry, PersistRemovesAnExpiryAndSaysWhetherThereWasOne) {
  EXPECT_EQ(call(persist("k")), ok_bool(false));
  call(set("k", encode_int(1), kLongMs));
  EXPECT_EQ(call(persist("k")), ok_bool(true));
  EXPECT_EQ(call(ttl("k")), ok_i64(-1));
  EXPECT_EQ(call(persist("k")), ok_bool(false));
  EXPECT_EQ(call(get("k")), ok(encode_int(1)));
}

TEST_F(Expiry, ADeadlinePastTheYear9999IsRefusedEverywhere) {
  call(set("k", encode_int(1)));
  call(lock("lock", "me", kLongMs));
  constexpr std::uint64_t kYearMs = 31'557'600'000;
  for (const std::uint64_t far : {8'000 * kYearMs, std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    for (const std::string& request :
         {set("k", encode_int(2), far), setnx("new", encode_int(2), far), mset({{"k", encode_int(2)}}, far),
          mset({}, far), swap("k", encode_int(2), far), expire("k", far), cas("k", encode_int(1), encode_int(2), far),
          lock("new", "me", far), extend("lock", "me", far), acquire("new", "me", far, 0)}) {
      EXPECT_EQ(call(request), invalid("ARGUMENT")) << "ttl " << far;
    }
  }
  EXPECT_EQ(call(get("k")), ok(encode_int(1)));
  EXPECT_EQ(call(exists("new")), ok_bool(false));
  const std::uint64_t still_fine = 7'900 * kYearMs;  // about the year 9925
  EXPECT_EQ(call(set("k", encode_int(2), still_fine)), ok());
  EXPECT_EQ(call(expire("k", still_fine)), ok_bool(true));
}

TEST_F(Expiry, MemoryOfExpiredKeysComesBackWithoutATouch) {
  const int keys = 200'000 / kSlowness;
  std::string requests;
  for (int i = 0; i < keys; ++i) requests += set("key:" + std::to_string(i), encode_bytes(std::string(64, 'v')), 500);
  client_.pipeline(requests, static_cast<std::size_t>(keys));
  EXPECT_TRUE(eventually([&] { return info_json(client_).at("entries") == 0; }));
  EXPECT_EQ(info_json(client_, "stats").at("expired"), keys);
}

}  // namespace
}  // namespace kv::test
