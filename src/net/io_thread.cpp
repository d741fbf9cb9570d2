#include "net/io_thread.hpp"

#include <exception>
#include <poll.h>
#include <pthread.h>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include "kv/observability/log.hpp"

#include "net/endpoint_text.hpp"

namespace kv::net {

using observability::Counter;

IoThread::IoThread(const SessionContext& context, std::atomic<std::size_t>& open, std::atomic<std::size_t>& refused)
    : context_(context),
      open_(open),
      refused_(refused),
      commits_(io_, context.commit_gate),
      announced_(context.handler) {
  poller_.before_release([this] { announced_.fetch(); });
}

void IoThread::start(std::size_t number) {
  last_sweep_ = SteadyClock::now();
  asio::co_spawn(io_, sweep_forever(), asio::detached);
  poller_.start();
  thread_ = std::thread([this, number] {
    pthread_setname_np(pthread_self(), ("kv-io-" + std::to_string(number)).c_str());
    io_.run();
  });
}

void IoThread::adopt(Socket socket, std::uint64_t id, Session::Tls tls, bool refused) {
  session_count_.fetch_add(1);
  asio::post(io_, [this, id, refused, tls = std::move(tls), taken = std::make_shared<Socket>(std::move(socket))] {
    error_code ignored;  // it has just been opened
    taken->non_blocking(true, ignored);
    protocol::Peer peer{.id = id, .address = endpoint_text(taken->remote_endpoint(ignored))};
    begin(taken->release(ignored), std::move(peer), tls, refused);
  });
}

// The one place, beside main, that catches everything: a session that fails takes nothing else down.
void IoThread::begin(int descriptor, protocol::Peer peer, Session::Tls tls, bool refused) {
  const auto session = std::make_shared<Session>(poller_, commits_, announced_, descriptor, std::move(peer),
                                                 std::move(tls), context_, SteadyClock::now());
  sessions_.push_back(*session);
  if (stopping_) session->stop();
  auto run = refused ? session->run_refused({Errc::kBusy, "too many connections"}) : session->run();
  asio::co_spawn(io_, std::move(run), [this, session, refused](const std::exception_ptr& fault) {
    if (fault) {
      try {
        std::rethrow_exception(fault);
      } catch (const std::exception& error) {
        log::error("a session failed", {{"error", error.what()}});
      }
    }
    session->unlink();
    (refused ? refused_ : open_).fetch_sub(1);
    context_.counters.add(Counter::kConnectionsClosed);
    session_count_.fetch_sub(1);
    if (stopping_) run_out();
  });
}

void IoThread::stop() {
  asio::post(io_, [this] {
    stopping_ = true;
    for (Session& session : sessions_) session.stop();
    run_out();
  });
}

// Lets the thread end once no session is left.
void IoThread::run_out() {
  if (session_count_.load() != 0) return;
  work_.reset();
  sweep_timer_.cancel();
  poller_.stop();
}

void IoThread::abort() {
  asio::post(io_, [this] {
    for (Session& session : sessions_) session.abort();
    commits_.abort();
  });
}

void IoThread::ask(std::function<void(Sessions&)> ask) {
  asio::post(io_, [this, ask = std::move(ask)] { ask(sessions_); });
}

Awaitable<void> IoThread::sweep_forever() {
  while (!stopping_ || session_count_.load() != 0) {
    sweep_timer_.expires_after(kSweepPeriod);
    co_await sweep_timer_.async_wait(kAwait);
    const auto now = SteadyClock::now();
    const auto late = now - last_sweep_.load() - kSweepPeriod;
    last_sweep_ = now;
    sweep(now, late > kSweepPeriod ? late : SteadyClock::duration::zero());
  }
  last_sweep_ = kNotRunning;
}

SteadyClock::duration IoThread::silence() const {
  const SteadyClock::time_point last = last_sweep_;
  return last == kNotRunning ? SteadyClock::duration::zero() : SteadyClock::now() - last;
}

void IoThread::sweep(SteadyClock::time_point now, SteadyClock::duration deaf) {
  for (Session& session : sessions_) session.sweep(now, deaf);
  notice_gone_peers();
  preemption_.adapt(poller_.take_load());
}

// A session that waits doesn't read, so it doesn't see its peer going; one call to poll() sees it for all of them.
void IoThread::notice_gone_peers() {
  std::vector<pollfd> watched;
  std::vector<Session*> waiting;
  for (Session& session : sessions_) {
    if (!session.waits_for_peer()) continue;
    watched.push_back({session.native_handle(), POLLRDHUP, 0});
    waiting.push_back(&session);
  }
  if (watched.empty() || ::poll(watched.data(), watched.size(), 0) <= 0) return;
  for (std::size_t i = 0; i < watched.size(); ++i) {
    if (watched[i].revents != 0) waiting[i]->peer_has_gone();
  }
}

}  // namespace kv::net
