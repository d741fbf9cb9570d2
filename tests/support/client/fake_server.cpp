#include "support/client/fake_server.hpp"

#include <exception>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <gtest/gtest.h>

namespace kv::test {
namespace {

constexpr int kPatienceMs = 30'000;

void wait_readable(int socket) {
  pollfd waiting{socket, POLLIN, 0};
  if (::poll(&waiting, 1, kPatienceMs) != 1) throw std::runtime_error("the client does nothing");
}

int listen_on_free_port(std::uint16_t& port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 1) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no port to listen on");
  }
  port = ntohs(address.sin_port);
  return listener;
}

}  // namespace

FakePeer::~FakePeer() {
  ::close(socket_);
}

std::string FakePeer::read(std::size_t bytes) {
  std::string out(bytes, '\0');
  for (std::size_t got = 0; got < bytes;) {
    wait_readable(socket_);
    const ssize_t more = ::recv(socket_, out.data() + got, bytes - got, 0);
    if (more <= 0) throw std::runtime_error("the client closed");
    got += static_cast<std::size_t>(more);
  }
  return out;
}

std::string FakePeer::read_frame() {
  std::string frame = read(5);
  return frame + read(load_big_endian<std::uint32_t>(frame.data() + 1));
}

void FakePeer::write(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) throw std::runtime_error("the client is gone");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void FakePeer::wait_for_close() {
  std::string ignored(1U << 16, '\0');
  do {
    wait_readable(socket_);
  } while (::recv(socket_, ignored.data(), ignored.size(), 0) > 0);
}

void FakePeer::reset() {
  const linger at_once{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

FakeServer::FakeServer(std::function<void(FakePeer&)> script) : listener_(listen_on_free_port(port_)) {
  script_ = std::async(std::launch::async, [listener = listener_, script = std::move(script)] {
    wait_readable(listener);
    FakePeer peer(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    script(peer);
  });
}

FakeServer::~FakeServer() {
  try {
    script_.get();
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
  }
  ::close(listener_);
}

std::uint16_t closed_port() {
  std::uint16_t port = 0;
  ::close(listen_on_free_port(port));
  return port;
}

}  // namespace kv::test
