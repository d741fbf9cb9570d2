// A memory limit and a data directory: what was evicted stays away, and what is too much at the start is dealt with.
#include <set>
#include <string>

#include "integration/durability/durable_test.hpp"
#include "integration/info_json.hpp"

namespace kv::test {
namespace {

constexpr int kKeys = 70'000;
constexpr std::size_t kValueBytes = 900;

class LimitedRestart : public DurableTest {
 protected:
  // Puts it all and starts anew with a limit that leaves room for about half of it, whatever else this build of the
  // server takes once it has recovered so much.
  void put_all_and_restart_limited(const std::string& eviction) {
    start();
    put_all();
    restart_after_kill();
    limit_ = server_->rss_bytes() - kKeys * kValueBytes / 2;
    restart_after_kill({"--max-memory", std::to_string(limit_), "--eviction", eviction, "--shards", "16"});
  }
  static std::string key(int i) { return "key " + std::to_string(i); }
  void put_all() {
    const std::string value = encode_bytes(std::string(kValueBytes, 'x'));
    for (int first = 0; first < kKeys; first += 1'000) {
      std::string requests;
      for (int i = first; i < first + 1'000; ++i) requests += set(key(i), value);
      for (const Reply& reply : client_->pipeline(requests, 1'000)) ASSERT_EQ(reply, ok());
    }
  }
  std::set<int> present() {
    std::set<int> found;
    std::string requests;
    for (int i = 0; i < kKeys; ++i) requests += exists(key(i));
    const std::vector<Reply> replies = client_->pipeline(requests, kKeys);
    for (int i = 0; i < kKeys; ++i) {
      if (replies[static_cast<std::size_t>(i)] == ok_bool(true)) found.insert(i);
    }
    return found;
  }
  std::uint64_t memory(const char* figure) {
    return info_json(*client_, "memory").at(figure).to_number<std::uint64_t>();
  }

  std::size_t limit_ = 0;
};

TEST_F(LimitedRestart, WhatWasEvictedDoesNotComeBack) {
  put_all_and_restart_limited("sieve");
  call(flush());
  put_all();
  EXPECT_GT(memory("evicted"), 0U);
  kill();
  // Evicting goes on by itself for a moment, so that what is there after the kill was there at it.
  start();
  const std::set<int> there = present();
  EXPECT_LT(there.size(), kKeys * 9 / 10);
  EXPECT_GT(there.size(), kKeys / 10);
  EXPECT_TRUE(there.contains(kKeys - 1));
  EXPECT_FALSE(there.contains(0)) << "the first that came was the first to go";
}

TEST_F(LimitedRestart, TooMuchIsEvictedAtTheStartForGood) {
  put_all_and_restart_limited("lru");
  EXPECT_GT(memory("evicted"), 0U);
  // What was evicted at the start may take a moment to be given back.
  EXPECT_TRUE(eventually([&] { return memory("used_bytes") <= limit_ + limit_ / 20; })) << memory("used_bytes");
  EXPECT_NE(server_->log().find("more data than --max-memory allows"), std::string::npos);
  const std::set<int> left = present();
  EXPECT_LT(left.size(), kKeys * 9 / 10);
  EXPECT_EQ(call(set("new", encode_int(1))), ok());
  restart_after_kill();
  for (const int i : present()) ASSERT_TRUE(left.contains(i)) << i << " has come back";
}

TEST_F(LimitedRestart, TooMuchWithoutEvictionIsReadAndDeletedButNotAddedTo) {
  put_all_and_restart_limited("noeviction");
  EXPECT_NE(server_->log().find("over --max-memory"), std::string::npos);
  EXPECT_EQ(present().size(), static_cast<std::size_t>(kKeys));
  EXPECT_EQ(call(set("new", encode_int(1))), error("OOM"));
  EXPECT_EQ(call(set(key(0), encode_int(1))), error("OOM"));
  EXPECT_EQ(call(test::lock("lock", "owner")), error("OOM"));
  EXPECT_EQ(call(expire(key(0), 1'000'000)), ok_bool(true));
  EXPECT_EQ(call(persist(key(0))), ok_bool(true));
  EXPECT_EQ(call(take(key(0))).status, protocol::Status::kOk);
  EXPECT_EQ(call(del(key(1))), ok_bool(true));
  EXPECT_EQ(memory("evicted"), 0U);
  EXPECT_EQ(memory("refused"), 3U);
  EXPECT_EQ(call(flush()).status, protocol::Status::kOk);
  EXPECT_TRUE(eventually([&] { return call(set("new", encode_int(1))) == ok(); }));
}

}  // namespace
}  // namespace kv::test
