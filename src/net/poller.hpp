// Readiness of many sockets through one level-triggered epoll, which the io_context of the thread watches in turn.
//
// Asio on its own asks epoll, queues a completion for each ready socket, and takes a lock or two for each. Here one
// call says which sockets are ready, and the coroutines that wait for them are resumed one after the other in a single
// sweep:
//
//   io_context -> the epoll is readable -> epoll_wait -> resume, resume, resume … -> again, until nothing is ready
//
// While sweeps find something the io_context gets its turn between them, for timers and what was posted.
//
// Whoever is resumed in a sweep may hold what it does next until the others have come as far. Answers that are sent
// together wake a peer that has many connections once and not each time, and to wake one is the dearest part of
// sending; and what requests need is fetched from memory for all of them at once.
// Used by its io_context's thread alone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <sys/epoll.h>
#include <utility>
#include <vector>

#include <boost/asio/async_result.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "kv/base/asio_types.hpp"

#include "net/operation.hpp"
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

  // Whether a sweep is under way with other sockets still to come.
  bool is_amid_sweep() const { return !left_.empty(); }
  // Completes at the end of the sweep, or once kHeldMax wait for that. REQUIRES: is_amid_sweep().
  // Before each time that some do, what before_release() was given last is called.
  static constexpr std::size_t kHeldMax = 64;
  template <typename Token>
  auto async_hold(Token&& token) {
    return asio::async_initiate<Token, void(error_code)>(
        [this](auto handler) {
          held_.push_back(OperationOf<decltype(handler), error_code>::make(std::move(handler), io_.get_executor()));
        },
        token);
  }

  void before_release(std::function<void()> call) { before_release_ = std::move(call); }

  // Since the last call.
  WakeupLoad take_load() { return std::exchange(load_, {}); }

 private:
  static constexpr std::size_t kEventsMax = 128;

  void wait();
  void sweep();
  void release_held();

  asio::io_context& io_;
  asio::posix::basic_stream_descriptor<Executor> epoll_;
  std::array<epoll_event, kEventsMax> events_;
  std::span<epoll_event> left_;  // of the sweep that is under way
  std::vector<PendingOperation<error_code>> held_;
  std::vector<PendingOperation<error_code>> released_;  // of which some may be held again meanwhile
  std::function<void()> before_release_ = [] {};
  WakeupLoad load_;
};

}  // namespace kv::net
