// The seam through which commands ask the server about itself: INFO asks, the server room answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kv::command {

struct ServerState {
  std::string version;
  std::vector<std::string> listeners;  // HOST:PORT
  std::uint32_t threads = 0;
  std::uint64_t uptime_ms = 0;
  std::uint64_t connections = 0;  // open now
  std::uint64_t connections_max = 0;
};

class Administration {
 public:
  virtual ~Administration() = default;
  // Thread-safe.
  virtual ServerState state() const = 0;
};

}  // namespace kv::command
