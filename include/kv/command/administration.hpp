// The seam through which commands ask the server about itself, and ask it to act: INFO, SNAPSHOT, CLIENT and others
// ask, the server room answers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/base/clock.hpp"
#include "kv/base/result.hpp"
#include "kv/observability/histogram.hpp"
#include "kv/protocol/connection_info.hpp"

namespace kv::command {

// INFO's section `tls`. Where it isn't enabled, everything else stays 0 and empty.
struct TlsState {
  bool enabled = false;
  std::vector<std::string> listeners{};  // HOST:PORT
  std::string client_auth{};             // none, optional or require
  UnixMillis certificate_not_after = 0;  // when the server's certificate ends
  std::uint64_t reloads = 0;             // of the files, that went well
  std::string last_reload_error{};       // empty where the last one went well
};

struct ServerState {
  std::string version;
  std::vector<std::string> listeners;  // HOST:PORT, those of TLS too
  std::uint32_t threads = 0;
  std::uint64_t uptime_ms = 0;
  std::uint64_t connections = 0;  // open now
  std::uint64_t connections_max = 0;
  bool is_protected = false;     // who can connect is on this machine, or has to authenticate
  std::uint64_t spans_sent = 0;  // to the collector of traces
  std::uint64_t spans_dropped = 0;
  TlsState tls{};
};

// INFO's section `persistence`. Where it isn't enabled, everything else stays 0 and empty.
struct PersistenceState {
  bool enabled = false;
  std::string fsync{};  // always, interval or never
  bool read_only = false;
  std::string read_only_reason{};  // a sentence for people

  // The log: what has been recorded, what the kernel has, what the disk has.
  std::uint64_t last_lsn = 0;
  std::uint64_t written_lsn = 0;
  std::uint64_t synced_lsn = 0;
  std::uint64_t records = 0;      // recorded since the start
  std::uint64_t queue_bytes = 0;  // recorded and not yet written
  std::uint64_t wal_bytes = 0;    // on disk
  std::uint64_t wal_segments = 0;
  std::uint64_t fsyncs = 0;
  std::uint64_t fsync_us_last = 0;
  std::uint64_t fsync_us_max = 0;
  observability::Distribution fsync_durations{};

  bool snapshot_running = false;
  std::uint64_t snapshots = 0;      // on disk
  UnixMillis last_snapshot_at = 0;  // when the newest good one was finished; 0: there is none
  std::uint64_t last_snapshot_lsn = 0;
  std::uint64_t last_snapshot_bytes = 0;
  std::optional<std::uint64_t> last_snapshot_ms{};  // how long it took; nothing: nobody knows any more
  std::string last_snapshot_error{};                // empty where the last attempt went well

  // The start.
  std::uint64_t recovered_entries = 0;
  std::uint64_t recovered_records = 0;
  std::uint64_t recovery_ms = 0;
};

// An option of the server, as it holds now.
struct Setting {
  std::string name{};
  std::vector<std::string> values{};  // as they are given; of a secret that there is: ***
  bool is_list = false;               // otherwise there is one value
  bool is_live = false;               // it may change while the server runs
};

// What a setting is to be. Good during the call that it is handed to.
struct SettingChange {
  ByteView name;
  ByteView value;
};

// Who asks for something that is noted in the log.
struct Asker {
  std::string user{};
  std::string address{};
};

class Administration {
 public:
  virtual ~Administration() = default;
  // Thread-safe.
  virtual ServerState state() const = 0;
  // Thread-safe.
  virtual PersistenceState persistence() const = 0;

  // Every connection, in the order of their ids. Takes a moment, so it is called beside the I/O threads. Thread-safe.
  virtual std::vector<protocol::ConnectionInfo> connections() const = 0;
  // Cuts a connection off; false where there is none with this id. Takes a moment, too. Thread-safe.
  virtual bool close_connection(std::uint64_t id) = 0;

  // Every option, in the order in which the server lists them. Thread-safe.
  virtual std::vector<Setting> settings() const = 0;
  // Changes all of these settings or none, and notes in the log who did. Fails with kArgument and a sentence that names
  // the setting; throws std::bad_alloc. May take a moment for each entry, so it is called beside the I/O threads.
  // Thread-safe.
  virtual Result<void> change_settings(std::span<const SettingChange> changes, const Asker& by) = 0;

  // Takes a snapshot, and where `backup_folder` isn't empty puts it there with the log that belongs to it. `done` gets
  // the time at which that was finished, or why it failed; it is called exactly once, from any thread, possibly before
  // this returns, and must not block. Doesn't block itself. Thread-safe. REQUIRES: persistence().enabled.
  virtual void take_snapshot(const std::string& backup_folder, std::function<void(Result<UnixMillis>)> done) = 0;
};

}  // namespace kv::command
