#include "client/dial.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace kv::client {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

// Waits until a connection that was begun stands or has failed; returns its errno, 0 for success.
int finish_connecting(int socket, SteadyTime deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd waiting{socket, POLLOUT, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000'000)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return errno;
    if (ready == 0) return ETIMEDOUT;
    int error = 0;
    socklen_t size = sizeof(error);
    ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
  }
}

// A connected socket; or -1, and `error` says why.
int connect_to(const addrinfo& address, SteadyTime deadline, int& error) {
  const int socket = ::socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) {
    error = errno;
    return -1;
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  error = ::connect(socket, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS || error == EINTR) error = finish_connecting(socket, deadline);
  if (error == 0) return socket;
  ::close(socket);
  return -1;
}

}  // namespace

NetResult<int> dial(const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout) {
  const SteadyTime deadline = std::chrono::steady_clock::now() + timeout;
  const std::string where = host + " port " + std::to_string(port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found)) {
    return NetError{NetErrc::kUnreachable, "no address for " + host + ": " + ::gai_strerror(failed)};
  }
  const AddressList addresses(found, &freeaddrinfo);
  int error = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int socket = connect_to(*address, deadline, error);
    if (socket >= 0) return socket;
  }
  return NetError{NetErrc::kUnreachable, "no connection to " + where + ": " + std::generic_category().message(error)};
}

}  // namespace kv::client
