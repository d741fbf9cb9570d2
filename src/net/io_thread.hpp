// One I/O thread: an io_context, the sessions that live on it, and one coarse look at all their time limits every
// kSweepPeriod, instead of a timer for each.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/intrusive/list.hpp>

#include "kv/base/asio_types.hpp"

#include "net/announced.hpp"
#include "net/commit_line.hpp"
#include "net/poller.hpp"
#include "net/session.hpp"
#include "net/wakeup_preemption.hpp"

namespace kv::net {

class IoThread {
 public:
  // `open` counts the sessions of all threads that are served, not refused.
  IoThread(const SessionContext& context, std::atomic<std::size_t>& open, std::atomic<std::size_t>& refused);

  asio::io_context& io() { return io_; }
  void start(std::size_t number);

  // Thread-safe: takes a connection over, which is known as `id` and speaks `tls` where that isn't nullptr. A `refused`
  // one is only told BUSY. The caller has counted it.
  void adopt(Socket socket, std::uint64_t id, Session::Tls tls, bool refused);
  // Thread-safe: every session answers what it has received, and ends; then the thread ends.
  void stop();
  // Thread-safe: cuts off every session.
  void abort();
  // Thread-safe: has `ask` run on this thread, with all of its sessions.
  using Sessions = boost::intrusive::list<Session, boost::intrusive::constant_time_size<false>>;
  void ask(std::function<void(Sessions&)> ask);
  void join() { thread_.join(); }
  // Sessions of any kind on this thread. Thread-safe.
  std::size_t sessions() const { return session_count_.load(); }
  // How long ago it last came round to its timers; 0 while it isn't running. Thread-safe.
  SteadyClock::duration silence() const;

 private:
  Awaitable<void> sweep_forever();
  // `deaf`: for how long the thread, or the whole machine, stood still before, and heard nobody.
  void sweep(SteadyClock::time_point now, SteadyClock::duration deaf);
  void notice_gone_peers();
  void begin(int descriptor, protocol::Peer peer, Session::Tls tls, bool refused);
  void run_out();

  const SessionContext& context_;
  std::atomic<std::size_t>& open_;
  std::atomic<std::size_t>& refused_;
  asio::io_context io_{1};  // one thread runs it; others may still post to it
  asio::executor_work_guard<Executor> work_{io_.get_executor()};
  Timer sweep_timer_{io_};
  Poller poller_{io_};
  WakeupPreemption preemption_;
  CommitLine commits_;
  Announced announced_;
  Sessions sessions_;
  std::atomic<std::size_t> session_count_{0};
  static constexpr SteadyClock::time_point kNotRunning = SteadyClock::time_point::max();
  std::atomic<SteadyClock::time_point> last_sweep_ = kNotRunning;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace kv::net
