// Bytes through TLS over a socket pair.
#include "kv/security/tls_channel.hpp"

#include <openssl/ssl.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/base/limits.hpp"

#include "security/tls_error.hpp"
#include "security/tls_pair.hpp"
#include "support/base/random.hpp"
#include "support/base/temporary_folder.hpp"
#include "support/tls/certificates.hpp"

namespace kv::security {
namespace {

using testing::HasSubstr;
using Outcome = TlsChannel::Outcome;

class TlsChannelTest : public testing::Test {
 protected:
  // What is there to be read, and what came after it.
  static std::pair<std::string, Outcome> read_all(TlsChannel& channel, std::size_t room = 16U << 10) {
    std::string bytes;
    while (true) {
      std::string part(room, '\0');
      const auto [size, outcome] = channel.read(part.data(), part.size());
      if (outcome != Outcome::kDone) return {bytes, outcome};
      EXPECT_GT(size, 0U);
      bytes += part.substr(0, size);
    }
  }

  test::TemporaryFolder folder_;
  test::CertificateAuthority authority_{folder_.path()};
  test::CertificateFiles files_ = authority_.issue("server");
  test::TlsPair pair_{TlsContext::for_server({files_.certificate, files_.key, ""}, ClientAuth::kNone).value(),
                      TlsContext::for_client({authority_.file(), "", ""}, TlsContext::Verify::kServer).value()};
};

TEST_F(TlsChannelTest, BytesComeOutAsTheyWentIn) {
  ASSERT_TRUE(pair_.shake_hands());
  EXPECT_STREQ(pair_.server->version(), "TLSv1.3");
  test::Random random;
  std::string sent;
  std::string received;
  std::string rest;
  while (sent.size() < 4'000'000 || !rest.empty()) {
    if (rest.empty()) {
      rest.assign(1 + random.below(100'000), static_cast<char>('a' + random.below(26)));
      sent += rest;
    }
    const auto written = pair_.client->write(rest);
    EXPECT_LE(written.size, kTlsBytesAtOnce);
    rest.erase(0, written.size);
    if (written.outcome != Outcome::kWantsWrite && random.below(2) == 0) continue;
    EXPECT_TRUE(pair_.server->is_readable());
    const auto [bytes, end] = read_all(*pair_.server, 1 + random.below(40'000));
    EXPECT_EQ(end, Outcome::kWantsRead);
    received += bytes;
  }
  received += read_all(*pair_.server).first;
  EXPECT_TRUE(received == sent);
  EXPECT_FALSE(pair_.server->is_readable());
}

TEST_F(TlsChannelTest, WhatIsHeldBackIsPending) {
  ASSERT_TRUE(pair_.shake_hands());
  pair_.client->write("abcdef");
  char bytes[4];
  EXPECT_EQ(pair_.server->read(bytes, 4).size, 4U);
  EXPECT_TRUE(pair_.server->has_pending()) << "the socket has nothing any more";
  EXPECT_TRUE(pair_.server->is_readable());
  EXPECT_EQ(pair_.server->read(bytes, 4).size, 2U);
  EXPECT_FALSE(pair_.server->has_pending());
  EXPECT_FALSE(pair_.server->is_readable());
  EXPECT_EQ(pair_.server->read(bytes, 4).outcome, Outcome::kWantsRead);
}

TEST_F(TlsChannelTest, ARecordThatIsNotWholeIsNotReadable) {
  ASSERT_TRUE(pair_.shake_hands());
  ASSERT_EQ(::send(pair_.sockets[1], "\x17\x03\x03\x00\x40half", 9, 0), 9);
  EXPECT_FALSE(pair_.server->is_readable());
  char byte;
  EXPECT_EQ(pair_.server->read(&byte, 1).outcome, Outcome::kWantsRead);
  EXPECT_FALSE(pair_.server->is_readable());
}

TEST_F(TlsChannelTest, EitherSideMayEndAndStillRead) {
  ASSERT_TRUE(pair_.shake_hands());
  pair_.client->write("last words");
  pair_.client->close();
  EXPECT_EQ(read_all(*pair_.server), std::pair(std::string("last words"), Outcome::kEnded));
  EXPECT_TRUE(pair_.server->is_readable()) << "there is an end to be read";
  EXPECT_TRUE(pair_.server->has_pending()) << "and the socket knows nothing of it";
  EXPECT_EQ(pair_.server->write("an answer").outcome, Outcome::kDone);
  pair_.server->close();
  EXPECT_EQ(read_all(*pair_.client), std::pair(std::string("an answer"), Outcome::kEnded));
}

TEST_F(TlsChannelTest, APeerThatGoesWithoutAWordHasEnded) {
  ASSERT_TRUE(pair_.shake_hands());
  pair_.client->write("last words");
  ::shutdown(pair_.sockets[1], SHUT_WR);
  EXPECT_EQ(read_all(*pair_.server), std::pair(std::string("last words"), Outcome::kEnded));
  EXPECT_EQ(pair_.server->write("an answer").outcome, Outcome::kDone);
  EXPECT_EQ(read_all(*pair_.client), std::pair(std::string("an answer"), Outcome::kWantsRead));
}

TEST_F(TlsChannelTest, BytesThatSomebodyChangedAreNoBytes) {
  ASSERT_TRUE(pair_.shake_hands());
  std::string record = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x');
  ASSERT_EQ(::send(pair_.sockets[1], record.data(), record.size(), 0), static_cast<ssize_t>(record.size()));
  char byte;
  EXPECT_EQ(pair_.server->read(&byte, 1).outcome, Outcome::kFailed);
  EXPECT_THAT(pair_.server->failure(), HasSubstr("bad record mac"));
  EXPECT_EQ(pair_.server->write("x").outcome, Outcome::kFailed);
}

TEST_F(TlsChannelTest, NobodyMayRenegotiate) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);  // 1.3 has no such thing
  SSL* const client = SSL_new(context);
  SSL_set_fd(client, pair_.sockets[1]);
  SSL_set_connect_state(client);
  for (int step = 0; step < 10; ++step) {
    SSL_do_handshake(client);
    pair_.server->handshake();
  }
  ASSERT_STREQ(pair_.server->version(), "TLSv1.2");
  ASSERT_EQ(SSL_renegotiate(client), 1);
  EXPECT_LE(SSL_do_handshake(client), 0);
  char byte;
  EXPECT_EQ(pair_.server->read(&byte, 1).outcome, Outcome::kWantsRead) << "it says no, and goes on";
  EXPECT_LE(SSL_do_handshake(client), 0);
  EXPECT_EQ(take_tls_error(), "no renegotiation");
  SSL_free(client);
  SSL_CTX_free(context);
}

TEST_F(TlsChannelTest, PlainBytesAreNoHandshake) {
  ASSERT_EQ(::send(pair_.sockets[1],
                   "\x01\x00\x00\x00\x03"
                   "foo",
                   8, 0),
            8);
  EXPECT_EQ(pair_.server->handshake(), Outcome::kFailed);
  EXPECT_THAT(pair_.server->failure(), HasSubstr("wrong version number"));
}

TEST_F(TlsChannelTest, APeerThatLeavesInTheHandshakeIsAFailure) {
  pair_.client->handshake();
  pair_.server->handshake();
  ::shutdown(pair_.sockets[1], SHUT_RDWR);
  EXPECT_EQ(pair_.server->handshake(), Outcome::kFailed);
  EXPECT_EQ(pair_.server->failure(), "the peer closed the connection");
}

}  // namespace
}  // namespace kv::security
