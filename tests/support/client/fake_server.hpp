// A peer for the client that does exactly what a test says, wrong things too.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <string>

#include "kv/base/bytes.hpp"

namespace kv::test {

// The fake server's side of one connection. Calls throw std::runtime_error when the client doesn't do its part in time.
class FakePeer {
 public:
  explicit FakePeer(int socket) : socket_(socket) {}
  ~FakePeer();
  FakePeer(const FakePeer&) = delete;
  FakePeer& operator=(const FakePeer&) = delete;

  // Reads exactly this many bytes.
  std::string read(std::size_t bytes);
  // Reads one whole request.
  std::string read_frame();
  void write(ByteView bytes);
  // Reads on until the client has closed its side.
  void wait_for_close();
  // Closes with a reset instead of an end.
  void reset();

 private:
  int socket_;
};

// Listens on a free port of 127.0.0.1 and runs `script` on the first connection, in a thread of its own. The destructor
// waits for the script; what it throws fails the test.
class FakeServer {
 public:
  explicit FakeServer(std::function<void(FakePeer&)> script);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  std::uint16_t port_ = 0;
  int listener_;
  std::future<void> script_;
};

// A port of 127.0.0.1 on which nobody listens.
std::uint16_t closed_port();

}  // namespace kv::test
