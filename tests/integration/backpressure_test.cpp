// Peers that cost memory: one that never reads, and many that claim what they never send.
#include <gtest/gtest.h>

#include "integration/server_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

constexpr std::size_t kMiB = 1 << 20;
// AddressSanitizer keeps up to 256 MiB of freed memory back, and every allocation costs more.
constexpr std::size_t kSlackBytes = (kSanitized ? 320 : 24) * kMiB;

using Backpressure = ServerTest;

TEST_F(Backpressure, APeerThatNeverReadsCostsNoMemoryAndDelaysNobody) {
  constexpr std::size_t kCount = 400;
  const std::string value = encode_bytes(std::string(kMiB, 'v'));
  call(set("k", value));
  std::string requests;
  for (std::size_t i = 0; i < kCount; ++i) requests += get("k");
  const std::size_t before = server_.peak_rss_bytes();

  RawClient greedy(server_.port(), 64 << 10);
  greedy.send(requests);
  ASSERT_TRUE(eventually([&] { return !greedy.is_quiet(); })) << "the server has begun to answer";
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(call(ping()), ok("PONG"));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(call(get("k")), ok(value));
  EXPECT_LT(server_.peak_rss_bytes(), before + kSlackBytes);

  for (std::size_t i = 0; i < kCount; ++i) ASSERT_EQ(greedy.receive(), ok(value)) << "and then it is served after all";
  EXPECT_LT(server_.peak_rss_bytes(), before + kSlackBytes);
}

// Many wait for one value: it is there once, and stays as it was when they asked, for as long as they take.
TEST_F(Backpressure, ALargeValueIsSentAsItWasToManyWhoReadSlowly) {
  constexpr std::size_t kPeers = 30;
  const std::string old_value = encode_bytes(std::string(16 * kMiB, 'o'));
  const std::string new_value = encode_bytes(std::string(16 * kMiB, 'n'));
  call(set("k", old_value));
  std::vector<RawClient> peers;
  const std::size_t before = server_.peak_rss_bytes();
  for (std::size_t i = 0; i < kPeers; ++i) {
    peers.emplace_back(server_.port(), 64 << 10);
    peers.back().send(get("k") + ping() + get("k"));
    ASSERT_TRUE(eventually([&] { return !peers.back().is_quiet(); })) << "it is on its way";
  }
  call(set("k", new_value));
  EXPECT_LT(server_.peak_rss_bytes(), before + 3 * new_value.size() + kSlackBytes) << "30 copies would be 480 MiB";
  peers.front().reset();
  for (std::size_t i = 1; i < kPeers; ++i) {
    if (i == kPeers / 2) call(del("k"));
    ASSERT_TRUE(peers[i].receive() == ok(old_value));
    ASSERT_EQ(peers[i].receive(), ok("PONG"));
    ASSERT_TRUE(peers[i].receive() == (i < kPeers / 2 ? ok(new_value) : null()));
    peers[i].close();
  }
}

TEST_F(Backpressure, ManyPeersThatNeverReadCostLittleEach) {
  constexpr std::size_t kPeers = 50;
  constexpr std::size_t kReplyBytes = 16 << 10;
  call(set("k", encode_bytes(std::string(kReplyBytes, 'v'))));
  std::string requests;
  for (int i = 0; i < 2'000; ++i) requests += get("k");  // 32 MB of answers for each of them
  const std::size_t before = server_.peak_rss_bytes();
  std::vector<RawClient> peers;
  for (std::size_t i = 0; i < kPeers; ++i) {
    peers.emplace_back(server_.port(), 64 << 10);
    peers.back().send(requests);
  }
  for (RawClient& peer : peers) ASSERT_TRUE(eventually([&] { return !peer.is_quiet(); }));
  for (int i = 0; i < 200; ++i) ASSERT_EQ(call(ping()), ok("PONG"));
  EXPECT_LT(server_.peak_rss_bytes(), before + kSlackBytes + kPeers * (512 << 10));
}

TEST_F(Backpressure, AHundredHalfFramesThatClaim64MiBCostWhatTheySent) {
  const std::size_t before = server_.rss_bytes();
  std::vector<RawClient> peers;
  for (int i = 0; i < 100; ++i) {
    peers.push_back(connect());
    peers.back().send(ping() + header(0x02, 64 * kMiB) + std::string(1'000, 'x'));
    EXPECT_EQ(peers.back().receive(), ok("PONG"));
  }
  EXPECT_LT(server_.rss_bytes(), before + kSlackBytes) << "100 times 64 MiB would be 6 GiB";
  EXPECT_EQ(call(ping()), ok("PONG"));
}

TEST_F(Backpressure, AHundredHalfFramesOf64KiBOutOf64MiBCostAboutThat) {
  const std::size_t before = server_.rss_bytes();
  std::vector<RawClient> peers;
  for (int i = 0; i < 100; ++i) {
    peers.push_back(connect());
    peers.back().send(ping() + header(0x02, 64 * kMiB) + std::string(64 << 10, 'x'));
    EXPECT_EQ(peers.back().receive(), ok("PONG"));
  }
  EXPECT_LT(server_.rss_bytes(), before + kSlackBytes);
}

TEST_F(Backpressure, TheMemoryOfALargeFrameIsGivenBackWhenTheConnectionGoesOn) {
  std::vector<RawClient> peers;
  const std::string large = ping(std::string(4 * kMiB, 'p'));
  EXPECT_EQ(call(ping()), ok("PONG"));
  const std::size_t before = server_.rss_bytes();
  for (int i = 0; i < 20; ++i) {
    peers.push_back(connect());
    EXPECT_EQ(peers.back().call(large).payload.size(), 4 * kMiB);
  }
  EXPECT_TRUE(eventually([&] { return server_.rss_bytes() < before + kSlackBytes; }))
      << "20 silent connections that once had 4 MiB";
}

}  // namespace
}  // namespace kv::test
