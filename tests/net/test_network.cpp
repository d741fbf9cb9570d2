#include "net/test_network.hpp"

namespace kv::test {

TlsPeers::TlsPeers() {
  using security::TlsContext;
  server = security::TlsIdentity::open({files.certificate, files.key, ""}, security::ClientAuth::kNone).value();
  client = TlsContext::for_client({authority.file(), "", ""}, TlsContext::Verify::kServer).value();
}

const TlsPeers& TlsPeers::get() {
  static const TlsPeers peers;
  return peers;
}

const security::TlsIdentity* NetworkTest::identity() const {
  return transport == Transport::kTls ? TlsPeers::get().server.get() : nullptr;
}

RawClient NetworkTest::connect(int receive_buffer_bytes) {
  RawClient client(port, receive_buffer_bytes);
  if (transport == Transport::kTls) client.encrypt(TlsPeers::get().client, "localhost");
  return client;
}

void NetworkTest::start() {
  network = std::make_unique<net::Network>(options, handler, clock, counters, commit_gate);
  ASSERT_TRUE(network->bind("127.0.0.1", 0, identity()).has_value());
  ASSERT_TRUE(network->listen().has_value());
  port = port_of(network->listeners().front());
  network->start();
}

void NetworkTest::pass_time_on_the_io_thread(RawClient& other) {
  for (std::size_t i = 0; i < kTicks; ++i) ASSERT_EQ(other.call(echo("tick")), ok("tick"));
}

std::uint16_t port_of(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
}

}  // namespace kv::test
