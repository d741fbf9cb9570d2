#include "server/server.hpp"

#include <algorithm>
#include <cerrno>
#include <pthread.h>
#include <signal.h>
#include <thread>

#include "kv/base/memory_account.hpp"
#include "kv/observability/log.hpp"

#include "server/admin_pages.hpp"
#include "server/file_limit.hpp"
#include "server/machine_memory.hpp"
#include "server/metrics.hpp"
#include "server/secrets.hpp"

namespace kv::server {
namespace {

sigset_t awaited_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// With the default disposition back, the next signal ends the process.
void let_signals_through() {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_UNBLOCK, &ending, nullptr);
}

net::NetworkLimits network_limits(const Options& options) {
  return {.connections_max = options.connections_max,
          .reply_backlog_max = options.reply_backlog_max,
          .request_timeout = options.request_timeout,
          .idle_timeout = options.idle_timeout,
          .reply_timeout = options.reply_timeout,
          .tcp_keepalive = std::chrono::duration_cast<std::chrono::seconds>(options.tcp_keepalive)};
}

net::NetworkOptions network_options(const Options& options) {
  net::NetworkOptions network{network_limits(options)};
  network.threads = options.threads;
  network.payload_bytes_max = options.payload_bytes_max;
  return network;
}

command::SlowLog::Settings slow_log_settings(const Options& options) {
  return {.threshold = options.slowlog_threshold, .length = options.slowlog_length};
}

engine::EvictionPolicy eviction(const Options& options) {
  if (options.memory_bytes_max == kMemoryUnlimited) return {};
  return engine::eviction_policy(options.eviction);
}

// REQUIRES: there is one.
std::uint64_t memory_limit(const Options& options) {
  const std::uint64_t wanted = options.memory_bytes_max;
  return wanted == kMemoryAuto ? available_memory() / 4 * 3 : wanted;
}

std::unique_ptr<engine::MemoryLimit> limit_memory(const Options& options, engine::Engine& engine,
                                                  const security::Users& users) {
  if (options.memory_bytes_max == kMemoryUnlimited) return nullptr;
  return std::make_unique<engine::MemoryLimit>(engine, memory_limit(options), engine::memory_of_this_process(),
                                               [&users] { return users.memory_to_check_passwords(); });
}

// What is set aside for passwords must leave as much as the smallest limit is.
Result<void> check_memory_limit(const Options& options, const security::Users& users) {
  if (options.memory_bytes_max == kMemoryUnlimited) return {};
  const std::uint64_t aside = users.memory_to_check_passwords();
  if (memory_limit(options) >= aside + kMemoryBytesMin) return {};
  constexpr std::uint64_t kMiB = 1U << 20;
  return Error{Errc::kArgument, "max-memory: with these users it must be at least " +
                                    std::to_string((aside + kMemoryBytesMin + kMiB - 1) / kMiB) +
                                    "MiB, as checking passwords may take " + std::to_string(aside / kMiB) +
                                    "MiB of it"};
}

std::unique_ptr<observability::Tracer> start_tracer(const Options& options) {
  if (options.trace_endpoint.empty()) return nullptr;
  log::info("tracing", {{"endpoint", options.trace_endpoint}});
  return observability::Tracer::start(
             {.endpoint = options.trace_endpoint, .ratio = options.trace_ratio, .version = KV_VERSION})
      .value();
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address.starts_with("[::1]:");
}

}  // namespace

Server::Server(const Options& options, std::unique_ptr<storage::Storage> storage,
               std::unique_ptr<security::Users> users)
    : options_(options),
      engine_({.shards = static_cast<std::uint32_t>(options.shards), .eviction = eviction(options)}),
      users_(std::move(users)),
      memory_(limit_memory(options, engine_, *users_)),
      storage_(std::move(storage)),
      gate_(storage_ == nullptr ? std::nullopt : std::optional<StorageGate>(*storage_)),
      authenticator_(*users_, clock_),
      slow_log_(slow_log_settings(options), {options.payload_bytes_max, options.key_bytes_max}, clock_),
      dispatcher_({.engine = engine_,
                   .clock = clock_,
                   .counters = counters_,
                   .administration = *this,
                   .users = *users_,
                   .authenticator = authenticator_,
                   .limits = {options.payload_bytes_max, options.key_bytes_max},
                   .read_only = storage_ == nullptr ? nullptr : &storage_->read_only(),
                   .memory = memory_.get(),
                   .slow_log = &slow_log_}),
      tracer_(start_tracer(options)),
      network_(network_options(options), dispatcher_, clock_, counters_, gate_ ? &*gate_ : nullptr, tracer_.get()),
      health_(health_sources()) {}

Server::~Server() = default;

Result<void> Server::bind() {
  if (auto fits = check_memory_limit(options_, *users_); !fits) return fits;
  if (options_.tls.enabled()) {
    auto tls = TlsWatch::open(options_.tls, clock_);
    if (!tls) return tls.error();
    tls_ = std::move(*tls);
  }
  for (const Address& bind : options_.binds) {
    if (bind.host.empty()) continue;
    if (auto bound = network_.bind(bind.host, bind.port); !bound) return bound;
    ++plain_listeners_;
  }
  for (const Address& bind : options_.tls.binds) {
    if (auto bound = network_.bind(bind.host, bind.port, &tls_->identity()); !bound) return bound;
  }
  return open_admin();
}

Health::Sources Server::health_sources() const {
  return {.silence = [this] { return network_.silence(); },
          .read_only_reason = [this] { return storage_ == nullptr ? "" : storage_->status().read_only_reason; }};
}

Result<void> Server::open_admin() {
  const Address& bind = options_.admin_bind;
  if (bind.host.empty()) return {};
  auto opened =
      admin::HttpListener::open(bind.host, bind.port, admin_pages(health_, [this] { return metrics(); }), clock_);
  if (!opened) return opened.error();
  admin_ = *std::move(opened);
  log::info("admin listening on " + admin_->address());
  if (!is_loopback(admin_->address())) {
    log::warn("NOT PROTECTED: anybody who reaches the admin address may see how the server is",
              {{"address", admin_->address()}});
  }
  return {};
}

Result<void> Server::recover() {
  if (storage_ == nullptr) return {};
  health_.enter(Health::Phase::kRecovering);
  service_manager_.tell("STATUS=recovering the data");
  log::info("recovering the data", {{"directory", options_.persistence.storage.directory}});
  if (auto recovered = storage_->recover(engine_, static_cast<unsigned>(available_processors())); !recovered) {
    return recovered;
  }
  if (auto started = storage_->start(engine_, clock_); !started) return started;
  if (memory_ != nullptr) fit_into_memory();
  return {};
}

void Server::fit_into_memory() {
  memory_->look(clock_.now());
  for (; memory_->is_over() && !engine_.accepts_upkeep(); memory_->look(clock_.now())) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const std::uint64_t limit = memory_->status().limit;
  if (const std::uint64_t evicted = engine_.usage().evicted_total; evicted != 0) {
    log::warn("more data than --max-memory allows: some was evicted", {{"evicted", evicted}, {"limit", limit}});
  }
  if (memory_->is_over()) {
    log::warn("over --max-memory: what needs memory is answered with OOM",
              {{"used", memory_->status().used}, {"limit", limit}});
  }
}

Result<void> Server::listen() {
  return network_.listen();
}

bool Server::run() {
  std::optional<engine::Sweeper> sweeper(std::in_place, engine_, clock_);
  std::optional<engine::MemoryKeeper> memory_keeper;
  if (memory_ != nullptr) memory_keeper.emplace(*memory_, clock_);
  check_file_limit(options_.connections_max, 0);
  network_.start();
  health_.enter(Health::Phase::kServing);
  service_manager_.tell("READY=1\nSTATUS=serving");
  const std::vector<std::string> listeners = network_.listeners();
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    log::info("listening on " + listeners[i], {{"tls", is_tls(i)}});
    if (!is_protected(i, listeners[i])) {
      log::warn("NOT PROTECTED: anybody who reaches this address may read and change everything",
                {{"address", listeners[i]}});
    }
  }
  log::info("kv-server is up", {{"version", KV_VERSION},
                                {"shards", options_.shards},
                                {"threads", options_.threads},
                                {"max_connections", options_.connections_max}});
  const int signal = wait_for_end();
  health_.enter(Health::Phase::kStopping);
  service_manager_.tell("STOPPING=1\nSTATUS=shutting down");
  log::info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  let_signals_through();
  const bool ended = network_.stop();
  sweeper.reset();
  memory_keeper.reset();
  if (storage_ != nullptr) {
    // Nobody is served any more, so what stands in the log now is all there is to keep.
    if (auto kept = storage_->stop(); !kept) log::error("not everything is kept", {{"reason", kept.error().message}});
  }
  log::info(ended ? "stopped" : "stopped before a long request was done");
  return ended;
}

// Who connects there is on this machine, or has to say who it is.
bool Server::is_protected(std::size_t listener, const std::string& address) const {
  const bool asks_for_certificate = is_tls(listener) && options_.tls.client_auth == security::ClientAuth::kRequire;
  return is_loopback(address) || asks_for_certificate || users_->need_authentication();
}

// Returns the first signal that is not SIGHUP. Until then it looks after what is to be looked after now and then.
int Server::wait_for_end() {
  while (true) {
    const int signal = wait_for_signal();
    const bool is_time = signal < 0 && errno == EAGAIN;
    tell_watchdog();
    if (signal == SIGHUP) {
      log::info("reopening the log");
      log::reopen();
      if (tls_ != nullptr) tls_->reload();
      reload_users();
    } else if (signal > 0) {
      return signal;
    } else if (tls_ != nullptr && is_time) {
      tls_->look();
    }
  }
}

// A signal; or -1 when it is time to look after something, or after nothing.
int Server::wait_for_signal() const {
  using std::chrono::nanoseconds;
  const sigset_t awaited = awaited_signals();
  nanoseconds period = service_manager_.watchdog_period();
  if (tls_ != nullptr && (period.count() == 0 || period > kTlsFilesPeriod)) period = kTlsFilesPeriod;
  if (period.count() == 0) return sigwaitinfo(&awaited, nullptr);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(period);
  const timespec time{seconds.count(), (period - seconds).count()};
  return sigtimedwait(&awaited, nullptr, &time);
}

// Who isn't alive falls silent, and so is started anew.
void Server::tell_watchdog() const {
  if (service_manager_.watchdog_period().count() == 0 || !health_.why_not_alive().empty()) return;
  service_manager_.tell("WATCHDOG=1");
}

command::TlsState Server::tls_state() const {
  if (tls_ == nullptr) return {};
  std::vector<std::string> listeners = network_.listeners();
  listeners.erase(listeners.begin(), listeners.begin() + static_cast<std::ptrdiff_t>(plain_listeners_));
  TlsWatch::Reloads reloads = tls_->reloads();
  return {.enabled = true,
          .listeners = std::move(listeners),
          .client_auth = std::string(security::kClientAuthNames[static_cast<std::size_t>(options_.tls.client_auth)]),
          .certificate_not_after = tls_->identity().current()->not_after(),
          .reloads = reloads.done,
          .last_reload_error = std::move(reloads.last_error)};
}

void Server::reload_users() {
  const bool has_users = users_->has_file() || !options_.access.password_file.empty();
  if (!has_users) return;
  if (auto read = read_users(options_.access, *users_); !read) {
    log::error("the users can't be read, so they stay as they were", {{"reason", read.error().message}});
  } else {
    log::info("the users were read again");
  }
}

command::ServerState Server::state() const {
  const std::vector<std::string> listeners = network_.listeners();
  bool all_protected = true;
  for (std::size_t i = 0; i < listeners.size(); ++i) all_protected = all_protected && is_protected(i, listeners[i]);
  const auto traced = tracer_ == nullptr ? observability::Tracer::Status{} : tracer_->status();
  return {.version = KV_VERSION,
          .listeners = listeners,
          .threads = static_cast<std::uint32_t>(options_.threads),
          .uptime_ms = clock_.now() - started_,
          .connections = network_.connections(),
          .connections_max = settings_.now().connections_max,
          .is_protected = all_protected,
          .spans_sent = traced.sent,
          .spans_dropped = traced.dropped,
          .tls = tls_state()};
}

command::PersistenceState Server::persistence() const {
  if (storage_ == nullptr) return {};
  storage::Storage::Status status = storage_->status();
  const auto us = [](std::chrono::microseconds time) { return static_cast<std::uint64_t>(time.count()); };
  const auto ms = [](std::chrono::milliseconds time) { return static_cast<std::uint64_t>(time.count()); };
  return {.enabled = true,
          .fsync = std::string(storage::kFsyncNames[static_cast<std::size_t>(options_.persistence.storage.fsync)]),
          .read_only = !status.read_only_reason.empty(),
          .read_only_reason = std::move(status.read_only_reason),
          .last_lsn = number(status.last),
          .written_lsn = number(status.written),
          .synced_lsn = number(status.synced),
          .records = status.records,
          .queue_bytes = status.queue_bytes,
          .wal_bytes = status.wal_bytes,
          .wal_segments = status.wal_segments,
          .fsyncs = status.fsyncs,
          .fsync_us_last = us(status.fsync_last),
          .fsync_us_max = us(status.fsync_longest),
          .fsync_durations = status.fsync_durations,
          .snapshot_running = status.snapshot_running,
          .snapshots = status.snapshots,
          .last_snapshot_at = status.snapshot_at,
          .last_snapshot_lsn = number(status.snapshot_start),
          .last_snapshot_bytes = status.snapshot_bytes,
          .last_snapshot_ms = status.snapshot_took ? std::optional(ms(*status.snapshot_took)) : std::nullopt,
          .last_snapshot_error = std::move(status.snapshot_error),
          .recovered_entries = status.recovered_entries,
          .recovered_records = status.recovered_records,
          .recovery_ms = ms(status.recovery_took)};
}

Result<void> Server::change_settings(std::span<const command::SettingChange> changes, const command::Asker& by) {
  return settings_.change(changes, by, [this](const Options& from, const Options& to) { return apply(from, to); });
}

// What can fail comes first.
Result<void> Server::apply(const Options& from, const Options& to) {
  const bool is_limited = memory_ != nullptr;
  if (is_limited && to.memory_bytes_max == kMemoryUnlimited) {
    return Error{Errc::kArgument, "max-memory can't be taken away while the server runs"};
  }
  if (auto fits = check_memory_limit(to, *users_); !fits) return fits;
  if (is_limited && to.eviction != from.eviction) engine_.set_eviction(eviction(to));
  if (is_limited && to.memory_bytes_max != from.memory_bytes_max) memory_->set_limit(memory_limit(to));
  network_.set_limits(network_limits(to));
  slow_log_.set(slow_log_settings(to));
  if (to.connections_max > from.connections_max) check_file_limit(to.connections_max, network_.connections());
  return {};
}

std::string Server::metrics() const {
  const bool is_recovered = health_.has_served();
  MetricFigures figures{
      .now = clock_.now(),
      .started = started_,
      .server = state(),
      .persistence = is_recovered ? persistence() : command::PersistenceState{.enabled = storage_ != nullptr},
      .is_recovered = is_recovered,
      .usage = engine_.usage(),
      .totals = counters_.totals(),
      .resident_bytes = memory::resident_bytes(),
      .cpu_time = cpu_time(),
      .log_lines_dropped = log::dropped_messages()};
  figures.is_ready = health_.why_not_ready().empty();
  if (memory_ != nullptr) figures.memory = memory_->status();
  return metrics_text(figures);
}

void Server::take_snapshot(const std::string& backup_folder, std::function<void(Result<UnixMillis>)> done) {
  storage_->take_snapshot(backup_folder, std::move(done));
}

Result<std::unique_ptr<storage::Storage>> open_storage(const Options& options) {
  // The record of an MSET is a little longer than its payload, and has to be one that a record's header can tell.
  constexpr std::size_t kLoggedPayloadMax = kPayloadBytesCeiling - (std::size_t{16} << 20);
  const auto& persistence = options.persistence;
  if (!persistence.enabled()) return std::unique_ptr<storage::Storage>();
  if (options.payload_bytes_max > kLoggedPayloadMax) {
    return Error{Errc::kArgument,
                 "--max-payload can be at most " + std::to_string(kLoggedPayloadMax) + " bytes with --data-dir"};
  }
  if (!persistence.restore_from.empty()) {
    auto restored = storage::Storage::restore(persistence.restore_from, persistence.storage.directory);
    if (!restored) return restored.error();
  }
  return storage::Storage::open(persistence.storage);
}

void block_signals() {
  const sigset_t awaited = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &awaited, nullptr);
  // A peer, or a reader of the log, that has gone is an error code, not the end.
  signal(SIGPIPE, SIG_IGN);
}

}  // namespace kv::server
