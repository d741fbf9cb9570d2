// Listening, accepting, and the end of it all.
#include <chrono>
#include <future>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/test_network.hpp"
#include "support/process/wait.hpp"

namespace kv::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using namespace test;  // NOLINT(google-build-using-namespace): the words of a test's script

constexpr std::uint32_t kMoreThanTheKernelTakes = 16 << 20;

class NetworkLife : public EveryTransport {
 protected:
  // Stops, and returns how long that took.
  milliseconds stop() {
    const auto begin = steady_clock::now();
    network->stop();
    return std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
  }
};
KV_WITH_EVERY_TRANSPORT(NetworkLife);

TEST_P(NetworkLife, ListensWhereItIsTold) {
  Network other(options, handler, clock, counters);
  ASSERT_TRUE(other.bind("127.0.0.1", 0));
  ASSERT_TRUE(other.bind("localhost", 0));
  ASSERT_TRUE(other.bind("::1", 0));
  const std::vector<std::string> addresses = other.listeners();
  ASSERT_EQ(addresses.size(), 3U);
  EXPECT_TRUE(addresses[0].starts_with("127.0.0.1:"));
  EXPECT_TRUE(addresses[2].starts_with("[::1]:"));
  for (const std::string& address : addresses) EXPECT_NE(port_of(address), 0);
  EXPECT_EQ(other.connections(), 0U);
}

// While data is being recovered, say.
TEST_P(NetworkLife, RefusesConnectionsToAnAddressThatIsOnlyBound) {
  Network bound(options, handler, clock, counters);
  ASSERT_TRUE(bound.bind("127.0.0.1", 0, identity()));
  port = port_of(bound.listeners().front());
  EXPECT_THROW(connect(), std::system_error);
  Network other(options, handler, clock, counters);
  EXPECT_FALSE(other.bind("127.0.0.1", port)) << "it is taken all the same";
  ASSERT_TRUE(bound.listen());
  bound.start();
  EXPECT_EQ(connect().call(echo("hello")), ok("hello"));
  bound.stop();
}

using NetworkSilence = NetworkTest;

TEST_F(NetworkSilence, IsThatOfTheThreadThatHangs) {
  options.threads = 2;
  start();
  std::promise<void> release;
  handler.on_action([&] { release.get_future().wait(); });
  RawClient client = connect();
  client.send(run_action());
  EXPECT_TRUE(eventually([&] { return network->silence() > milliseconds(1'000); }));
  release.set_value();
  EXPECT_EQ(client.receive(), ok());
  EXPECT_TRUE(eventually([&] { return network->silence() < milliseconds(1'000); }));
}

TEST_F(NetworkSilence, IsNoneBeforeTheStartAndAfterTheEnd) {
  const Network never_started(options, handler, clock, counters);
  start();
  EXPECT_EQ(never_started.silence(), milliseconds(0));
  network->stop();
  EXPECT_EQ(network->silence(), milliseconds(0));
}

// The server shuts its side first here, so its end of the connection stays behind for a minute.
TEST_P(NetworkLife, TakesAnAddressWhoseConnectionsHaveJustEnded) {
  start();
  RawClient client = connect();
  EXPECT_EQ(client.call(echo("hello")), ok("hello"));
  auto stopped = std::async(std::launch::async, [&] { return stop(); });
  EXPECT_EQ(client.receive_until_eof(), "");
  client.close();
  stopped.get();
  Network next(options, handler, clock, counters);
  ASSERT_TRUE(next.bind("127.0.0.1", port));
  EXPECT_TRUE(next.listen());
}

TEST_P(NetworkLife, SaysWhereItCannotListen) {
  start();
  Network other(options, handler, clock, counters);
  const auto taken = other.bind("127.0.0.1", port);
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().message.find("127.0.0.1:" + std::to_string(port)), std::string::npos);
  const auto foreign = other.bind("192.0.2.1", 0);
  ASSERT_FALSE(foreign);
  EXPECT_NE(foreign.error().message.find("192.0.2.1:0"), std::string::npos);
  EXPECT_TRUE(other.listeners().empty());
}

// Each connection belongs to one thread from accept() on, whichever listener it came through.
TEST_P(NetworkLife, SeveralListenersShareTheThreads) {
  options.threads = 3;
  network = std::make_unique<Network>(options, handler, clock, counters);
  ASSERT_TRUE(network->bind("127.0.0.1", 0));
  ASSERT_TRUE(network->bind("127.0.0.1", 0));
  ASSERT_TRUE(network->listen());
  network->start();
  const std::vector<std::string> addresses = network->listeners();
  std::vector<RawClient> clients;
  for (std::size_t i = 0; i < 12; ++i) clients.emplace_back(port_of(addresses[i % 3 == 0 ? 1 : 0]));
  // Waits that other threads end, which is where a session on two threads would go wrong.
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i].send(wait_for(3'600'000, std::to_string(i)) + heavy_echo("heavy"));
  }
  for (std::size_t i = 0; i < clients.size(); ++i) handler.pending(std::to_string(i))->wake();
  for (RawClient& client : clients) EXPECT_EQ(client.receive(2), (std::vector{ok("complete"), ok("heavy")}));
  EXPECT_EQ(network->connections(), 12U);
}

TEST_P(NetworkLife, StopsWithoutEverHavingStarted) {
  Network other(options, handler, clock, counters);
  ASSERT_TRUE(other.bind("127.0.0.1", 0));
  other.stop();
}

TEST_P(NetworkLife, StopsOnce) {
  start();
  EXPECT_LT(stop(), milliseconds(3'000));
  network->stop();
  EXPECT_THROW(connect(), std::system_error) << "nobody listens any more";
}

TEST_P(NetworkLife, AnswersWhatItHasReceivedBeforeItStops) {
  options.threads = 2;
  start();
  std::vector<RawClient> clients;
  std::string requests;
  std::vector<Reply> replies;
  for (int i = 0; i < 300; ++i) {
    requests += i % 100 == 50 ? heavy_echo(std::to_string(i)) : echo(std::to_string(i));
    replies.push_back(ok(std::to_string(i)));
  }
  for (int i = 0; i < 6; ++i) {
    clients.push_back(connect());
    EXPECT_EQ(clients.back().call(echo("accepted")), ok("accepted"));
    clients.back().send(requests + header('e', 100) + "the rest never comes");
  }
  auto stopped = std::async(std::launch::async, [&] { return stop(); });
  for (RawClient& client : clients) {
    EXPECT_EQ(client.receive(replies.size()), replies);
    EXPECT_EQ(client.receive_until_eof(), "");
    client.close();
  }
  EXPECT_LT(stopped.get(), kShutdownMax);
  EXPECT_EQ(network->connections(), 0U);
}

TEST_P(NetworkLife, StopsThoughItsPeersStay) {
  start();
  RawClient idle = connect();
  EXPECT_EQ(idle.call(echo("accepted")), ok("accepted"));
  EXPECT_LT(stop(), kShutdownMax);
  EXPECT_EQ(idle.receive_until_eof(), "");
}

TEST_P(NetworkLife, CutsOffAPeerThatNeverReads) {
  start();
  RawClient client = connect(4'096);
  client.send(fill(kMoreThanTheKernelTakes));
  ASSERT_TRUE(eventually([&] { return counted(observability::Counter::kBytesSent) > 0; }));
  const milliseconds took = stop();
  EXPECT_GE(took, kShutdownMax);
  EXPECT_LT(took, kShutdownMax + milliseconds(15'000));
  EXPECT_EQ(network->connections(), 0U);
}

// The reply of a wait that was completed and never got through.
TEST_P(NetworkLife, WhatItCutsOffIsUndeliverable) {
  start();
  RawClient client = connect(4'096);
  client.send(wait_for(3'600'000, "it"));
  const auto record = handler.pending("it");
  record->complete_with(kMoreThanTheKernelTakes);
  record->wake();
  ASSERT_TRUE(eventually([&] { return record->has("complete"); }));
  EXPECT_GE(stop(), kShutdownMax);
  EXPECT_EQ(record->events(), (std::vector<std::string>{"notify", "complete", "undeliverable", "gone"}));
}

// Of heavy requests that stand in line when time is up, those that have not begun are not run.
TEST_P(NetworkLife, DoesNotRunHeavyRequestsOfConnectionsThatItCutOff) {
  start();
  handler.shut_gate();
  constexpr std::size_t kHeavyThreads = 2;
  std::vector<RawClient> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(connect());
    clients.back().send(heavy_echo("heavy"));
  }
  RawClient slow = connect(4'096);
  slow.send(fill(kMoreThanTheKernelTakes));
  ASSERT_TRUE(eventually([&] { return handler.handled() == kHeavyThreads + 1; }));
  auto stopped = std::async(std::launch::async, [&] { return stop(); });
  // Once a peer that never reads is cut off, those of the heavy requests are too.
  ASSERT_TRUE(eventually([&] { return network->connections() == clients.size(); }));
  handler.open_gate();
  EXPECT_GE(stopped.get(), kShutdownMax);
  EXPECT_EQ(handler.handled(), kHeavyThreads + 1);
}

TEST_P(NetworkLife, EndsWithItsObject) {
  start();
  RawClient client = connect();
  EXPECT_EQ(client.call(echo("accepted")), ok("accepted"));
  network.reset();
  EXPECT_EQ(client.receive_until_eof(), "");
}

}  // namespace
}  // namespace kv::net
