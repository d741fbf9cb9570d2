#include "kv/net/network.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <iterator>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <sys/socket.h>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "kv/base/shared_mutex.hpp"
#include "kv/observability/log.hpp"

#include "net/io_thread.hpp"
#include "net/listener.hpp"
#include "net/session.hpp"

namespace kv::net {
namespace {

using observability::Counter;

constexpr std::size_t kHandshakeThreads = 2;

// The I/O threads, and some besides them, may all meet at one shard's lock.
static_assert(kThreadsMax + 64 <= SharedMutex::kThreadsMax);

// Options that fail to be set are no reason to refuse a connection.
void set_up(Socket& socket, std::chrono::seconds keepalive) {
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (keepalive.count() == 0) return;
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  const int idle = static_cast<int>(keepalive.count());
  const int interval = std::max(1, idle / 3);
  const int probes = 3;
  setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
  setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
  setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

}  // namespace

struct Network::State {
  State(const NetworkOptions& network_options, protocol::RequestHandler& handler, const Clock& clock,
        observability::Counters& counters, CommitGate* commit_gate, observability::Tracer* tracer)
      : options(network_options), limits(network_options), context{options,    limits,     handler,     clock,
                                                                   counters,   heavy_work, commit_gate, nullptr,
                                                                   handshakes, tracer} {
    for (std::size_t i = 0; i < options.threads; ++i) {
      threads.push_back(std::make_unique<IoThread>(context, open, refused));
    }
  }

  IoThread& next_thread() {
    last_thread = (last_thread + 1) % threads.size();
    return *threads[last_thread];
  }
  void take(Socket socket, const security::TlsIdentity* tls, IoThread& thread);
  bool has_sessions() const {
    for (const auto& thread : threads) {
      if (thread->sessions() != 0) return true;
    }
    return false;
  }
  bool sessions_end_within(SteadyClock::duration at_most) const {
    const auto deadline = SteadyClock::now() + at_most;
    while (has_sessions() && SteadyClock::now() < deadline) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return !has_sessions();
  }

  template <typename Answer>
  std::vector<Answer> ask_all(Answer (*question)(IoThread::Sessions& sessions, std::uint64_t id),
                              std::uint64_t id) const;

  const NetworkOptions options;
  LiveLimits limits;
  // Two threads, so that one request that takes a second doesn't hold up all others that are merely large.
  asio::thread_pool heavy_work{2};
  // Not the same ones, so that neither holds up the other.
  std::optional<asio::thread_pool> handshake_work;
  std::atomic<std::size_t> handshakes{0};  // that are under way
  SessionContext context;
  std::vector<std::unique_ptr<IoThread>> threads;
  struct Door {
    std::unique_ptr<Listener> listener;
    const security::TlsIdentity* tls;  // nullptr: none
  };
  std::vector<Door> doors;
  std::vector<std::string> addresses;
  std::uint64_t last_id = 0;            // used by the accepting thread only
  std::size_t last_thread = 0;          // used by the accepting thread only
  std::atomic<std::size_t> open{0};     // connections that are served
  std::atomic<std::size_t> refused{0};  // connections that are being told BUSY
  bool started = false;
  bool stopped = false;
};

// On the accepting thread. The socket already belongs to the io_context of `thread`.
void Network::State::take(Socket socket, const security::TlsIdentity* tls, IoThread& thread) {
  set_up(socket, limits.tcp_keepalive());
  const bool is_over = open.load() >= limits.connections_max();
  context.counters.add(is_over ? Counter::kConnectionsRefused : Counter::kConnectionsAccepted);
  if (is_over && refused.load() >= kRefusedConnectionsMax) return;  // closed without a word
  (is_over ? refused : open).fetch_add(1);
  thread.adopt(std::move(socket), ++last_id, tls == nullptr ? nullptr : tls->current(), is_over);
}

// What each thread answers, in no order. Those that don't in time are left alone with a question that nobody hears the
// answer to.
template <typename Answer>
std::vector<Answer> Network::State::ask_all(Answer (*question)(IoThread::Sessions& sessions, std::uint64_t id),
                                            std::uint64_t id) const {
  std::vector<std::future<Answer>> answers;
  for (const auto& thread : threads) {
    const auto promise = std::make_shared<std::promise<Answer>>();
    answers.push_back(promise->get_future());
    thread->ask([promise, question, id](IoThread::Sessions& sessions) { promise->set_value(question(sessions, id)); });
  }
  std::vector<Answer> in_time;
  const auto deadline = SteadyClock::now() + kAskThreadMax;
  for (std::future<Answer>& answer : answers) {
    if (answer.wait_until(deadline) == std::future_status::ready) in_time.push_back(answer.get());
  }
  return in_time;
}

Network::Network(const NetworkOptions& options, protocol::RequestHandler& handler, const Clock& clock,
                 observability::Counters& counters, CommitGate* commit_gate, observability::Tracer* tracer)
    : state_(std::make_unique<State>(options, handler, clock, counters, commit_gate, tracer)) {}

Network::~Network() {
  stop();
}

Result<void> Network::bind(const std::string& host, std::uint16_t port, const security::TlsIdentity* tls) {
  auto listener = std::make_unique<Listener>(state_->threads.front()->io());
  if (auto bound = listener->bind(host, port); !bound) return bound;
  state_->addresses.push_back(listener->address());
  state_->doors.push_back({std::move(listener), tls});
  if (tls != nullptr && !state_->handshake_work) {
    state_->context.handshake_work = &state_->handshake_work.emplace(kHandshakeThreads);
  }
  return {};
}

Result<void> Network::listen() {
  for (const State::Door& door : state_->doors) {
    if (auto listening = door.listener->listen(); !listening) return listening;
  }
  return {};
}

void Network::start() {
  state_->started = true;
  for (const State::Door& door : state_->doors) {
    const auto take = [this, tls = door.tls](Socket socket, IoThread& thread) {
      state_->take(std::move(socket), tls, thread);
    };
    asio::co_spawn(state_->threads.front()->io(),
                   door.listener->run([this]() -> IoThread& { return state_->next_thread(); }, take), asio::detached);
  }
  for (std::size_t i = 0; i < state_->threads.size(); ++i) state_->threads[i]->start(i);
}

bool Network::stop() {
  if (!state_->started || std::exchange(state_->stopped, true)) return true;
  // Nothing is accepted any more once this has run, so the threads can count their sessions down.
  std::atomic<bool> closed = false;
  asio::post(state_->threads.front()->io(), [&] {
    for (const State::Door& door : state_->doors) door.listener->close();
    closed = true;
    closed.notify_one();
  });
  closed.wait(false);
  for (const auto& thread : state_->threads) thread->stop();

  if (!state_->sessions_end_within(kShutdownMax)) {
    log::warn("cutting off connections that did not end in time", {{"connections", state_->open.load()}});
    for (const auto& thread : state_->threads) thread->abort();
    if (!state_->sessions_end_within(kCutOffMax)) return false;
  }
  for (const auto& thread : state_->threads) thread->join();
  state_->heavy_work.join();
  if (state_->handshake_work) state_->handshake_work->join();
  return true;
}

std::vector<std::string> Network::listeners() const {
  return state_->addresses;
}
void Network::set_limits(const NetworkLimits& limits) {
  state_->limits.set(limits);
}
std::size_t Network::connections() const {
  return state_->open.load();
}

std::chrono::milliseconds Network::silence() const {
  SteadyClock::duration longest{0};
  for (const auto& thread : state_->threads) longest = std::max(longest, thread->silence());
  return std::chrono::duration_cast<std::chrono::milliseconds>(longest);
}

std::vector<protocol::ConnectionInfo> Network::connection_list() const {
  const auto describe_all = [](IoThread::Sessions& sessions, std::uint64_t) {
    std::vector<protocol::ConnectionInfo> described;
    for (const Session& session : sessions) described.push_back(session.describe());
    return described;
  };
  std::vector<protocol::ConnectionInfo> all;
  for (auto& some : state_->ask_all<std::vector<protocol::ConnectionInfo>>(describe_all, 0)) {
    std::ranges::move(some, std::back_inserter(all));
  }
  std::ranges::sort(all, {}, &protocol::ConnectionInfo::id);
  return all;
}

bool Network::close_connection(std::uint64_t id) {
  const auto close = [](IoThread::Sessions& sessions, std::uint64_t wanted) -> int {
    const auto session = std::ranges::find(sessions, wanted, &Session::id);
    if (session == sessions.end()) return 0;
    session->abort();
    return 1;
  };
  const std::vector<int> closed = state_->ask_all<int>(close, id);
  return std::ranges::count(closed, 1) != 0;
}

}  // namespace kv::net
