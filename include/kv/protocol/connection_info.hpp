// What can be said of one connection at a moment, for whoever runs the server.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kv::protocol {

struct ConnectionInfo {
  std::uint64_t id = 0;   // as Peer::id
  std::string address{};  // HOST:PORT of the peer
  bool is_encrypted = false;
  bool is_admitted = false;
  std::string name{};  // what it calls itself
  std::string user{};  // who it has said to be
  // Both to kSweepPeriod; time in which the server itself stood still is nobody's idleness.
  std::chrono::milliseconds age{0};
  std::chrono::milliseconds idle{0};  // since its peer last sent or took something
  std::string_view state{};           // handshaking, reading, running, committing, writing, waiting, heavy, lingering
  std::size_t input_bytes = 0;        // memory that its buffers hold; 0 while it is heavy
  std::size_t output_bytes = 0;
  std::uint8_t last_command = 0;  // its byte; 0: none yet
};

}  // namespace kv::protocol
