// A connected, non-blocking TCP socket.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

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
};

// Opens `count` connections with TCP_NODELAY, each within `timeout`. Raises the soft limit on open files where needed.
std::variant<std::vector<FileDescriptor>, Failure> connect_all(const Endpoint& endpoint, std::size_t count,
                                                               std::chrono::milliseconds timeout);

}  // namespace kv::bench
