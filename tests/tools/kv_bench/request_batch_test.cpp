#include "kv-bench/request_batch.hpp"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kv-bench/keyspace.hpp"
#include "kv-bench/kv_codec.hpp"
#include "kv-bench/memcached_codec.hpp"
#include "kv-bench/request_source.hpp"
#include "kv-bench/resp_codec.hpp"
#include "support/base/allocation_meter.hpp"
#include "support/base/random.hpp"

namespace kv::bench {
namespace {

TEST(Keyspace, NamesKeysAndTheirValues) {
  const Keyspace usual({.keys = 1'000'000, .key_bytes = 16, .value_bytes = 32});
  EXPECT_EQ(usual.key(42), "key:000000000042");
  EXPECT_EQ(usual.value(42), "key:000000000042qrstuvwxyzabcdef");
  const Keyspace tight({.keys = 1000, .key_bytes = 3, .value_bytes = 2});
  EXPECT_EQ(tight.key(999), "999");
  EXPECT_EQ(tight.value(987), "87");
  const Keyspace empty({.keys = 1, .key_bytes = 1, .value_bytes = 0});
  EXPECT_EQ(empty.key(0), "0");
  EXPECT_EQ(empty.value(0), "");
  EXPECT_EQ(Keyspace::digits_of(10), 1);
  EXPECT_EQ(Keyspace::digits_of(11), 2);
}

TEST(Keyspace, KnowsItsValuesFromOthers) {
  for (const std::size_t value_bytes : {1, 7, 16, 17, 32, 5000}) {
    Keyspace keyspace({.keys = 100'000, .key_bytes = 16, .value_bytes = value_bytes});
    std::string value = keyspace.value(70'001);
    EXPECT_TRUE(keyspace.is_value_of(70'001, value));
    EXPECT_FALSE(keyspace.is_value_of(70'002, value));
    EXPECT_FALSE(keyspace.is_value_of(70'001, value + "x"));
    EXPECT_FALSE(keyspace.is_value_of(70'001, ByteView(value).substr(1)));
    value.back() ^= 1;
    EXPECT_FALSE(keyspace.is_value_of(70'001, value));
  }
}

// The bytes that `build` should make, written the long way.
template <Codec C>
std::string spelled_out(const Keyspace& keyspace, std::span<const Request> requests) {
  std::string bytes;
  for (const Request& request : requests) {
    const std::string key = keyspace.key(request.key);
    bytes += request.op == Op::kGet ? C::get(key).bytes : C::set(key, keyspace.value(request.key), 7000).bytes;
  }
  return bytes;
}

template <Codec C>
std::array<RequestTemplate, 2> templates(const Keyspace& keyspace) {
  return {C::get(keyspace.key(0)), C::set(keyspace.key(0), keyspace.value(0), 7000)};
}

template <Codec C>
void expect_any_row_of_requests_is_right() {
  test::Random random;
  const std::uint64_t keys = 1 + random.below(1'000'000);
  const Keyspace keyspace({.keys = keys, .key_bytes = 7 + random.below(20), .value_bytes = random.below(60)});
  RequestBatch batch(templates<C>(keyspace), keyspace);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Request> requests(1 + random.below(20));
    const std::uint64_t mix = random.below(3);  // only GETs, only SETs, or both
    for (Request& request : requests) {
      request = {static_cast<std::uint32_t>(random.below(keys)),
                 (mix == 2 ? random.below(2) : mix) == 0 ? Op::kGet : Op::kSet};
    }
    ASSERT_EQ(batch.build(requests), spelled_out<C>(keyspace, requests));
  }
}

TEST(RequestBatch, PatchesAnyRowOfRequestsRight) {
  expect_any_row_of_requests_is_right<KvCodec>();
  expect_any_row_of_requests_is_right<RespCodec>();
  expect_any_row_of_requests_is_right<MemcachedCodec>();
}

TEST(RequestBatch, TakesAsManyAsFitButAlwaysOne) {
  const std::vector<Request> requests(100, Request{3, Op::kSet});
  for (const std::size_t value_bytes : {10'000, 300'000}) {
    const Keyspace keyspace({.keys = 10, .key_bytes = 8, .value_bytes = value_bytes});
    RequestBatch batch(templates<KvCodec>(keyspace), keyspace);
    const ByteView bytes = batch.build(requests);
    const std::size_t taken = bytes.size() / batch.size_of(Op::kSet);
    EXPECT_GE(taken, 1);
    EXPECT_LT(taken, requests.size());
    EXPECT_EQ(bytes, spelled_out<KvCodec>(keyspace, std::span(requests).first(taken)));
  }
}

TEST(RequestBatch, AllocatesNothingWhileItBuilds) {
  const Keyspace keyspace({.keys = 1000, .key_bytes = 16, .value_bytes = 32});
  RequestBatch batch(templates<KvCodec>(keyspace), keyspace);
  RequestSource source = RequestSource::random({.keys = 1000, .get_share = 0.5, .seed = 1});
  std::vector<Request> requests(64);
  const test::AllocationMeter meter;
  for (int round = 0; round < 100; ++round) {
    source.fill(requests, true);
    batch.build(requests);
  }
  EXPECT_EQ(meter.allocations(), 0);
}

TEST(RequestSource, LoadsEveryKeyOnce) {
  RequestSource source = RequestSource::load(5, 15);
  std::vector<Request> requests(4);
  std::vector<std::uint32_t> seen;
  while (const std::size_t size = source.fill(requests, true)) {
    for (const Request& request : std::span(requests).first(size)) {
      EXPECT_EQ(request.op, Op::kSet);
      seen.push_back(request.key);
    }
  }
  EXPECT_EQ(seen, (std::vector<std::uint32_t>{5, 6, 7, 8, 9, 10, 11, 12, 13, 14}));
}

TEST(RequestSource, ChoosesEvenlyAndEndsWithItsBudget) {
  constexpr std::uint64_t kKeys = 10;
  constexpr std::uint64_t kRequests = 100'000;
  RequestSource source = RequestSource::random({.keys = kKeys, .get_share = 0.3, .seed = 42, .budget = kRequests});
  std::vector<Request> requests(1000);
  std::array<std::uint64_t, kKeys> by_key{};
  std::uint64_t gets = 0;
  EXPECT_EQ(source.fill(requests, false), requests.size());  // uncounted, so it costs no budget
  for (std::uint64_t left = kRequests; left != 0; left -= requests.size()) {
    ASSERT_EQ(source.fill(requests, true), requests.size());
    for (const Request& request : requests) {
      ++by_key.at(request.key);
      gets += request.op == Op::kGet ? 1 : 0;
    }
  }
  EXPECT_EQ(source.fill(requests, true), 0);
  for (const std::uint64_t count : by_key) EXPECT_NEAR(static_cast<double>(count), kRequests / kKeys, 600);
  EXPECT_NEAR(static_cast<double>(gets), kRequests * 0.3, 1000);
}

TEST(RequestSource, AsksOnlyWhatItIsToldTo) {
  for (const double get_share : {0.0, 1.0}) {
    RequestSource source = RequestSource::random({.keys = 1ULL << 32, .get_share = get_share, .seed = 7});
    std::vector<Request> requests(10'000);
    source.fill(requests, true);
    for (const Request& request : requests) ASSERT_EQ(request.op, get_share == 1.0 ? Op::kGet : Op::kSet);
  }
}

}  // namespace
}  // namespace kv::bench
