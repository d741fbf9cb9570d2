// The memory limit where it isn't data alone that takes memory: checks of passwords, and what was deleted.
#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kv/base/limits.hpp"
#include "kv/security/password.hpp"

#include "integration/info_json.hpp"
#include "integration/server_test.hpp"
#include "support/base/temporary_folder.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

class MemoryLimited : public ::testing::Test {
 protected:
  // A server that has so much room beside what it takes when it is idle, whatever that is with this build.
  void start(std::vector<std::string> args, std::size_t room) {
    args.insert(args.end(), {"--max-memory", "4GiB", "--threads", "1", "--shards", "16"});
    // AddressSanitizer would keep what is freed, and here that is to be used again.
    server_.emplace(ServerOptions{args, {"ASAN_OPTIONS=quarantine_size_mb=1:allocator_release_to_os_interval_ms=10"}});
    client_.emplace(*server_);
    const std::string limit = std::to_string(memory("resident_bytes") + room);
    ASSERT_EQ(client_->call(config_set({{"max-memory", limit}})), ok());
  }
  std::uint64_t memory(const char* figure) {
    return info_json(*client_, "memory").at(figure).to_number<std::uint64_t>();
  }
  std::size_t entries() { return info_json(*client_, "keyspace").at("entries").to_number<std::size_t>(); }

  // SETs or DELs keys 0 to `count`, and gives how many answers were OK.
  std::size_t put(std::size_t count, std::size_t value_bytes) {
    const std::string value = encode_bytes(std::string(value_bytes, 'v'));
    return ask(count, [&](const std::string& key) { return set(key, value); });
  }
  std::size_t remove(std::size_t count) { return ask(count, del); }

 private:
  std::size_t ask(std::size_t count, const std::function<std::string(const std::string& key)>& request) {
    std::size_t done = 0;
    for (std::size_t first = 0; first < count; first += kPipeline) {
      std::string requests;
      const std::size_t end = std::min(first + kPipeline, count);
      for (std::size_t i = first; i < end; ++i) requests += request(std::to_string(i));
      for (const Reply& reply : client_->pipeline(requests, end - first)) done += reply.status == protocol::Status::kOk;
    }
    return done;
  }
  static constexpr std::size_t kPipeline = 100;

 protected:
  std::optional<ServerProcess> server_;
  std::optional<RawClient> client_;
};

// What two threads take for a password of the users below, and is set aside for that.
constexpr std::size_t kHashBytes = 32 * kMiB;
constexpr std::size_t kAside = kPasswordThreads * kHashBytes;
constexpr std::size_t kRoom = 48 * kMiB;
constexpr std::size_t kValueBytes = 1'000;  // with its key and header less than 1,024

class GuessedAt : public MemoryLimited {
 protected:
  void SetUp() override {
    const std::string hash = security::hash_password("secret", {1, kHashBytes}).value();
    const std::string file = folder_.write("users.acl", "user default on nopass ~* +@all\nuser app on #" + hash + "\n");
    start({"--acl-file", file, "--eviction", "sieve"}, kAside + kRoom);
  }
  // Guesses 100 times, five from each address, as the sixth is slowed. All are checked.
  void guess() {
    std::vector<RawClient> guessers;
    for (int i = 0; i < 20; ++i) {
      guessers.emplace_back(server_->port(), 0, "127.0.1." + std::to_string(i));
      for (int j = 0; j < 5; ++j) guessers.back().send(auth("app", "guess"));
    }
    for (RawClient& guesser : guessers) {
      for (const Reply& reply : guesser.receive(5)) EXPECT_EQ(reply, error("NOAUTH"));
    }
    EXPECT_EQ(info_json(*client_, "stats").at("authentication_failures"), 100);
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(GuessedAt, ACacheThatIsHalfFullLosesNothing) {
  constexpr std::size_t kEntries = kRoom / 2 / 1'024;
  EXPECT_EQ(put(kEntries, kValueBytes), kEntries);
  EXPECT_EQ(memory("evicted"), 0U);
  guess();
  EXPECT_EQ(memory("evicted"), 0U);
  EXPECT_EQ(entries(), kEntries);
}

TEST_F(GuessedAt, ACacheThatIsFullLosesLittle) {
  constexpr std::size_t kTooMany = kRoom * 3 / 2 / 1'024;
  EXPECT_EQ(put(kTooMany, kValueBytes), kTooMany);
  const std::uint64_t before = memory("evicted");
  EXPECT_GT(before, 0U);
  guess();
  // Threads begin, connections come: that much may go, but nothing like what a check takes.
  EXPECT_LT((memory("evicted") - before) * kValueBytes, kHashBytes / 2);
}

class Full : public MemoryLimited, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(Full, WhatIsDeletedMakesRoomAgain) {
  constexpr std::size_t kSpace = 40 * kMiB;
  start({"--eviction", "noeviction"}, kSpace);
  const std::size_t count = 2 * kSpace / GetParam();
  const std::size_t taken = put(count, GetParam());
  EXPECT_GT(taken, count / 8);
  EXPECT_LT(taken, count * 3 / 4);
  EXPECT_GT(memory("refused"), 0U);
  EXPECT_EQ(remove(count), count) << "deleting needs no memory";
  EXPECT_EQ(entries(), 0U);
  // What is given back, or used again, is seen when the process is looked at, which is a moment later.
  EXPECT_TRUE(eventually([&] { return put(taken / 2, GetParam()) == taken / 2; }));
  EXPECT_EQ(memory("evicted"), 0U);
}

// In pages, and by itself.
INSTANTIATE_TEST_SUITE_P(OfValues, Full, ::testing::Values(kValueBytes, 100'000), ::testing::PrintToStringParamName());

}  // namespace
}  // namespace kv::test
