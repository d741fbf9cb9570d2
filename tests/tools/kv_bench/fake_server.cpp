#include "tools/kv_bench/fake_server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace kv::bench {

FakeServer::FakeServer(Answer answer, Sending sending)
    : answer_(std::move(answer)), sending_(sending), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (bind(listener_, generic, size) != 0 || listen(listener_, SOMAXCONN) != 0 ||
      getsockname(listener_, generic, &size) != 0) {
    throw std::runtime_error("no port to listen on");
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::jthread([this] { accept_all(); });
}

// Shutting a socket down wakes the thread that waits on it.
FakeServer::~FakeServer() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (const int fd : sockets_) shutdown(fd, SHUT_RDWR);
  sessions_.clear();
  for (const int fd : sockets_) close(fd);
  close(listener_);
}

void FakeServer::accept_all() {
  for (int fd = 0; (fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    sockets_.push_back(fd);
    sessions_.emplace_back([this, fd, connection = sessions_.size()] { serve(fd, connection); });
  }
}

void FakeServer::serve(int fd, std::size_t connection) const {
  std::string received;
  char bytes[4096];
  ssize_t size = 0;
  std::size_t index = 0;
  while ((size = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
    received.append(bytes, static_cast<std::size_t>(size));
    ByteView input = received;
    protocol::Frame request;
    while (protocol::take_frame(input, received.size(), request) == protocol::FrameState::kComplete) {
      const std::optional<std::string> reply = answer_({connection, index++, request});
      if (!reply) {
        shutdown(fd, SHUT_RDWR);
        return;
      }
      send_all(fd, *reply);
    }
    received.erase(0, received.size() - input.size());
  }
}

void FakeServer::send_all(int fd, ByteView bytes) const {
  while (!bytes.empty()) {
    const ssize_t size = send(fd, bytes.data(), sending_ == Sending::kByteByByte ? 1 : bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
}

}  // namespace kv::bench
