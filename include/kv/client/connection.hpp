// A blocking connection to a kv-server: one request and its reply at a time, or a pipeline as deep as its user likes.
//
//   auto connection = Connection::open("127.0.0.1", 6380);
//   if (!connection) ... connection.error().message
//   auto reply = connection->call(protocol::Command::kGet, "foo");
//
// A pipeline is send() many times and receive() as many times; replies come in the order of the requests. Neither side
// can block the other for good: whenever this side waits to write it also reads what is there. What is sent and not yet
// received lies in memory, so a user with much to say keeps a window: it receives once in_flight() or unsent_bytes()
// has grown past what it is ready to hold.
//
// An answer of the server's, ERROR and INVALID too, is a Reply. A NetError means that there is no answer and will be
// none: the connection is then of no more use, and every later call gives the same error.
//
// Used by one thread at a time. Movable, not copyable; closes its socket when it goes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <boost/system/result.hpp>

#include "kv/base/byte_buffer.hpp"
#include "kv/base/bytes.hpp"
#include "kv/client/reply.hpp"
#include "kv/protocol/command.hpp"
#include "kv/security/tls_context.hpp"

namespace kv::client {

enum class NetErrc : unsigned char {
  kUnreachable,  // no such host, refused, no connection within the time allowed, or no TLS with who is there
  kTimedOut,     // no byte came or went for the request timeout
  kClosed,       // the server closed or reset the connection before the answer was whole
  kGarbage,      // what came is no reply of this protocol
};

struct [[nodiscard]] NetError {
  NetErrc code;
  std::string message;  // a sentence for people
};

template <typename T>
using NetResult = boost::system::result<T, NetError>;

// What NetResult<T>::value() does when there is none: throws BadResultAccess (kv/base/result.hpp).
[[noreturn]] void throw_exception_from_error(const NetError& error, const boost::source_location& where);

struct ConnectionOptions {
  std::chrono::milliseconds connect_timeout{5'000};
  // How long the connection may stand still while an answer is due; 0 waits for ever.
  std::chrono::milliseconds request_timeout{30'000};
  // What to speak TLS with, made for_client(); nullptr: no TLS.
  std::shared_ptr<const security::TlsContext> tls{};
  std::string tls_server_name{};  // what the server's certificate has to say; empty: the host
};

class Connection {
 public:
  // Connects to `host`, a name or an IPv4 or IPv6 address without brackets; tries each of its addresses in turn, all of
  // them within connect_timeout, to which TLS belongs. Fails with kUnreachable.
  static NetResult<Connection> open(const std::string& host, std::uint16_t port, const ConnectionOptions& options = {});

  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  // Sends one request and waits for its reply. REQUIRES: in_flight() == 0, payload.size() fits 32 bits.
  NetResult<Reply> call(protocol::Command command, ByteView payload);

  // Queues one request. Never waits: large queues are handed to the kernel as far as it takes them. A failure is told
  // by the receive() that looks for the answer. REQUIRES: payload.size() fits 32 bits.
  void send(protocol::Command command, ByteView payload);

  // Waits for the next reply, sending what is queued. REQUIRES: in_flight() > 0.
  NetResult<Reply> receive();

  // How many replies are still to be received.
  std::size_t in_flight() const { return in_flight_; }
  // How many bytes are queued here, not yet taken by the kernel.
  std::size_t unsent_bytes() const { return out_.size(); }

  void set_request_timeout(std::chrono::milliseconds timeout) { request_timeout_ = timeout; }

 private:
  explicit Connection(int socket, std::chrono::milliseconds request_timeout)
      : socket_(socket), request_timeout_(request_timeout) {}

  NetResult<void> shake_hands(std::chrono::steady_clock::time_point deadline);

  bool take_reply(Reply& reply);
  void wait_and_move();
  void write_some();
  void read_some();
  void read_some_of_tls();
  void fail(NetErrc code, std::string message);

  int socket_ = -1;
  std::chrono::milliseconds request_timeout_;
  std::unique_ptr<security::TlsChannel> tls_;  // nullptr: it speaks plainly
  ByteBuffer in_;
  ByteBuffer out_;
  std::size_t in_flight_ = 0;
  std::optional<NetError> failure_;
};

}  // namespace kv::client
