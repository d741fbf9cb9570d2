// What a session does with the frames that it is sent.
#include <algorithm>
#include <array>
#include <functional>
#include <future>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/test_network.hpp"
#include "support/base/random.hpp"
#include "support/process/wait.hpp"

namespace kv::net {
namespace {

using observability::Counter;
using namespace test;  // NOLINT(google-build-using-namespace): the words of a test's script

class SessionTest : public EveryTransport {};
KV_WITH_EVERY_TRANSPORT(SessionTest);

// So many echoes of such sizes, and what has to come back.
struct Pipeline {
  std::string requests;
  std::vector<Reply> replies;

  void add(const std::string& request, ByteView payload) {
    requests += request;
    replies.push_back(ok(payload));
  }
};

TEST_P(SessionTest, AnswersInTheOrderOfTheRequests) {
  start();
  Random random;
  Pipeline pipeline;
  for (int i = 0; i < 5'000; ++i) {
    const std::string payload = std::to_string(i) + std::string(random.one_in(10) ? random.below(3'000) : 0, '.');
    pipeline.add(echo(payload), payload);
  }
  RawClient client = connect();
  EXPECT_EQ(client.pipeline(pipeline.requests, pipeline.replies.size()), pipeline.replies);
  EXPECT_EQ(handler.handled(), 5'000U);
  EXPECT_EQ(counted(Counter::kBytesReceived), pipeline.requests.size());
  // An echo is as long as its request. The last of it may have arrived before the session gets to count it.
  EXPECT_TRUE(eventually([&] { return counted(Counter::kBytesSent) == pipeline.requests.size(); }));
}

TEST_P(SessionTest, FramesMayBeCutAnywhere) {
  start();
  Pipeline pipeline;
  for (const char* payload : {"", "a", "some more", ""}) pipeline.add(echo(payload), payload);
  RawClient client = connect();
  client.send_bytewise(pipeline.requests);
  EXPECT_EQ(client.receive(pipeline.replies.size()), pipeline.replies);
  // And at every place with a pause.
  RawClient other = connect();
  for (std::size_t cut = 1; cut < pipeline.requests.size(); ++cut) {
    client.send(pipeline.requests.substr(0, cut));
    pass_time_on_the_io_thread(other);
    client.send(pipeline.requests.substr(cut));
    EXPECT_EQ(client.receive(pipeline.replies.size()), pipeline.replies);
  }
}

TEST_P(SessionTest, ServesFramesOfEverySizeAroundThatOfItsBuffers) {
  start();
  RawClient client = connect();
  for (const std::size_t around : {kInputBytesIdle, kInputBytesUsual, 4 * kInputBytesUsual, kReplyBacklogDefault}) {
    for (std::size_t size = around - 7; size <= around + 3; ++size) {
      const std::string payload(size, 'x');
      ASSERT_EQ(client.pipeline(echo(payload) + echo("next"), 2), (std::vector{ok(payload), ok("next")})) << size;
    }
  }
  const std::string payload(5 << 20, 'x');
  EXPECT_EQ(client.pipeline(echo(payload) + echo(payload), 2), (std::vector{ok(payload), ok(payload)}));
}

TEST_P(SessionTest, FramesAreHandledAtTheTimeOfTheirBatch) {
  start();
  RawClient client = connect();
  client.call(echo(""));
  EXPECT_EQ(handler.last_now(), clock.now());
  clock.advance(5'000);
  client.call(echo(""));
  EXPECT_EQ(handler.last_now(), clock.now());
  clock.advance(5'000);
  client.call(heavy_echo(""));
  EXPECT_EQ(handler.last_now(), clock.now());
}

TEST_P(SessionTest, AnnouncesTheFramesOfABatchOnceAndInOrder) {
  start();
  Pipeline pipeline;
  std::vector<std::string> sent;
  for (int i = 0; i < 150; ++i) {
    sent.push_back(std::to_string(i));
    pipeline.add(echo(sent.back()), sent.back());
  }
  RawClient client = connect();
  client.send(pipeline.requests);
  EXPECT_EQ(client.receive(pipeline.replies.size()), pipeline.replies);
  const std::vector<std::string> announced = handler.announced();
  // The kernel may have cut them into batches, of which those of less than four frames are not announced.
  auto next = sent.begin();
  for (const std::string& payload : announced) {
    next = std::find(next, sent.end(), payload);
    ASSERT_NE(next++, sent.end()) << payload;
  }
  EXPECT_GE(announced.size(), 100U);
}

// Each has sent one request, and all are there when the thread looks: but for the last, which nobody waits for.
TEST_P(SessionTest, SingleRequestsOfSessionsThatAreReadyTogetherAreAnnouncedTogether) {
  std::promise<void> release;
  handler.on_action([&] { release.get_future().wait(); });
  start();
  RawClient blocker = connect();
  std::array<RawClient, 4> clients{connect(), connect(), connect(), connect()};
  for (RawClient& client : clients) client.call(echo("first"));
  blocker.send(run_action());
  ASSERT_TRUE(eventually([&] { return handler.handled() == clients.size() + 1; }));
  for (std::size_t i = 0; i < clients.size(); ++i) clients[i].send(echo(std::to_string(i)));
  release.set_value();
  for (std::size_t i = 0; i < clients.size(); ++i) EXPECT_EQ(clients[i].receive(), ok(std::to_string(i)));
  const std::vector<std::string> announced = handler.announced();
  EXPECT_EQ(std::set(announced.begin(), announced.end()).size(), clients.size() - 1)
      << testing::PrintToString(announced);
}

TEST_P(SessionTest, TellsTheTimeOfEveryRequestOnceAndInOrder) {
  start();
  Pipeline pipeline;
  std::vector<std::string> sent;
  for (int i = 0; i < 150; ++i) {
    sent.push_back(std::to_string(i));
    pipeline.add(i % 40 == 9 ? heavy_echo(sent.back()) : echo(sent.back()), sent.back());
  }
  RawClient client = connect();
  client.send(pipeline.requests);
  EXPECT_EQ(client.receive(pipeline.replies.size()), pipeline.replies);
  const std::vector<TimedFrame> timed = handler.timed();
  ASSERT_EQ(timed.size(), sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(timed[i].payload, sent[i]);
    EXPECT_EQ(timed[i].caller, 1U);
    EXPECT_GE(timed[i].time.count(), 0);
    EXPECT_TRUE(timed[i].together == 1 || (timed[i].together >= 4 && i % 40 != 9)) << "few are timed one by one";
  }
}

TEST_P(SessionTest, WhatIsToBeDoneElsewhereIsTimedThere) {
  start();
  RawClient client = connect();
  client.call(late_heavy_echo("once"));
  const std::vector<TimedFrame> timed = handler.timed();
  ASSERT_EQ(timed.size(), 1U);
  EXPECT_EQ(timed[0].payload, "once");
}

TEST_P(SessionTest, APeerThatClosesItsSendingSideStillGetsEveryAnswer) {
  start();
  Pipeline pipeline;
  for (int i = 0; i < 1'000; ++i) pipeline.add(echo(std::to_string(i)), std::to_string(i));
  RawClient client = connect();
  client.send(pipeline.requests + heavy_echo("heavy"));
  client.half_close();
  EXPECT_EQ(client.receive(pipeline.replies.size()), pipeline.replies);
  EXPECT_EQ(client.receive(), ok("heavy"));
  EXPECT_EQ(client.receive_until_eof(), "");
}

TEST_P(SessionTest, AFrameThatNeverEndsIsNotAnswered) {
  start();
  for (const std::string& part : {std::string("e"), header('e', 10), header('e', 10) + "nine byte"}) {
    RawClient client = connect();
    client.send(echo("whole") + part);
    client.half_close();
    EXPECT_EQ(client.receive(), ok("whole"));
    EXPECT_EQ(client.receive_until_eof(), "");
  }
}

TEST_P(SessionTest, ThePayloadLimitIsInclusive) {
  options.payload_bytes_max = 1'000;
  start();
  RawClient client = connect();
  const std::string payload(1'000, 'x');
  EXPECT_EQ(client.call(echo(payload)), ok(payload));
  EXPECT_EQ(client.call(header('e', 1'001)), invalid("TOOLARGE")) << "though not one byte of it has come";
}

TEST_P(SessionTest, AFrameThatIsTooLargeEndsTheConnectionGently) {
  start();
  RawClient client = connect();
  // What was asked before is answered, and what comes after is taken without a reset, which would eat the answers.
  const std::string claim = header('e', kPayloadBytesDefault + 1);
  client.send(echo("before") + claim + std::string(300'000, 'x'));
  EXPECT_EQ(client.receive(), ok("before"));
  EXPECT_EQ(client.receive(), invalid("TOOLARGE"));
  client.send(std::string(300'000, 'x'));
  EXPECT_EQ(client.receive_until_eof(), "");
  EXPECT_EQ(handler.handled(), 1U);
}

TEST_P(SessionTest, ThePeerOfAConnectionThatEndsNeedNotCloseIt) {
  start();
  const RawClient other = connect();
  RawClient client = connect();
  EXPECT_EQ(client.call(header('e', 0xFFFF'FFFF)), invalid("TOOLARGE"));
  EXPECT_EQ(client.receive_until_eof(), "");
  EXPECT_TRUE(eventually([&] { return network->connections() == 1; }));
}

// A peer that sends and never reads: of its requests only so many are run as fit the backlog.
TEST_P(SessionTest, RunsNoFrameWhileThePeerDoesNotRead) {
  start();
  constexpr std::uint32_t kReplyBytes = 64 << 10;
  constexpr std::size_t kRequests = 600;  // 38 MiB of replies, far more than the kernel takes
  RawClient other = connect();
  RawClient client = connect(4'096);
  std::string requests;
  for (std::size_t i = 0; i < kRequests; ++i) requests += fill(kReplyBytes);
  client.send(requests);
  // Until nothing happens any more.
  std::size_t ticks = 0;
  std::size_t run = 0;
  ASSERT_TRUE(eventually([&] {
    const std::size_t before = std::exchange(run, handler.handled() - ticks);
    pass_time_on_the_io_thread(other);
    ticks += kTicks;
    return run == before && run == handler.handled() - ticks && run != 0;
  }));
  EXPECT_LT(run, kRequests / 2);
  const std::uint64_t sent = counted(Counter::kBytesSent) - ticks * echo("tick").size();
  const std::uint64_t backlog = run * (kReplyBytes + 5) - sent;
  EXPECT_LE(backlog, kReplyBacklogDefault + kReplyBytes + 5);
  // It goes on as the peer reads, and nothing is lost.
  const Reply expected = ok(std::string(kReplyBytes, 'x'));
  for (std::size_t i = 0; i < kRequests; ++i) ASSERT_EQ(client.receive(), expected);
  EXPECT_TRUE(client.is_quiet());
}

TEST_P(SessionTest, HeavyFramesKeepTheirPlace) {
  start();
  Pipeline pipeline;
  for (int i = 0; i < 300; ++i) {
    const std::string payload = std::to_string(i) + std::string(i % 50 == 0 ? 30'000 : 0, '.');
    pipeline.add(i % 3 == 0 ? heavy_echo(payload) : echo(payload), payload);
  }
  RawClient client = connect();
  EXPECT_EQ(client.pipeline(pipeline.requests, pipeline.replies.size()), pipeline.replies);
}

TEST_P(SessionTest, LargeRepliesKeepTheirPlace) {
  start();
  Random random;
  Pipeline pipeline;
  for (int i = 0; i < 400; ++i) {
    const auto size = static_cast<std::uint32_t>(2 + random.below(random.one_in(5) ? 600'000 : 3'000));
    const std::string number = std::to_string(i);
    switch (random.below(4)) {
      case 0:
        pipeline.add(heavy_echo(number), number);
        break;
      case 1:
        pipeline.add(late_heavy_echo(number), number);
        break;
      case 2:
        pipeline.add(tail(size), tail_payload(size));
        break;
      default:
        pipeline.add(echo(number), number);
    }
  }
  RawClient client = connect(random.one_in(2) ? 8'192 : 0);
  EXPECT_TRUE(client.pipeline(pipeline.requests, pipeline.replies.size()) == pipeline.replies);
  const std::size_t sent =
      std::transform_reduce(pipeline.replies.begin(), pipeline.replies.end(), std::size_t{0}, std::plus(),
                            [](const Reply& reply) { return protocol::kHeaderBytes + reply.payload.size(); });
  // The last of it may have arrived before the session gets to count it.
  EXPECT_TRUE(eventually([&] { return counted(Counter::kBytesSent) == sent; }));
  EXPECT_TRUE(eventually([&] { return handler.tails() == 0; }));
}

// It counts as if it were copied, and is let go of as it is sent.
TEST_P(SessionTest, WhatIsSentFromWhereItStandsCountsAsBacklog) {
  start();
  constexpr std::uint32_t kReplyBytes = kReplyBacklogDefault / 2 + 1;
  constexpr std::size_t kRequests = 500;
  RawClient client = connect(4'096);
  std::string requests;
  for (std::size_t i = 0; i < kRequests; ++i) requests += tail(kReplyBytes);
  client.send(requests);
  const Reply expected = ok(tail_payload(kReplyBytes));
  for (std::size_t i = 0; i < kRequests; ++i) {
    ASSERT_LE(handler.tails(), 2U);
    ASSERT_TRUE(client.receive() == expected);
  }
  EXPECT_TRUE(eventually([&] { return handler.tails() == 0; }));
}

TEST_P(SessionTest, APeerThatGoesInTheMiddleOfALargeReplyLetsGoOfIt) {
  start();
  for (const bool gently : {true, false}) {
    RawClient client = connect(4'096);
    client.send(echo("before") + tail(64 << 20));
    EXPECT_EQ(client.receive(), ok("before"));
    ASSERT_TRUE(eventually([&] { return !client.is_quiet(); }));
    EXPECT_EQ(handler.tails(), 1U);
    gently ? client.close() : client.reset();
    EXPECT_TRUE(eventually([&] { return handler.tails() == 0 && network->connections() == 0; }));
  }
  EXPECT_EQ(connect().call(echo("alive")), ok("alive"));
}

TEST_P(SessionTest, ALargeReplyIsSentWholeToAPeerThatSendsNoMore) {
  start();
  RawClient client = connect(4'096);
  client.send(tail(8 << 20));
  client.half_close();
  EXPECT_TRUE(client.receive() == ok(tail_payload(8 << 20)));
  EXPECT_EQ(client.receive_until_eof(), "");
}

TEST_P(SessionTest, AFrameThatTurnsOutHeavyIsRunBesideItsThread) {
  start();
  handler.shut_gate();
  RawClient client = connect();
  RawClient other = connect();
  client.send(echo("before") + late_heavy_echo("heavy") + echo("after"));
  EXPECT_EQ(client.receive(), ok("before"));
  ASSERT_TRUE(eventually([&] { return handler.handled() == 2; }));
  pass_time_on_the_io_thread(other);
  EXPECT_TRUE(client.is_quiet());
  handler.open_gate();
  EXPECT_EQ(client.receive(2), (std::vector{ok("heavy"), ok("after")}));
}

TEST_P(SessionTest, AHeavyFrameHoldsUpItsOwnSessionOnly) {
  start();
  handler.shut_gate();
  RawClient client = connect();
  RawClient other = connect();
  client.send(echo("before") + heavy_echo("heavy") + echo("after"));
  EXPECT_EQ(client.receive(), ok("before")) << "what was answered before doesn't wait for it";
  ASSERT_TRUE(eventually([&] { return handler.handled() == 2; }));
  pass_time_on_the_io_thread(other);
  EXPECT_TRUE(client.is_quiet());
  handler.open_gate();
  EXPECT_EQ(client.receive(2), (std::vector{ok("heavy"), ok("after")}));
}

TEST_P(SessionTest, APeerThatGoesDuringItsHeavyFrameDoesNoHarm) {
  start();
  handler.shut_gate();
  RawClient client = connect();
  client.send(heavy_echo("heavy"));
  ASSERT_TRUE(eventually([&] { return handler.handled() == 1; }));
  client.reset();
  handler.open_gate();
  EXPECT_TRUE(eventually([&] { return network->connections() == 0; }));
  EXPECT_EQ(connect().call(echo("alive")), ok("alive"));
}

TEST_P(SessionTest, AHandlerThatThrowsEndsItsSessionOnly) {
  start();
  RawClient other = connect();
  EXPECT_EQ(other.call(echo("one")), ok("one"));
  for (const std::string& request : {fail(), fail_heavily()}) {
    RawClient client = connect();
    EXPECT_EQ(client.call(echo("before")), ok("before"));
    client.send(request);
    EXPECT_EQ(client.receive_until_eof(), "");
    EXPECT_EQ(other.call(echo("two")), ok("two"));
  }
  EXPECT_TRUE(eventually([&] { return network->connections() == 1; }));
}

TEST_P(SessionTest, ManySessionsAreServedSideBySide) {
  options.threads = 3;
  start();
  std::vector<std::future<void>> peers;
  for (int peer = 0; peer < 8; ++peer) {
    peers.push_back(std::async(std::launch::async, [&, peer] {
      RawClient client = connect();
      for (int round = 0; round < 20; ++round) {
        Pipeline pipeline;
        for (int i = 0; i < 50; ++i) {
          const std::string payload = std::to_string(peer) + " " + std::to_string(i);
          pipeline.add(i % 20 == 7 ? heavy_echo(payload) : echo(payload), payload);
        }
        EXPECT_EQ(client.pipeline(pipeline.requests, pipeline.replies.size()), pipeline.replies);
      }
    }));
  }
  for (auto& peer : peers) peer.get();
  EXPECT_EQ(handler.handled(), 8U * 20 * 50);
  EXPECT_TRUE(eventually([&] { return counted(Counter::kConnectionsClosed) == 8; }));
  EXPECT_EQ(counted(Counter::kConnectionsAccepted), 8U);
}

}  // namespace
}  // namespace kv::net
