// A network on a free port of 127.0.0.1, with a scripted handler behind it and a clock that is moved by hand.
#pragma once

#include <cstdint>
#include <memory>

#include <gtest/gtest.h>

#include "kv/net/network.hpp"

#include "net/scripted_handler.hpp"
#include "support/process/raw_client.hpp"
#include "support/process/reply.hpp"

namespace kv::test {

class NetworkTest : public testing::Test {
 protected:
  NetworkTest() = default;
  ~NetworkTest() override { handler.open_gate(); }

  // Listens and starts. Options are set before.
  void start();
  RawClient connect(int receive_buffer_bytes = 0) { return RawClient(port, receive_buffer_bytes); }
  std::uint64_t counted(observability::Counter counter) const { return counters.totals()[counter]; }
  // kTicks round trips: whatever the I/O thread had to do when they began is done when they end.
  static constexpr std::size_t kTicks = 50;
  static void pass_time_on_the_io_thread(RawClient& other);

  net::NetworkOptions options;
  ScriptedHandler handler;
  ManualClock clock;
  observability::Counters counters;
  net::CommitGate* commit_gate = nullptr;
  std::unique_ptr<net::Network> network;
  std::uint16_t port = 0;
};

// The port in HOST:PORT.
std::uint16_t port_of(const std::string& address);

}  // namespace kv::test
