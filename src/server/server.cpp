#include "server/server.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "kv/observability/log.hpp"

namespace kv::server {
namespace {

sigset_t awaited_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// Returns the first signal that is not SIGHUP.
int wait_for_end() {
  const sigset_t awaited = awaited_signals();
  while (true) {
    int signal = 0;
    if (sigwait(&awaited, &signal) != 0) continue;
    if (signal != SIGHUP) return signal;
    log::info("reopening the log");
    log::reopen();
  }
}

// With the default disposition back, the next signal ends the process.
void let_signals_through() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_UNBLOCK, &ending, nullptr);
}

net::NetworkOptions network_options(const Options& options) {
  net::NetworkOptions network;
  network.threads = options.threads;
  network.payload_bytes_max = options.payload_bytes_max;
  network.connections_max = options.connections_max;
  network.request_timeout = options.request_timeout;
  network.idle_timeout = options.idle_timeout;
  network.tcp_keepalive = std::chrono::duration_cast<std::chrono::seconds>(options.tcp_keepalive);
  return network;
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address.starts_with("[::1]:");
}

}  // namespace

Server::Server(const Options& options)
    : options_(options),
      engine_({.shards = static_cast<std::uint32_t>(options.shards)}),
      dispatcher_({.engine = engine_,
                   .clock = clock_,
                   .counters = counters_,
                   .administration = *this,
                   .limits = {options.payload_bytes_max, options.key_bytes_max}}),
      network_(network_options(options), dispatcher_, clock_, counters_) {}

Result<void> Server::listen() {
  for (const Address& bind : options_.binds) {
    if (auto listening = network_.listen(bind.host, bind.port); !listening) return listening;
  }
  return {};
}

bool Server::run() {
  engine::Sweeper sweeper(engine_, clock_);
  network_.start();
  log::info("kv-server is up", {{"version", KV_VERSION},
                                {"shards", options_.shards},
                                {"threads", options_.threads},
                                {"max_connections", options_.connections_max}});
  for (const std::string& address : network_.listeners()) {
    log::info("listening on " + address);
    if (!is_loopback(address)) {
      log::warn("NOT PROTECTED: anybody who reaches this address may read and change everything",
                {{"address", address}});
    }
  }
  const int signal = wait_for_end();
  log::info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  let_signals_through();
  const bool ended = network_.stop();
  log::info(ended ? "stopped" : "stopped before a long request was done");
  return ended;
}

command::ServerState Server::state() const {
  const auto uptime = std::chrono::steady_clock::now() - started_;
  return {
      .version = KV_VERSION,
      .listeners = network_.listeners(),
      .threads = static_cast<std::uint32_t>(options_.threads),
      .uptime_ms = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(uptime).count()),
      .connections = network_.connections(),
      .connections_max = options_.connections_max};
}

command::PersistenceState Server::persistence() const {
  return {};
}

void Server::take_snapshot(const std::string&, std::function<void(Result<UnixMillis>)> done) {
  done(Error{Errc::kInternal, "nothing is kept on disk"});
}

void block_signals() {
  const sigset_t awaited = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &awaited, nullptr);
  // A peer, or a reader of the log, that has gone is an error code, not the end.
  signal(SIGPIPE, SIG_IGN);
}

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace kv::server
