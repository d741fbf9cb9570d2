// Replies that are not there yet, and every way in which the wait for one ends.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/test_network.hpp"
#include "support/process/wait.hpp"

namespace kv::net {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): the words of a test's script
using Events = std::vector<std::string>;

constexpr std::uint32_t kLong = 3'600'000;

class PendingReplyTest : public EveryTransport {
 protected:
  PendingReplyTest() { start(); }

  // What the session did in all, once it has let go of the reply.
  static Events all_events(const PendingRecord& record) {
    EXPECT_TRUE(eventually([&] { return record.has("gone"); }));
    return record.events();
  }
};
KV_WITH_EVERY_TRANSPORT(PendingReplyTest);

TEST_P(PendingReplyTest, IsCompletedWhenItIsWoken) {
  RawClient client = connect();
  client.send(wait_for(kLong, "it"));
  const auto record = handler.pending("it");
  EXPECT_TRUE(client.is_quiet());
  record->wake();
  EXPECT_EQ(client.receive(), ok("complete"));
  EXPECT_EQ(all_events(*record), (Events{"notify", "complete", "gone"}));
}

TEST_P(PendingReplyTest, IsCompletedWhenItWasWokenAtOnce) {
  handler.grant_at_once("it");
  RawClient client = connect();
  EXPECT_EQ(client.call(wait_for(kLong, "it")), ok("complete"));
  EXPECT_EQ(all_events(*handler.pending("it")), (Events{"notify", "complete", "gone"}));
}

TEST_P(PendingReplyTest, IsCompletedWhenItsTimeIsUp) {
  RawClient client = connect();
  for (const std::uint32_t milliseconds : {0U, 1U, 60U}) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(client.call(wait_for(milliseconds, "it")), ok("complete"));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(milliseconds));
    EXPECT_EQ(all_events(*handler.pending("it")), (Events{"notify", "complete", "gone"}));
  }
}

TEST_P(PendingReplyTest, HoldsBackLaterFramesAndNotEarlierReplies) {
  RawClient client = connect();
  client.send(echo("before") + wait_for(kLong, "it") + echo("after") + heavy_echo("heavy"));
  EXPECT_EQ(client.receive(), ok("before"));
  const auto record = handler.pending("it");
  RawClient other = connect();
  pass_time_on_the_io_thread(other);
  EXPECT_TRUE(client.is_quiet());
  record->wake();
  EXPECT_EQ(client.receive(3), (std::vector{ok("complete"), ok("after"), ok("heavy")}));
}

TEST_P(PendingReplyTest, OneCanFollowTheOther) {
  RawClient client = connect();
  std::string requests;
  for (int i = 0; i < 20; ++i) requests += wait_for(i % 3 == 0 ? 1 : kLong, std::to_string(i));
  client.send(requests);
  for (int i = 0; i < 20; ++i) {
    const auto record = handler.pending(std::to_string(i));
    if (i % 3 != 0) record->wake();
    EXPECT_EQ(client.receive(), ok("complete"));
  }
}

TEST_P(PendingReplyTest, AWakeThatComesLateDoesNotEndTheNextWait) {
  RawClient client = connect();
  client.send(wait_for(kLong, "first") + wait_for(kLong, "second"));
  const auto first = handler.pending("first");
  // The second wake is still on its way to the session's thread when the wait ends.
  first->on_complete([&] { first->wake(); });
  first->wake();
  EXPECT_EQ(client.receive(), ok("complete"));
  const auto second = handler.pending("second");
  RawClient other = connect();
  pass_time_on_the_io_thread(other);
  EXPECT_EQ(second->events(), Events{"notify"});
  second->wake();
  EXPECT_EQ(client.receive(), ok("complete"));
}

TEST_P(PendingReplyTest, IsWithdrawnWhenThePeerClosesItsSendingSide) {
  RawClient client = connect();
  client.send(wait_for(kLong, "it") + echo("after"));
  const auto record = handler.pending("it");
  client.half_close();
  EXPECT_EQ(client.receive(2), (std::vector{ok("withdrawn"), ok("after")})) << "it still gets every answer";
  EXPECT_EQ(client.receive_until_eof(), "");
  EXPECT_EQ(all_events(*record), (Events{"notify", "withdraw", "gone"}));
}

TEST_P(PendingReplyTest, IsWithdrawnWhenThePeerHadClosedItsSendingSideBefore) {
  RawClient client = connect();
  client.send(wait_for(kLong, "it"));
  client.half_close();
  EXPECT_EQ(client.receive(), ok("withdrawn"));
  EXPECT_EQ(client.receive_until_eof(), "");
}

TEST_P(PendingReplyTest, IsWithdrawnWhenThePeerResets) {
  RawClient client = connect();
  client.send(wait_for(kLong, "it") + echo("after"));
  const auto record = handler.pending("it");
  client.reset();
  const Events events = all_events(*record);
  EXPECT_EQ(events, (Events{"notify", "withdraw", "gone"}));
  EXPECT_TRUE(eventually([&] { return network->connections() == 0; }));
}

TEST_P(PendingReplyTest, IsWithdrawnWhenItIsWokenForAPeerThatHasGone) {
  RawClient client = connect();
  client.send(wait_for(kLong, "it"));
  const auto record = handler.pending("it");
  client.close();
  record->wake();
  EXPECT_EQ(all_events(*record), (Events{"notify", "withdraw", "gone"}));
}

TEST_P(PendingReplyTest, ThatDoesNotEndWithItsPeerIsCompletedThoughThatHasStoppedSending) {
  RawClient client = connect();
  client.send(wait_on(kLong, "it") + echo("after"));
  client.half_close();
  const auto record = handler.pending("it");
  RawClient other = connect();
  other.send(wait_for(kLong, "other"));
  other.half_close();
  EXPECT_EQ(other.receive(), ok("withdrawn")) << "so the I/O thread has looked who has gone";
  EXPECT_EQ(record->events(), Events{"notify"});
  record->wake();
  EXPECT_EQ(client.receive(2), (std::vector{ok("complete"), ok("after")}));
  EXPECT_EQ(client.receive_until_eof(), "");
  EXPECT_EQ(all_events(*record), (Events{"notify", "complete", "gone"}));
}

TEST_P(PendingReplyTest, ThatDoesNotEndWithItsPeerIsUndeliverableOnceThatHasGone) {
  RawClient client = connect();
  client.send(wait_on(kLong, "it"));
  const auto record = handler.pending("it");
  client.reset();
  record->wake();
  EXPECT_EQ(all_events(*record), (Events{"notify", "complete", "undeliverable", "gone"}));
  EXPECT_TRUE(eventually([&] { return network->connections() == 0; }));
}

TEST_P(PendingReplyTest, ThatDoesNotEndWithItsPeerIsWithdrawnAtShutDown) {
  RawClient client = connect();
  client.send(wait_on(kLong, "it"));
  const auto record = handler.pending("it");
  client.half_close();
  network->stop();
  EXPECT_EQ(client.receive(), ok("withdrawn"));
  EXPECT_EQ(record->events(), (Events{"notify", "withdraw", "gone"}));
}

TEST_P(PendingReplyTest, IsWithdrawnAtShutDown) {
  RawClient client = connect();
  client.send(echo("before") + wait_for(kLong, "it") + echo("after"));
  const auto record = handler.pending("it");
  network->stop();
  EXPECT_EQ(client.receive(3), (std::vector{ok("before"), ok("withdrawn"), ok("after")}));
  EXPECT_EQ(client.receive_until_eof(), "");
  EXPECT_EQ(record->events(), (Events{"notify", "withdraw", "gone"}));
}

TEST_P(PendingReplyTest, IsUndeliverableWhenThePeerGoesBeforeTheReplyIsSent) {
  RawClient client = connect();
  client.send(wait_for(kLong, "it"));
  const auto record = handler.pending("it");
  record->on_complete([&] { client.reset(); });
  record->wake();
  EXPECT_EQ(all_events(*record), (Events{"notify", "complete", "undeliverable", "gone"}));
}

}  // namespace
}  // namespace kv::net
