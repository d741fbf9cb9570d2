// Large requests and replies on a server whose memory is limited: they count while they are under way.
#include <string>
#include <vector>

#include "kv/base/limits.hpp"

#include "integration/info_json.hpp"
#include "integration/server_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

class LargeRequests : public ::testing::Test {
 protected:
  // Leaves so much room, whatever else this build of the server takes when it holds nothing.
  void limit_to(std::size_t bytes) {
    limit_ = server_.rss_bytes() + bytes;
    ASSERT_EQ(client_.call(config_set({{"max-memory", std::to_string(limit_)}})), ok());
  }

  // What a sanitizer keeps of what was freed would count, too.
  ServerProcess server_{ServerOptions{{"--max-memory", "8GiB", "--eviction", "noeviction"},  //
                                      {"ASAN_OPTIONS=quarantine_size_mb=1"}}};
  RawClient client_{server_};
  std::size_t limit_ = 0;
};

TEST_F(LargeRequests, ThatAreNeverFinishedStayWithinTheLimit) {
  limit_to(48 * kMiB);
  const std::string request = set("large", encode_bytes(std::string(16 * kMiB, 'x')));
  const std::size_t begun = 12 * kMiB;
  std::vector<RawClient> clients;
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back(server_).send(ByteView(request).substr(0, begun));
    ASSERT_TRUE(eventually([&] {
      return info_json(client_, "stats").at("bytes_received").to_number<std::size_t>() > clients.size() * begun;
    }));
    ASSERT_LE(server_.rss_bytes(), limit_ + limit_ / 10);
  }
  std::size_t refused = 0;
  for (RawClient& client : clients) refused += client.is_quiet() ? 0 : 1;
  EXPECT_GE(refused, 8U);
  EXPECT_LT(refused, clients.size());
  for (RawClient& client : clients) {
    client.send(request.substr(begun) + ping("in step"));
    const Reply reply = client.receive();
    EXPECT_TRUE(reply == ok() || reply == error("OOM")) << reply;
    EXPECT_EQ(client.receive(), ok("in step"));
  }
  clients.clear();
  EXPECT_TRUE(eventually([&] { return client_.call(request) == ok(); })) << "once their memory has come back";
}

TEST_F(LargeRequests, ThatNeedNoMemoryToStayAreServedWhenItIsFull) {
  limit_to(24 * kMiB);
  constexpr int kKeys = 2'000;
  std::vector<std::string> names;
  std::string fillings;
  for (int i = 0; i < kKeys; ++i) {
    names.push_back("a key of some length, number " + std::to_string(i));
    fillings += set(names.back(), encode_bytes(std::string(20'000, 'x')));
  }
  std::size_t stored = 0;
  for (const Reply& reply : client_.pipeline(fillings, kKeys)) stored += reply == ok() ? 1 : 0;
  ASSERT_LT(stored, std::size_t{kKeys}) << "it was never full";
  const std::string request = mexists(names);
  ASSERT_GT(request.size(), 3 * kInputBytesUsual);
  EXPECT_EQ(client_.call(request).status, ok().status);
  EXPECT_EQ(client_.call(mdel(names)).status, ok().status);
  EXPECT_EQ(client_.call(set(names.front(), encode_bytes(std::string(20'000, 'x')))), ok());
}

class LargeReplies : public LargeRequests {
 protected:
  // While the buffer of a reply grows, the system moves its pages; a sanitizer's allocator copies them, and then has
  // both for a moment.
#ifdef __SANITIZE_ADDRESS__
  static constexpr std::size_t kBuffersOfAReply = 2;
#else
  static constexpr std::size_t kBuffersOfAReply = 1;
#endif
};

TEST_F(LargeReplies, ThatNobodyReadsStayNearTheLimit) {
  limit_to(64 * kMiB);
  ASSERT_EQ(client_.call(set("large", encode_bytes(std::string(kMiB, 'x')))), ok());
  const std::vector<std::string> names(16, "large");
  const std::size_t reply_bytes = client_.call(mget(names)).payload.size();
  ASSERT_GT(reply_bytes, names.size() * kMiB);
  std::vector<RawClient> clients;
  for (int i = 0; i < 12; ++i) {
    clients.emplace_back(server_.port(), 4'096).send(mget(names));
    ASSERT_TRUE(eventually([&] { return !clients.back().is_quiet(); }));
    ASSERT_LE(server_.rss_bytes(), limit_ + limit_ / 10 + kBuffersOfAReply * reply_bytes);
  }
  std::size_t refused = 0;
  for (RawClient& client : clients) {
    const Reply reply = client.receive();
    refused += reply == error("OOM") ? 1 : 0;
    EXPECT_TRUE(reply == error("OOM") || reply.payload.size() == reply_bytes) << reply;
  }
  EXPECT_GE(refused, 6U);
  EXPECT_LT(refused, clients.size());
  EXPECT_EQ(client_.call(mget(names)).payload.size(), reply_bytes) << "once the others have read";
}

}  // namespace
}  // namespace kv::test
