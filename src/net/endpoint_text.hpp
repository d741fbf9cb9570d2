// Addresses as people write them.
#pragma once

#include <cstdint>
#include <string>

#include "kv/base/asio_types.hpp"

namespace kv::net {

// HOST:PORT, IPv6 in brackets.
inline std::string with_port(const std::string& host, std::uint16_t port) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

inline std::string endpoint_text(const asio::ip::tcp::endpoint& endpoint) {
  return with_port(endpoint.address().to_string(), endpoint.port());
}

}  // namespace kv::net
