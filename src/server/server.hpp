// The server: builds the rooms, wires them, runs them until a signal says to stop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kv/admin/http_listener.hpp"
#include "kv/base/clock.hpp"
#include "kv/base/result.hpp"
#include "kv/command/administration.hpp"
#include "kv/command/dispatcher.hpp"
#include "kv/command/slow_log.hpp"
#include "kv/engine/engine.hpp"
#include "kv/engine/memory_limit.hpp"
#include "kv/engine/sweeper.hpp"
#include "kv/net/network.hpp"
#include "kv/observability/counters.hpp"
#include "kv/security/authenticator.hpp"
#include "kv/security/users.hpp"
#include "kv/storage/storage.hpp"

#include "server/health.hpp"
#include "server/live_settings.hpp"
#include "server/options.hpp"
#include "server/service_manager.hpp"
#include "server/storage_gate.hpp"
#include "server/tls_watch.hpp"

namespace kv::server {

class Server final : public command::Administration {
 public:
  // `storage`, opened and no more, keeps the data; nullptr: it is in memory alone. `users` are who may come in.
  Server(const Options& options, std::unique_ptr<storage::Storage> storage, std::unique_ptr<security::Users> users);
  ~Server() override;

  // The order of a start: bind, recover, listen, run. All fail with a sentence that says what is wrong.

  // Reads the TLS files, and takes every address, so that one that isn't free is known at once. Nobody can connect yet,
  // but for the admin listener, which serves from now on.
  Result<void> bind();

  // Brings back what the storage has, and begins to log. The sentence also says what to do.
  Result<void> recover();

  // Lets connections in; they are served from run() on.
  Result<void> listen();

  // Serves until SIGTERM or SIGINT, then answers what has been received and closes; a second signal ends the process at
  // once. SIGHUP reopens the log and reads the TLS files and the users anew. False when a request that can't be
  // interrupted still runs: then the process has to end without destroying this object. REQUIRES: block_signals() was
  // called before any thread was started; listen() was successful.
  bool run();

  // What /metrics says. From any thread.
  std::string metrics() const;

  command::ServerState state() const override;
  command::PersistenceState persistence() const override;
  std::vector<protocol::ConnectionInfo> connections() const override { return network_.connection_list(); }
  bool close_connection(std::uint64_t id) override { return network_.close_connection(id); }
  std::vector<command::Setting> settings() const override { return settings_.list(); }
  Result<void> change_settings(std::span<const command::SettingChange> changes, const command::Asker& by) override;
  void take_snapshot(const std::string& backup_folder, std::function<void(Result<UnixMillis>)> done) override;

 private:
  // Evicts what is over the memory limit, and says so.
  void fit_into_memory();
  Result<void> open_admin();
  Health::Sources health_sources() const;
  int wait_for_end();
  int wait_for_signal() const;
  void tell_watchdog() const;
  command::TlsState tls_state() const;
  void reload_users();
  bool is_tls(std::size_t listener) const { return listener >= plain_listeners_; }
  bool is_protected(std::size_t listener, const std::string& address) const;

  // Makes the options that may change while the server runs what they are in `to`.
  Result<void> apply(const Options& from, const Options& to);

  const Options options_;  // as it was started
  LiveSettings settings_{options_};
  SystemClock clock_;
  const UnixMillis started_ = clock_.now();
  observability::Counters counters_;
  engine::Engine engine_;
  const std::unique_ptr<security::Users> users_;
  const std::unique_ptr<engine::MemoryLimit> memory_;  // nullptr: there is none
  const std::unique_ptr<storage::Storage> storage_;
  std::optional<StorageGate> gate_;
  security::Authenticator authenticator_;
  command::SlowLog slow_log_;
  command::Dispatcher dispatcher_;
  const std::unique_ptr<observability::Tracer> tracer_;  // nullptr: nothing is traced
  std::unique_ptr<TlsWatch> tls_;                        // nullptr: nobody speaks TLS
  std::size_t plain_listeners_ = 0;                      // the first so many are; the others speak TLS
  net::Network network_;
  Health health_;
  const ServiceManager service_manager_ = ServiceManager::from_environment();
  std::unique_ptr<admin::HttpListener> admin_;  // nullptr: there is none
};

// The storage that the options ask for, with a backup restored first where they say so; nullptr: data is to be kept in
// memory alone.
Result<std::unique_ptr<storage::Storage>> open_storage(const Options& options);

// From here on SIGTERM, SIGINT and SIGHUP wait until Server::run() takes them.
void block_signals();

}  // namespace kv::server
