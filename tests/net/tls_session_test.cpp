// What TLS adds to a session: the handshake and all that may go wrong in it. That a session does the same with TLS as
// without is what the tests over every transport show.
#include <future>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/test_network.hpp"
#include "support/process/wait.hpp"

namespace kv::net {
namespace {

using observability::Counter;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using namespace test;  // NOLINT(google-build-using-namespace): the words of a test's script

class TlsSessionTest : public NetworkTest {
 protected:
  TlsSessionTest() { transport = Transport::kTls; }

  RawClient connect_plainly() { return RawClient(port); }
};

TEST_F(TlsSessionTest, TheHandlerIsToldThatThePeerIsEncrypted) {
  start();
  RawClient client = connect();
  EXPECT_EQ(client.call(echo("x")), ok("x"));
  EXPECT_TRUE(handler.last_peer().is_encrypted);
  EXPECT_EQ(handler.last_peer().certificate_name, "");
  EXPECT_TRUE(network->connection_list().at(0).is_encrypted);
}

TEST_F(TlsSessionTest, TheHandlerIsToldTheNameInThePeersCertificate) {
  TemporaryFolder folder;
  CertificateAuthority authority(folder.path());
  const CertificateFiles own = authority.issue("server");
  const CertificateFiles alice = authority.issue("alice", {.common_name = "alice", .names = ""});
  const auto own_identity =
      security::TlsIdentity::open({own.certificate, own.key, authority.file()}, security::ClientAuth::kRequire);
  network = std::make_unique<Network>(options, handler, clock, counters);
  ASSERT_TRUE(network->bind("127.0.0.1", 0, own_identity->get()));
  ASSERT_TRUE(network->listen());
  network->start();
  RawClient client(port_of(network->listeners().front()));
  client.encrypt(security::TlsContext::for_client({authority.file(), alice.certificate, alice.key},
                                                  security::TlsContext::Verify::kServer)
                     .value(),
                 "localhost");
  EXPECT_EQ(client.call(echo("x")), ok("x"));
  EXPECT_EQ(handler.last_peer().certificate_name, "alice");
  EXPECT_TRUE(handler.last_peer().address.starts_with("127.0.0.1:"));
  client.close();
  network.reset();
}

TEST_F(TlsSessionTest, WhoSpeaksPlainlyIsClosedAndHarmsNobody) {
  start();
  RawClient good = connect();
  RawClient plain = connect_plainly();
  plain.send(echo("let me in"));
  plain.receive_until_eof();  // an alert, and the end in good order
  EXPECT_EQ(handler.handled(), 0U);
  EXPECT_EQ(counted(Counter::kHandshakesFailed), 1U);
  EXPECT_EQ(good.call(echo("x")), ok("x"));
}

TEST_F(TlsSessionTest, TheHandlerKnowsNothingOfWhoHasNotShakenHands) {
  start();
  // It sends nothing: what the server has not read when it closes makes a reset of the end.
  RawClient silent = connect_plainly();
  ASSERT_TRUE(eventually([&] {
    const auto all = network->connection_list();
    return all.size() == 1 && all[0].state == "handshaking" && !all[0].is_admitted && all[0].id == 1;
  }));
  EXPECT_EQ(handler.last_peer().id, 0U);
  EXPECT_TRUE(network->close_connection(1));
  EXPECT_EQ(silent.receive_until_eof(), "");
}

TEST_F(TlsSessionTest, AHandshakeHasALimitHoweverItIsStretched) {
  options.handshake_timeout = milliseconds(300);
  options.threads = 2;
  start();
  RawClient silent = connect_plainly();
  RawClient slow = connect_plainly();
  const auto begin = steady_clock::now();
  ASSERT_TRUE(eventually([&] { return network->connections() == 2; }));
  const std::string hello = std::string("\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03", 11) + std::string(16'000, 'x');
  std::size_t sent = 0;
  EXPECT_TRUE(eventually([&] {
    try {
      if (sent < hello.size()) slow.send(hello.substr(sent++, 1));
    } catch (const std::system_error&) {  // it has been cut off
    }
    return network->connections() == 0;
  }));
  EXPECT_GE(steady_clock::now() - begin, options.handshake_timeout);
  EXPECT_EQ(counted(Counter::kTimeouts) + counted(Counter::kHandshakesFailed), 2U);
}

TEST_F(TlsSessionTest, ManyHalfHandshakesMakeTheLimitShort) {
  options.handshake_timeout = std::chrono::hours(1);
  options.handshakes_max = 20;
  start();
  RawClient good = connect();
  std::vector<RawClient> few;
  for (int i = 0; i < 20; ++i) few.push_back(connect_plainly());
  ASSERT_TRUE(eventually([&] { return network->connections() == 21; }));
  EXPECT_EQ(good.call(echo("x")), ok("x"));
  EXPECT_EQ(counted(Counter::kTimeouts), 0U);
  network.reset();

  options.handshake_timeout = std::chrono::seconds(15);
  start();
  few.clear();
  const auto begin = steady_clock::now();
  for (int i = 0; i < 40; ++i) few.push_back(connect_plainly());
  EXPECT_TRUE(eventually([&] { return network->connections() <= 20; }));
  EXPECT_LT(steady_clock::now() - begin, options.handshake_timeout) << "they got a tenth of it";
  EXPECT_EQ(connect().call(echo("x")), ok("x"));
}

TEST_F(TlsSessionTest, WhoIsOverTheLimitIsToldSoThroughTls) {
  options.connections_max = 1;
  start();
  RawClient first = connect();
  EXPECT_EQ(first.call(echo("x")), ok("x"));
  RawClient second = connect();
  EXPECT_EQ(second.receive(), error("BUSY"));
  EXPECT_EQ(second.receive_until_eof(), "");
}

TEST_F(TlsSessionTest, HalfHandshakesDoNotHoldUpTheEnd) {
  options.threads = 2;
  start();
  RawClient good = connect();
  EXPECT_EQ(good.call(echo("x")), ok("x"));
  std::vector<RawClient> half;
  for (int i = 0; i < 10; ++i) {
    half.push_back(connect_plainly());
    if (i % 2 == 0) half.back().send("\x16\x03\x01\x02\x00\x01");
  }
  ASSERT_TRUE(eventually([&] { return network->connections() == 11; }));
  const auto begin = steady_clock::now();
  network->stop();
  EXPECT_LT(steady_clock::now() - begin, kShutdownMax);
  EXPECT_EQ(good.receive_until_eof(), "");
}

// The word that ends TLS, without the end of TCP: the epoll knows nothing of it once TLS has taken it off the socket.
TEST_F(TlsSessionTest, WhoSaysThatItSendsNoMoreGetsItsAnswersAndTheEnd) {
  start();
  RawClient client = connect();
  client.send(echo("one") + heavy_echo("two") + echo("three"));
  client.end_tls();
  EXPECT_EQ(client.receive(3), (std::vector{ok("one"), ok("two"), ok("three")}));
  EXPECT_EQ(client.receive_until_eof(), "");
}

// More handshakes at once than there are threads for them, while somebody else is served.
TEST_F(TlsSessionTest, ManyHandshakesAtOnceAllSucceed) {
  options.threads = 2;
  start();
  RawClient served = connect();
  std::vector<std::future<void>> peers;
  for (int peer = 0; peer < 8; ++peer) {
    peers.push_back(std::async(std::launch::async, [&] {
      for (int round = 0; round < 10; ++round) {
        EXPECT_EQ(connect().call(echo("hello")), ok("hello"));
      }
    }));
  }
  for (int i = 0; i < 200; ++i) EXPECT_EQ(served.call(echo("x")), ok("x"));
  for (auto& peer : peers) peer.get();
  EXPECT_EQ(counted(Counter::kHandshakesFailed), 0U);
}

// One record with many frames, of which the first fill the backlog: the rest lies within TLS, where no epoll sees it.
TEST_F(TlsSessionTest, FramesThatTlsHoldsBackAreServedWithoutMoreInput) {
  start();
  RawClient client = connect();
  std::string requests;
  std::vector<Reply> replies;
  for (int i = 0; i < 400; ++i) {
    const std::string payload = std::to_string(i) + std::string(20, '.');
    requests += i % 100 == 3 ? heavy_echo(payload) : echo(payload);
    replies.push_back(ok(payload));
  }
  ASSERT_LT(requests.size(), 16U << 10) << "one record";
  EXPECT_EQ(client.pipeline(requests, replies.size()), replies);
}

}  // namespace
}  // namespace kv::net
