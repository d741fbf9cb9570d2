// Authenticating connections before the load begins.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "kv-bench/socket.hpp"
#include "kv-bench/tally.hpp"

namespace kv::bench {

struct Login {
  std::string user;
  std::string password;  // empty: nobody authenticates
};

// Authenticates each connection to a kv-server, one after the other. Fails with what the server said, or where it says
// nothing within `timeout`.
std::optional<Failure> log_in(std::vector<Stream>& sockets, const Login& login, std::chrono::milliseconds timeout);

}  // namespace kv::bench
