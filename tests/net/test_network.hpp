// A network on a free port of 127.0.0.1, with a scripted handler behind it and a clock that is moved by hand.
#pragma once

#include <cstdint>
#include <memory>

#include <gtest/gtest.h>

#include "kv/net/network.hpp"
#include "kv/security/tls_identity.hpp"

#include "net/scripted_handler.hpp"
#include "support/base/temporary_folder.hpp"
#include "support/process/raw_client.hpp"
#include "support/process/reply.hpp"
#include "support/tls/certificates.hpp"

namespace kv::test {

enum class Transport { kPlain, kTls };

// What both sides of TLS need, made once for all tests of a process.
struct TlsPeers {
  TemporaryFolder folder;
  CertificateAuthority authority{folder.path()};
  CertificateFiles files = authority.issue("server");
  std::unique_ptr<security::TlsIdentity> server;
  std::shared_ptr<const security::TlsContext> client;

  static const TlsPeers& get();

 private:
  TlsPeers();
};

class NetworkTest : public testing::Test {
 protected:
  NetworkTest() = default;
  ~NetworkTest() override { handler.open_gate(); }

  // Listens and starts. Options are set before.
  void start();
  // What the network speaks TLS as; nullptr: it doesn't.
  const security::TlsIdentity* identity() const;
  // A client that speaks the network's transport.
  RawClient connect(int receive_buffer_bytes = 0);
  std::uint64_t counted(observability::Counter counter) const { return counters.totals()[counter]; }
  // kTicks round trips: whatever the I/O thread had to do when they began is done when they end.
  static constexpr std::size_t kTicks = 50;
  static void pass_time_on_the_io_thread(RawClient& other);

  Transport transport = Transport::kPlain;
  net::NetworkOptions options;
  ScriptedHandler handler;
  ManualClock clock;
  observability::Counters counters;
  net::CommitGate* commit_gate = nullptr;
  std::unique_ptr<net::Network> network;
  std::uint16_t port = 0;
};

// A test that has to hold whatever carries the bytes.
class EveryTransport : public NetworkTest, public testing::WithParamInterface<Transport> {
 protected:
  EveryTransport() { transport = GetParam(); }
};
#define KV_WITH_EVERY_TRANSPORT(suite)                                                                   \
  INSTANTIATE_TEST_SUITE_P(Over, suite, testing::Values(test::Transport::kPlain, test::Transport::kTls), \
                           [](const auto& made) { return made.param == test::Transport::kTls ? "Tls" : "Plain"; })

// The port in HOST:PORT.
std::uint16_t port_of(const std::string& address);

}  // namespace kv::test
