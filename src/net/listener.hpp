// Listens on one address and hands new connections out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include <boost/asio/basic_socket_acceptor.hpp>

#include "kv/base/asio_types.hpp"
#include "kv/base/result.hpp"

namespace kv::net {

class IoThread;

class Listener {
 public:
  explicit Listener(asio::io_context& io) : acceptor_(io), retry_(io) {}

  // Takes the address; whoever connects is refused until listen(). Both fail with a sentence that names the address.
  Result<void> bind(const std::string& host, std::uint16_t port);
  Result<void> listen();
  // HOST:PORT, IPv6 in brackets, with the port that was really bound.
  std::string address() const;

  // Accepts until close(). `next_thread` says where the next connection is to live, `take` gets both.
  Awaitable<void> run(std::function<IoThread&()> next_thread, std::function<void(Socket, IoThread&)> take);
  // From the thread that it runs on.
  void close();

 private:
  using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
  Acceptor acceptor_;
  Timer retry_;
};

}  // namespace kv::net
