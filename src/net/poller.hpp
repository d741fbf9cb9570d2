// Readiness of many sockets through one level-triggered epoll, which the io_context of the thread watches in turn.
//
// Asio on its own asks epoll, queues a completion for each ready socket, and takes a lock or two for each. Here one
// call says which sockets are ready, and the coroutines that wait for them are resumed one after the other in a single
// sweep:
//
//   io_context -> the epoll is readable -> epoll_wait -> resume, resume, resume … -> again, until nothing is ready
//
// While sweeps find something the io_context gets its turn between them, for timers and what was posted.
// Used by its io_context's thread alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/epoll.h>
#include <utility>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "kv/base/asio_types.hpp"

#include "net/wakeup_preemption.hpp"

namespace kv::net {

// Something with a descriptor that a Poller watches.
class Polled {
 public:
  // It is ready for `events` (EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP). May destroy this object.
  virtual void ready(std::uint32_t events) = 0;

 protected:
  ~Polled() = default;
};

class Poller {
 public:
  // Throws std::system_error where the system has no descriptor left.
  explicit Poller(asio::io_context& io);
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Sweeps from now on, which keeps the io_context's run() busy until stop().
  void start() { wait(); }
  void stop();

  asio::io_context& io() { return io_; }

  // Watches `descriptor` for `events` from now on, 0: no longer. `current` is what it was watched for until now. Fails
  // where the system can't watch any more.
  error_code watch(int descriptor, Polled& polled, std::uint32_t current, std::uint32_t events);
  // `polled` goes; it is not watched any more.
  void forget(const Polled& polled);

  // Since the last call.
  WakeupLoad take_load() { return std::exchange(load_, {}); }

 private:
  static constexpr std::size_t kEventsMax = 128;

  void wait();
  void sweep();

  asio::io_context& io_;
  asio::posix::basic_stream_descriptor<Executor> epoll_;
  std::array<epoll_event, kEventsMax> events_;
  std::span<epoll_event> left_;  // of the sweep that is under way
  WakeupLoad load_;
};

}  // namespace kv::net
