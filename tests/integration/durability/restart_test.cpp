// What a server has after it was stopped or killed and started again, possibly with other flags.
#include <algorithm>
#include <chrono>
#include <thread>

#include "integration/durability/durable_test.hpp"
#include "integration/scan_all.hpp"
#include "support/process/wait.hpp"
#include "support/value/random_value.hpp"

namespace kv::test {
namespace {

constexpr std::uint64_t kHourMs = 3'600'000;

enum class End { kKill, kStop, kSnapshotThenKill };

class Restart : public DurableTest, public ::testing::WithParamInterface<End> {
 protected:
  void restart(const Args& more = {}) {
    if (GetParam() == End::kSnapshotThenKill) save();
    if (GetParam() == End::kStop) {
      stop();
    } else {
      kill();
    }
    start(more);
  }
  std::int64_t entries() { return info_json(*client_).at("entries").to_number<std::int64_t>(); }
};

TEST_P(Restart, KeepsEveryValueByteForByte) {
  Random random;
  start();
  std::vector<std::string> values;
  std::string requests;
  for (int i = 0; i < 3'000; ++i) {
    values.push_back(random_value(random));
    requests += set("k" + std::to_string(i), values.back());
  }
  for (const Reply& reply : client_->pipeline(requests, values.size())) ASSERT_EQ(reply, ok());
  restart();
  requests.clear();
  for (std::size_t i = 0; i < values.size(); ++i) requests += get("k" + std::to_string(i));
  const std::vector<Reply> replies = client_->pipeline(requests, values.size());
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(replies[i], ok(values[i])) << i;
}

TEST_P(Restart, KeepsKeysOfAnyBytesAndLength) {
  const Keys keys{"k", std::string("\0", 1), "ключ", std::string(65'535, 'k'), "a\nb", " "};
  start();
  for (const std::string& key : keys) EXPECT_EQ(call(set(key, encode_string(key))), ok());
  restart();
  for (const std::string& key : keys) EXPECT_EQ(call(get(key)), ok(encode_string(key)));
}

TEST_P(Restart, KeepsAnMsetOfManyKeys) {
  constexpr int kKeys = 20'000;
  Pairs pairs;
  for (int i = 0; i < kKeys; ++i) pairs.emplace_back("k" + std::to_string(i), encode_int(i));
  start();
  EXPECT_EQ(call(mset(pairs, kHourMs)), ok());
  restart();
  EXPECT_EQ(entries(), kKeys);
  for (int i = 0; i < kKeys; i += 97) ASSERT_EQ(call(get("k" + std::to_string(i))), ok(encode_int(i)));
  const std::int64_t left = call(ttl("k0")).i64();
  EXPECT_GT(left, 0);
  EXPECT_LE(left, static_cast<std::int64_t>(kHourMs));
}

TEST_P(Restart, KeepsLargeValuesAlsoBeyondASegment) {
  const Args args{"--wal-segment-bytes", "1MiB"};
  constexpr std::size_t kSizes[] = {1'024, 1'025, 4'096, 300 << 10, 1 << 20, 5 << 20, 40 << 20};
  start(args);
  for (const std::size_t size : kSizes) {
    const std::string key = std::to_string(size);
    EXPECT_EQ(call(set(key, filling(key, size))), ok());
  }
  restart(args);
  for (const std::size_t size : kSizes) {
    const std::string key = std::to_string(size);
    EXPECT_TRUE(call(get(key)) == ok(filling(key, size))) << size;
  }
}

TEST_P(Restart, WhatWasFlushedStaysAwayAndWhatCameAfterwardsStays) {
  start();
  fill("before", 1'000, 50);
  EXPECT_EQ(call(flush()), ok_u64(1'000));
  fill("after", 100, 50);
  restart();
  EXPECT_EQ(entries(), 100);
  expect_filled("after", 100, 50);
  EXPECT_EQ(call(flush()), ok_u64(100));
  restart();
  EXPECT_EQ(entries(), 0);
}

TEST_P(Restart, KeepsCountersAndWhatWasDeletedStaysAway) {
  start();
  std::string requests;
  for (int i = 0; i < 1'000; ++i) requests += incr("n") + add("d", encode_decimal("0.10")) + set("k", encode_int(i));
  client_->pipeline(requests + del("k"), 3'001);
  restart();
  EXPECT_EQ(call(get("n")), ok(encode_int(1'000)));
  EXPECT_EQ(call(get("d")), ok(encode_decimal("100.00")));
  EXPECT_EQ(call(get("k")), null());
  restart();
  EXPECT_EQ(call(incr("n")), ok_i64(1'001));
}

TEST_P(Restart, DeadlinesArePointsInTime) {
  start();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(call(set("long", encode_int(1), kHourMs)), ok());
  EXPECT_EQ(call(set("persisted", encode_int(1), 1'000)), ok());
  EXPECT_EQ(call(persist("persisted")), ok_bool(true));
  EXPECT_EQ(call(set("set", encode_int(1))), ok());
  EXPECT_EQ(call(expire("set", kHourMs)), ok_bool(true));
  EXPECT_EQ(call(set("at once", encode_int(1))), ok());
  EXPECT_EQ(call(expire("at once", 0)), ok_bool(true));
  restart();
  const auto passed = [&] {
    const auto since = std::chrono::steady_clock::now() - before;
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  };
  for (const char* key : {"long", "set"}) {
    const std::int64_t left = call(ttl(key)).i64();
    EXPECT_LE(left, static_cast<std::int64_t>(kHourMs)) << key;
    EXPECT_GE(left, static_cast<std::int64_t>(kHourMs) - passed() - 50) << key;
  }
  EXPECT_EQ(call(ttl("persisted")), ok_i64(-1));
  EXPECT_EQ(call(get("at once")), null());
}

TEST_P(Restart, OfManyKeysWithATtlThoseThatHaveExpiredDoNotComeBack) {
  constexpr int kKeys = 100'000;
  constexpr int kPerMset = 5'000;
  start();
  for (int from = 0; from < kKeys; from += kPerMset) {
    Pairs pairs;
    for (int i = from; i < from + kPerMset; ++i) pairs.emplace_back("k" + std::to_string(i), encode_int(i));
    // Every other batch ends soon.
    ASSERT_EQ(call(mset(pairs, from / kPerMset % 2 == 0 ? kHourMs : 300)), ok());
  }
  restart();
  EXPECT_TRUE(eventually([&] { return entries() == kKeys / 2; })) << entries();
  EXPECT_EQ(call(get("k0")), ok(encode_int(0)));
  EXPECT_EQ(call(get("k5000")), null());
  restart();
  // What the sweeper had not told the log before a kill is read again, as expired, and swept again.
  const std::vector<std::string> keys = scan_all(*client_, 10'000);
  EXPECT_EQ(keys.size(), static_cast<std::size_t>(kKeys / 2));
  for (const std::string& key : keys) ASSERT_EQ(std::stoi(key.substr(1)) / kPerMset % 2, 0) << key;
  EXPECT_TRUE(eventually([&] { return entries() == kKeys / 2; })) << entries();
}

TEST_P(Restart, KeepsLocksAndTokensGrow) {
  start();
  const std::uint64_t token = call(acquire("a", "me", kHourMs)).u64(1);
  EXPECT_EQ(call(test::lock("b", "you", kHourMs)), ok_bool(true));
  EXPECT_EQ(call(test::lock("c", "me", kHourMs)), ok_bool(true));
  EXPECT_EQ(call(set("c", encode_string("me"))), ok()) << "which is no lock any more";
  restart();
  EXPECT_EQ(call(test::lock("a", "other", kHourMs)), ok_bool(false));
  EXPECT_EQ(call(unlock("b", "me")), error("LOCKED"));
  EXPECT_EQ(call(unlock("c", "me")), error("WRONGTYPE"));
  EXPECT_EQ(call(extend("a", "me", kHourMs)), ok_bool(true));
  EXPECT_EQ(call(unlock("a", "me")), ok_bool(true));
  EXPECT_GT(call(acquire("a", "me", kHourMs)).u64(1), token);
}

TEST_P(Restart, OneWhoWaitedIsForgottenAndTheHolderIsNot) {
  start();
  EXPECT_EQ(call(test::lock("k", "holder", kHourMs)), ok_bool(true));
  RawClient waiter(*server_);
  waiter.send(acquire("k", "waiter", kHourMs, kHourMs));
  EXPECT_TRUE(eventually([&] { return info_json(*client_, "clients").at("waiting") == 1; }));
  restart();
  EXPECT_EQ(call(get("k")), ok(encode_string("holder")));
  EXPECT_EQ(call(unlock("k", "holder")), ok_bool(true));
  EXPECT_EQ(call(get("k")), null());
}

TEST_P(Restart, WhoWasGrantedTheLockBeforeHoldsIt) {
  start();
  EXPECT_EQ(call(test::lock("k", "holder", kHourMs)), ok_bool(true));
  RawClient waiter(*server_);
  waiter.send(acquire("k", "waiter", kHourMs, kHourMs));
  EXPECT_TRUE(eventually([&] { return info_json(*client_, "clients").at("waiting") == 1; }));
  EXPECT_EQ(call(unlock("k", "holder")), ok_bool(true));
  const std::uint64_t token = waiter.receive().u64(1);
  restart();
  EXPECT_EQ(call(get("k")), ok(encode_string("waiter")));
  EXPECT_EQ(call(unlock("k", "waiter")), ok_bool(true));
  EXPECT_GT(call(acquire("k", "me")).u64(1), token);
}

TEST_P(Restart, WithAnotherNumberOfShardsKeepsEverything) {
  start({"--shards", "16"});
  fill("k", 3'000, 40);
  EXPECT_EQ(call(test::lock("lock", "me", kHourMs)), ok_bool(true));
  for (const char* shards : {"1", "256", "7", "4096"}) {
    SCOPED_TRACE(shards);
    restart({"--shards", shards});
    EXPECT_EQ(info_json(*client_).at("shards").to_number<int>(), std::stoi(shards));
    expect_filled("k", 3'000, 40);
    EXPECT_EQ(call(unlock("lock", "other")), error("LOCKED"));
    EXPECT_EQ(entries(), 3'001);
  }
}

TEST_P(Restart, ManyTimesInARowAddsNothingAndLosesNothing) {
  start();
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(call(incr("n")), ok_i64(i + 1));
    restart();
    EXPECT_EQ(entries(), 1);
  }
}

INSTANTIATE_TEST_SUITE_P(, Restart, ::testing::Values(End::kKill, End::kStop, End::kSnapshotThenKill),
                         [](const auto& end) {
                           return end.param == End::kKill   ? "AfterAKill"
                                  : end.param == End::kStop ? "AfterACleanStop"
                                                            : "FromASnapshot";
                         });

}  // namespace
}  // namespace kv::test
