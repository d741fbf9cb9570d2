// A server's and a client's end of TLS over one socket pair, for tests that move both.
#pragma once

#include <fcntl.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "kv/security/tls_context.hpp"

namespace kv::test {

class TlsPair {
 public:
  using Context = std::shared_ptr<const security::TlsContext>;
  using Outcome = security::TlsChannel::Outcome;

  TlsPair(const Context& server_context, const Context& client_context, const std::string& server_name = "localhost") {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets) != 0) throw std::runtime_error("no sockets");
    server = server_context->accept(sockets[0]);
    client = client_context->connect(sockets[1], server_name);
  }
  ~TlsPair() {
    server.reset();
    client.reset();
    for (const int socket : sockets) ::close(socket);
  }
  TlsPair(const TlsPair&) = delete;
  TlsPair& operator=(const TlsPair&) = delete;

  // Moves both ends until each has done or failed. True when both have done.
  bool shake_hands() {
    Outcome of_client = Outcome::kWantsRead;
    Outcome of_server = Outcome::kWantsRead;
    for (int step = 0; step < 20; ++step) {
      if (is_under_way(of_client)) of_client = client->handshake();
      if (is_under_way(of_server)) of_server = server->handshake();
    }
    // A client may have done before the server says what it thinks of its certificate.
    return of_client == Outcome::kDone && of_server == Outcome::kDone;
  }
  static bool is_under_way(Outcome outcome) {
    return outcome == Outcome::kWantsRead || outcome == Outcome::kWantsWrite;
  }

  int sockets[2];
  std::unique_ptr<security::TlsChannel> server;
  std::unique_ptr<security::TlsChannel> client;
};

}  // namespace kv::test
