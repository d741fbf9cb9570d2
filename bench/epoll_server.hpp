// A server of one thread over raw epoll, with as little between the kernel and what it serves as can be: for measuring
// what the rest of kv-server costs. An App says what a connection is answered.
//
//   struct App {
//     struct Session {};  // what it keeps per connection
//     // Takes what has come, and appends the replies. Returns false to close the connection.
//     bool answer(Session& session, ByteView input, ByteBuffer& replies);
//   };
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <span>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kv/base/byte_buffer.hpp"

namespace kv::bench {

inline int require(int result, const char* what) {
  if (result >= 0) return result;
  std::perror(what);
  std::exit(1);
}

template <typename App>
class EpollServer {
 public:
  EpollServer(App& app, int listener, int signals)
      : app_(app), epoll_(require(epoll_create1(0), "epoll_create1")), listener_(listener), signals_(signals) {
    control(EPOLL_CTL_ADD, listener_, EPOLLIN, &listener_);
    control(EPOLL_CTL_ADD, signals_, EPOLLIN, &signals_);
  }

  // Until a signal comes.
  void run() {
    std::array<epoll_event, 256> events;
    while (true) {
      const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(std::max(ready, 0)))) {
        if (event.data.ptr == &signals_) return;
        if (event.data.ptr == &listener_) {
          accept_all();
        } else {
          serve(static_cast<Connection*>(event.data.ptr));
        }
      }
    }
  }

 private:
  static constexpr std::size_t kReadBytes = 64U << 10;

  struct Connection {
    explicit Connection(int socket) : fd(socket) {}
    ~Connection() { close(fd); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    int fd;
    typename App::Session session;
    ByteBuffer unsent;  // replies that the peer had no room for; until they are gone, nothing is read
  };

  void control(int operation, int fd, std::uint32_t wanted, void* data) {
    epoll_event event{};
    event.events = wanted;
    event.data.ptr = data;
    require(epoll_ctl(epoll_, operation, fd, &event), "epoll_ctl");
  }

  void accept_all() {
    for (int fd = 0; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      control(EPOLL_CTL_ADD, fd, EPOLLIN, new Connection(fd));
    }
  }

  void serve(Connection* connection) {
    const bool alive = connection->unsent.empty() ? answer(*connection) : send_unsent(*connection);
    if (!alive) delete connection;
  }

  // Both return false when the connection is over.
  bool answer(Connection& connection) {
    const ssize_t size = recv(connection.fd, input_.data(), input_.size(), 0);
    if (size <= 0) return size < 0 && (errno == EAGAIN || errno == EINTR);
    replies_.clear();
    if (!app_.answer(connection.session, {input_.data(), static_cast<std::size_t>(size)}, replies_)) return false;
    if (replies_.empty()) return true;
    const ByteView replies = replies_.view();
    const ssize_t sent = send(connection.fd, replies.data(), replies.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent < static_cast<ssize_t>(replies.size())) {
      connection.unsent.append(replies.substr(static_cast<std::size_t>(std::max<ssize_t>(sent, 0))));
      control(EPOLL_CTL_MOD, connection.fd, EPOLLOUT, &connection);
    }
    return true;
  }

  bool send_unsent(Connection& connection) {
    const ByteView replies = connection.unsent.view();
    const ssize_t sent = send(connection.fd, replies.data(), replies.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    connection.unsent.consume(static_cast<std::size_t>(sent));
    if (connection.unsent.empty()) control(EPOLL_CTL_MOD, connection.fd, EPOLLIN, &connection);
    return true;
  }

  App& app_;
  int epoll_;
  int listener_;
  int signals_;
  std::array<char, kReadBytes> input_;
  ByteBuffer replies_;
};

// Listens on 127.0.0.1, port 0 picking a free one, and prints which it is.
inline int listen_on(std::uint16_t port) {
  const int fd = require(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  require(bind(fd, generic, size), "bind");
  require(listen(fd, SOMAXCONN), "listen");
  require(getsockname(fd, generic, &size), "getsockname");
  std::printf("listening on 127.0.0.1:%u\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

// A descriptor that can be read once SIGTERM or SIGINT has come. Call it before any thread is started.
inline int stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return require(signalfd(-1, &signals, SFD_NONBLOCK), "signalfd");
}

// The number that argument `index` spells; `fallback` when it isn't there. Ends the process when it is no number.
template <typename T>
T number_argument(std::span<char*> arguments, std::size_t index, T fallback) {
  if (index >= arguments.size()) return fallback;
  const ByteView text = arguments[index];
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  std::fprintf(stderr, "%s: not a number, or too large: %s\n", arguments[0], arguments[index]);
  std::exit(2);
}

}  // namespace kv::bench
