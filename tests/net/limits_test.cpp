// Limits of time, of connections and of memory.
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "net/test_network.hpp"
#include "support/heap/heap.hpp"
#include "support/process/wait.hpp"

namespace kv::net {
namespace {

using observability::Counter;
using std::chrono::milliseconds;
using namespace test;  // NOLINT(google-build-using-namespace): the words of a test's script

constexpr std::uint32_t kLong = 3'600'000;

class LimitsTest : public NetworkTest {};

TEST_F(LimitsTest, AConnectionOverTheLimitIsToldBusyAndClosedGently) {
  options.connections_max = 2;
  start();
  RawClient first = connect();
  RawClient second = connect();
  EXPECT_EQ(first.call(echo("one")), ok("one"));
  EXPECT_EQ(second.call(echo("two")), ok("two"));
  for (int i = 0; i < 3; ++i) {
    RawClient third = connect();
    third.send(echo("three") + std::string(100'000, 'x'));
    EXPECT_EQ(third.receive(), error("BUSY"));
    EXPECT_EQ(third.receive_until_eof(), "");
  }
  EXPECT_EQ(handler.handled(), 2U);
  EXPECT_EQ(network->connections(), 2U);
  EXPECT_EQ(counted(Counter::kConnectionsAccepted), 2U);
  EXPECT_EQ(counted(Counter::kConnectionsRefused), 3U);
  first.close();
  ASSERT_TRUE(eventually([&] { return network->connections() == 1; }));
  EXPECT_EQ(connect().call(echo("now")), ok("now"));
}

TEST_F(LimitsTest, ABegunRequestMustGoOn) {
  options.request_timeout = milliseconds(400);
  start();
  for (const std::string& part : {std::string("e"), header('e', 10), header('e', 10) + "some"}) {
    RawClient client = connect();
    EXPECT_EQ(client.call(echo("whole")), ok("whole"));
    client.send(part);
    EXPECT_EQ(client.receive_until_eof(), "");
  }
  EXPECT_EQ(counted(Counter::kTimeouts), 3U);
}

TEST_F(LimitsTest, WhoKeepsSendingMayBeSlow) {
  options.request_timeout = milliseconds(500);
  start();
  RawClient client = connect();
  const std::string request = echo("0123456789");
  const auto begin = std::chrono::steady_clock::now();
  for (const char byte : request) {
    client.send(ByteView(&byte, 1));
    const auto until = std::chrono::steady_clock::now() + milliseconds(100);
    ASSERT_TRUE(eventually([&] { return std::chrono::steady_clock::now() >= until; }));
  }
  EXPECT_EQ(client.receive(), ok("0123456789"));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, options.request_timeout);
}

// As when the whole machine is stopped for a while, and its clients with it.
TEST_F(LimitsTest, TimeInWhichTheThreadStoodStillIsNobodysSilence) {
  options.request_timeout = milliseconds(300);
  start();
  RawClient other = connect();
  RawClient client = connect();
  const std::string request = echo("0123456789");
  handler.on_action([&] {
    const auto until = std::chrono::steady_clock::now() + 4 * options.request_timeout;
    eventually([&] { return std::chrono::steady_clock::now() >= until; });
  });
  client.send(request.substr(0, 1));
  EXPECT_EQ(other.call(run_action()), ok());
  pass_time_on_the_io_thread(other);
  client.send(request.substr(1));
  EXPECT_EQ(client.receive(), ok("0123456789"));
  EXPECT_EQ(counted(Counter::kTimeouts), 0U);
}

TEST_F(LimitsTest, AQuietConnectionStaysWithoutAnIdleTimeout) {
  options.request_timeout = milliseconds(100);
  start();
  RawClient quiet = connect();
  RawClient begun = connect();
  begun.send("e");
  EXPECT_EQ(begun.receive_until_eof(), "") << "by then the other one was quiet for as long";
  EXPECT_EQ(quiet.call(echo("still here")), ok("still here"));
}

TEST_F(LimitsTest, WhoIsNotAdmittedInTimeIsCutOff) {
  options.authentication_timeout = milliseconds(300);
  handler.admit_all(false);
  start();
  RawClient admitted = connect();
  EXPECT_EQ(admitted.call(admit()), ok());
  RawClient stranger = connect();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(stranger.call(echo("let me in")), ok("let me in"));
  EXPECT_EQ(stranger.receive_until_eof(), "");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, options.authentication_timeout);
  EXPECT_EQ(counted(Counter::kTimeouts), 1U);
  EXPECT_EQ(admitted.call(echo("still here")), ok("still here"));
}

TEST_F(LimitsTest, WhoIsNotAdmittedMaySendSmallPayloadsOnly) {
  handler.admit_all(false);
  start();
  const std::string most(kUnauthenticatedPayloadBytesMax, 'x');
  RawClient client = connect();
  EXPECT_EQ(client.call(echo(most)), ok(most));
  // What follows the request that admits is read by the limit that holds then, though it came together with it.
  client.send(admit() + echo(most + "x"));
  EXPECT_EQ(client.receive(), ok());
  EXPECT_EQ(client.receive(), ok(most + "x"));
  RawClient stranger = connect();
  EXPECT_EQ(stranger.call(echo(most + "x")), invalid("TOOLARGE"));
  EXPECT_EQ(stranger.receive_until_eof(), "");
}

TEST_F(LimitsTest, AnIdleTimeoutEndsQuietConnections) {
  options.idle_timeout = milliseconds(300);
  start();
  RawClient client = connect();
  EXPECT_EQ(client.call(echo("one")), ok("one"));
  EXPECT_EQ(client.receive_until_eof(), "");
  EXPECT_EQ(counted(Counter::kTimeouts), 1U);
  EXPECT_TRUE(eventually([&] { return network->connections() == 0; }));
}

// Waiting, being worked for and being slow to read are not idleness, and the time they take doesn't count as idle
// later.
TEST_F(LimitsTest, WhoWaitsIsNotIdleNorBehindAtOnceAfterwards) {
  options.idle_timeout = milliseconds(6'000);
  options.request_timeout = milliseconds(6'000);
  start();
  handler.shut_gate();
  RawClient waiting = connect();
  RawClient heavy = connect();
  RawClient slow = connect(4'096);
  const std::string next = echo("next");
  const std::string half = next.substr(0, 3);
  waiting.send(wait_for(kLong, "it") + half);
  heavy.send(heavy_echo("heavy") + half);
  slow.send(fill(8 << 20) + half);
  const auto record = handler.pending("it");
  RawClient idle = connect();
  EXPECT_EQ(idle.receive_until_eof(), "") << "by then the others have waited for as long";
  const auto expect_alive = [&](RawClient& client) {
    // Several looks at the time limits later, and long before the next one is due.
    EXPECT_EQ(connect().call(wait_for(300, "a pause")), ok("complete"));
    EXPECT_EQ(client.call(next.substr(3)), ok("next"));
  };
  record->wake();
  EXPECT_EQ(waiting.receive(), ok("complete"));
  expect_alive(waiting);
  handler.open_gate();
  EXPECT_EQ(heavy.receive(), ok("heavy"));
  expect_alive(heavy);
  EXPECT_EQ(slow.receive().payload.size(), 8U << 20);
  expect_alive(slow);
}

// A quiet connection keeps little memory, whatever went through it before.
TEST_F(LimitsTest, AQuietSessionGivesItsBuffersBack) {
  start();
  constexpr int kSessions = 50;
  constexpr std::size_t kIdleBytesMax = 8U << 10;
  std::vector<int> open;
  const std::size_t before = heap_bytes();
  for (int i = 0; i < kSessions; ++i) {
    RawClient client = connect();
    const std::string payload(i % 2 == 0 ? 500'000 : 10'000, 'x');
    ASSERT_EQ(client.pipeline(echo(payload) + echo(payload), 2), (std::vector{ok(payload), ok(payload)}));
    open.push_back(dup(client.fd()));  // without the client's own buffers
  }
  EXPECT_TRUE(eventually([&] { return heap_bytes() < before + kSessions * kIdleBytesMax; }))
      << (heap_bytes() - before) / kSessions << " bytes a session";
  EXPECT_EQ(network->connections(), std::size_t{kSessions});
  for (const int fd : open) ::close(fd);
}

// A header is a claim: memory comes with the bytes.
TEST_F(LimitsTest, AClaimedPayloadTakesNoMemory) {
  start();
  std::vector<RawClient> clients;
  const std::size_t before = heap_bytes();
  for (int i = 0; i < 50; ++i) {
    clients.push_back(connect());
    clients.back().send(header('e', kPayloadBytesDefault) + std::string(3'000, 'x'));
  }
  ASSERT_TRUE(eventually([&] { return counted(Counter::kBytesReceived) == 50 * 3'005U; }));
  EXPECT_LT(heap_bytes(), before + 50 * 2 * kInputBytesUsual);
}

// The request is answered at once, and what comes of it later is dropped, so that the next one is read as what it is.
TEST_F(LimitsTest, ALargeRequestThatFindsNoRoomIsRefusedAndItsConnectionGoesOn) {
  start();
  const std::string request = echo(std::string(3 << 20, 'x'));
  const std::string usual = echo(std::string(kInputBytesUsual / 2, 'u'));
  // It is refused as it comes to be larger than usual, where an I/O thread asks for room itself, and where it doesn't.
  for (const std::size_t room : {std::size_t{0}, kBufferBytesUsual, kTransferBytesMax, 4 * kTransferBytesMax}) {
    handler.leave_room_for(room);
    RawClient client = connect();
    client.send(echo("before") + request.substr(0, 2 << 20));
    EXPECT_EQ(client.receive(), ok("before"));
    EXPECT_EQ(client.receive(), error("OOM")) << "before all of it has come";
    client.send(request.substr(2 << 20) + usual + echo("after"));
    EXPECT_EQ(client.receive(), ok(std::string(kInputBytesUsual / 2, 'u')));
    EXPECT_EQ(client.receive(), ok("after"));
    EXPECT_EQ(client.pipeline(request + echo("behind") + request + echo("it"), 4),
              (std::vector{error("OOM"), ok("behind"), error("OOM"), ok("it")}));
    handler.leave_room_for(2 * request.size());
    EXPECT_EQ(client.call(request), ok(std::string(3 << 20, 'x')));
  }
}

TEST_F(LimitsTest, ARequestOfUsualSizeNeedsNoRoom) {
  start();
  handler.leave_room_for(0);
  const std::string payload(kBufferBytesUsual - 100, 'x');
  RawClient client = connect();
  client.send(echo(payload).substr(0, 50'000));
  RawClient other = connect();
  pass_time_on_the_io_thread(other);
  client.send(echo(payload).substr(50'000) + echo("and more"));
  EXPECT_EQ(client.receive(), ok(payload));
  EXPECT_EQ(client.receive(), ok("and more"));
}

TEST_F(LimitsTest, WhereMemoryIsShortWhoHoldsSomeMustGoOnSoon) {
  options.request_timeout = milliseconds(0);
  start();
  RawClient idle = connect();
  RawClient begun = connect();
  begun.send(header('e', 10));
  RawClient slow = connect(4'096);
  slow.send(fill(8 << 20));
  ASSERT_TRUE(eventually([&] { return !slow.is_quiet(); }));
  EXPECT_EQ(counted(Counter::kTimeouts), 0U);
  handler.be_short_of_memory(true);
  EXPECT_EQ(begun.receive_until_eof(), "");
  EXPECT_TRUE(eventually([&] { return counted(Counter::kTimeouts) == 2; }));
  EXPECT_EQ(idle.call(echo("which holds none")), ok("which holds none"));
}

TEST_F(LimitsTest, WhereMemoryIsShortBuffersStaySmall) {
  start();
  handler.be_short_of_memory(true);
  RawClient client = connect();
  const std::string request = echo(std::string(2 * kInputBytesIdle, 'x'));
  client.send(request.substr(0, kInputBytesIdle + 1));
  EXPECT_EQ(client.receive(), error("OOM"));
  client.send(request.substr(kInputBytesIdle + 1) + echo("small"));
  EXPECT_EQ(client.receive(), ok("small"));
  // One reply after the other, as each is over what is left to replies then.
  EXPECT_EQ(client.pipeline(fill(10'000) + fill(10'000) + echo("small"), 3).back(), ok("small"));
  handler.be_short_of_memory(false);
  EXPECT_EQ(client.call(request), ok(std::string(2 * kInputBytesIdle, 'x')));
}

TEST_F(LimitsTest, ARefusedRequestHoldsNoMemory) {
  start();
  handler.leave_room_for(0);
  std::vector<RawClient> clients;
  const std::string begun = header('e', kPayloadBytesDefault) + std::string(1 << 20, 'x');
  const std::size_t before = heap_bytes();
  for (int i = 0; i < 50; ++i) {
    clients.push_back(connect());
    clients.back().send(begun);
    EXPECT_EQ(clients.back().receive(), error("OOM"));
  }
  ASSERT_TRUE(eventually([&] { return counted(Counter::kBytesReceived) == 50 * begun.size(); }));
  EXPECT_LT(heap_bytes(), before + 50 * 4 * kInputBytesUsual);
}

TEST_F(LimitsTest, TheRestOfARefusedRequestMustGoOn) {
  options.request_timeout = milliseconds(300);
  start();
  handler.leave_room_for(0);
  RawClient client = connect();
  client.send(header('e', 1 << 20) + std::string(1 << 19, 'x'));
  EXPECT_EQ(client.receive(), error("OOM"));
  EXPECT_EQ(client.receive_until_eof(), "");
  EXPECT_EQ(counted(Counter::kTimeouts), 1U);
}

// Where there is no memory for a large request, its own connection ends.
TEST_F(LimitsTest, MemoryThatIsMissingCostsASessionAtMost) {
  start();
  RawClient other = connect();
  EXPECT_EQ(other.call(echo("one")), ok("one"));
  RawClient client = connect();
  handler.on_action([] { fail_large_allocations(100'000); });
  EXPECT_EQ(client.call(run_action()), ok());
  const std::string request = echo(std::string(1 << 20, 'x'));
  client.send_some(request);
  EXPECT_TRUE(eventually([&] { return network->connections() == 1; }));
  EXPECT_EQ(other.call(echo("two")), ok("two"));
  handler.on_action([] { fail_large_allocations(0); });
  EXPECT_EQ(other.call(run_action()), ok());
  EXPECT_EQ(connect().call(request), ok(std::string(1 << 20, 'x')));
}

}  // namespace
}  // namespace kv::net
