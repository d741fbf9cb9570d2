// Connected, non-blocking TCP sockets, which may speak TLS.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kv/security/tls_context.hpp"

#include "kv-bench/tally.hpp"

namespace kv::bench {

// Closes what it holds.
class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor();
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

struct Endpoint {
  std::string host;
  std::uint16_t port;
  std::shared_ptr<const security::TlsContext> tls{};  // nullptr: it speaks plainly
  std::string tls_server_name{};
};

class Stream {
 public:
  using Outcome = security::TlsChannel::Outcome;
  using Transfer = security::TlsChannel::Transfer;

  explicit Stream(FileDescriptor socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }
  // Becomes the client's end of TLS, within `timeout`. Returns why it couldn't; empty: it could.
  std::string encrypt(const Endpoint& endpoint, std::chrono::milliseconds timeout);
  bool is_encrypted() const { return tls_ != nullptr; }

  // As those of a TlsChannel. send() says kEnded where the peer has gone, whose last words are still to be read.
  Transfer send(ByteView bytes);
  Transfer receive(char* to, std::size_t room);
  // Why one of them failed.
  std::string failure() const;

 private:
  FileDescriptor socket_;
  std::unique_ptr<security::TlsChannel> tls_;
  int error_ = 0;
};

// Opens `count` connections with TCP_NODELAY, each within `timeout`, with TLS where the endpoint has it. Raises the
// soft limit on open files where needed.
std::variant<std::vector<Stream>, Failure> connect_all(const Endpoint& endpoint, std::size_t count,
                                                       std::chrono::milliseconds timeout);

}  // namespace kv::bench
