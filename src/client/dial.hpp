// Getting a connected socket.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "kv/client/connection.hpp"

namespace kv::client {

// Connects to the first of the host's addresses that answers, all within `timeout`. The socket is non-blocking and
// sends small requests at once (TCP_NODELAY); the caller closes it. Fails with kUnreachable.
NetResult<int> dial(const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout);

}  // namespace kv::client
