#include "kv-bench/socket.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace kv::bench {

namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

void allow_open_files(std::size_t count) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= count) return;
  limit.rlim_cur = std::min<rlim_t>(count, limit.rlim_max);
  setrlimit(RLIMIT_NOFILE, &limit);  // when this is not enough, socket() says so
}

// Waits for the end of a connect() that is under way; returns its errno, 0 for success.
int finish_connect(int fd, std::chrono::milliseconds timeout) {
  pollfd waiting{fd, POLLOUT, 0};
  const int ready = poll(&waiting, 1, static_cast<int>(timeout.count()));
  if (ready == 0) return ETIMEDOUT;
  if (ready < 0) return errno;
  int error = 0;
  socklen_t size = sizeof(error);
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

// Returns a socket, or sets `error`.
FileDescriptor connect_one(const addrinfo& address, std::chrono::milliseconds timeout, int& error) {
  FileDescriptor fd(socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  error = fd.get() < 0 ? errno : 0;
  if (error == 0 && connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
    error = errno == EINPROGRESS ? finish_connect(fd.get(), timeout) : errno;
  }
  const int on = 1;
  if (error == 0) setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

}  // namespace

FileDescriptor::~FileDescriptor() {
  if (fd_ >= 0) close(fd_);
}

std::string Stream::encrypt(const Endpoint& endpoint, std::chrono::milliseconds timeout) {
  tls_ = endpoint.tls->connect(fd(), endpoint.tls_server_name.empty() ? endpoint.host : endpoint.tls_server_name);
  while (true) {
    const Outcome outcome = tls_->handshake();
    if (outcome == Outcome::kDone) return {};
    if (outcome == Outcome::kFailed) return tls_->failure();
    const short event = outcome == Outcome::kWantsRead ? POLLIN : POLLOUT;
    pollfd waiting{fd(), event, 0};
    if (poll(&waiting, 1, static_cast<int>(timeout.count())) == 0) return std::strerror(ETIMEDOUT);
  }
}

Stream::Transfer Stream::send(ByteView bytes) {
  if (tls_ != nullptr) return tls_->write(bytes);
  ssize_t size;
  do {
    size = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (size < 0 && errno == EINTR);
  if (size >= 0) return {static_cast<std::size_t>(size), Outcome::kDone};
  if (errno == EAGAIN) return {0, Outcome::kWantsWrite};
  error_ = errno;
  return {0, errno == EPIPE || errno == ECONNRESET ? Outcome::kEnded : Outcome::kFailed};
}

Stream::Transfer Stream::receive(char* to, std::size_t room) {
  if (tls_ != nullptr) return tls_->read(to, room);
  ssize_t size;
  do {
    size = ::recv(fd(), to, room, 0);
  } while (size < 0 && errno == EINTR);
  if (size > 0) return {static_cast<std::size_t>(size), Outcome::kDone};
  if (size == 0) return {0, Outcome::kEnded};
  if (errno == EAGAIN) return {0, Outcome::kWantsRead};
  error_ = errno;
  return {0, Outcome::kFailed};
}

std::string Stream::failure() const {
  return tls_ != nullptr ? tls_->failure() : std::strerror(error_);
}

std::variant<std::vector<Stream>, Failure> connect_all(const Endpoint& endpoint, std::size_t count,
                                                       std::chrono::milliseconds timeout) {
  const auto failure = [&](const std::string& why) {
    return Failure{Failure::Kind::kConnection,
                   "can't connect to " + endpoint.host + " port " + std::to_string(endpoint.port) + ": " + why};
  };
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int unresolved = getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
  if (unresolved != 0) return failure(gai_strerror(unresolved));
  const Addresses addresses(found, &freeaddrinfo);

  constexpr std::size_t kOtherFiles = 64;
  allow_open_files(count + kOtherFiles);
  std::vector<Stream> sockets;
  sockets.reserve(count);
  const addrinfo* address = addresses.get();  // the first address that answers is used for all
  while (sockets.size() < count) {
    int error = 0;
    FileDescriptor fd = connect_one(*address, timeout, error);
    if (error == 0) {
      sockets.emplace_back(std::move(fd));
      if (endpoint.tls == nullptr) continue;
      if (const std::string why = sockets.back().encrypt(endpoint, timeout); !why.empty()) return failure(why);
    } else if (sockets.empty() && address->ai_next != nullptr) {
      address = address->ai_next;
    } else {
      return failure(std::strerror(error));
    }
  }
  return sockets;
}

}  // namespace kv::bench
