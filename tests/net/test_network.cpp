#include "net/test_network.hpp"

namespace kv::test {

void NetworkTest::start() {
  network = std::make_unique<net::Network>(options, handler, clock, counters, commit_gate);
  ASSERT_TRUE(network->bind("127.0.0.1", 0).has_value());
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
