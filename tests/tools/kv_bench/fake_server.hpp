// A server that misbehaves as a test wants it to: a thread per connection that takes kv frames off the wire and sends
// whatever a function says. The function is called by several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <thread>

#include "kv/protocol/frame.hpp"

namespace kv::bench {

class FakeServer {
 public:
  struct Call {
    std::size_t connection;  // 0 for the first that was accepted
    std::size_t index;       // 0 for the first request on it
    protocol::Frame request;
  };
  // The bytes to send back; nothing closes the connection.
  using Answer = std::function<std::optional<std::string>(const Call&)>;
  enum class Sending { kWhole, kByteByByte };

  explicit FakeServer(Answer answer, Sending sending = Sending::kWhole);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  void accept_all();
  void serve(int fd, std::size_t connection) const;
  void send_all(int fd, ByteView bytes) const;

  const Answer answer_;
  const Sending sending_;
  int listener_;
  std::uint16_t port_ = 0;
  std::list<int> sockets_;  // of the acceptor's thread until it has ended
  std::list<std::jthread> sessions_;
  std::jthread acceptor_;
};

}  // namespace kv::bench
