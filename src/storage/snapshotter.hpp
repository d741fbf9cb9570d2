// Takes snapshots while the server serves: when they are due and when somebody asks; and gives up what they replace.
//
//    S = the next number     walk all shards, a few entries under one hold of a lock     E = the last number
//    ────────┬───────────────────────────────────────────────────────────────────────────────────┬────────▶ log
//            └─ from here on the log is needed beside the snapshot; its footer says through where ┘
//
// What changes during the walk may show in the snapshot or not: the log from S on has it, and records are outcomes. The
// thread takes a share of one processor only, so that a snapshot is long rather than felt.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "kv/base/clock.hpp"
#include "kv/base/result.hpp"
#include "kv/engine/engine.hpp"
#include "kv/storage/options.hpp"

#include "storage/directory.hpp"
#include "storage/snapshot_format.hpp"
#include "storage/wal.hpp"

namespace kv::storage {

class Snapshotter {
 public:
  // All must outlive this object.
  Snapshotter(const DataDirectory& directory, const Options& options, engine::Engine& engine, const Clock& clock,
              Wal& wal);
  ~Snapshotter();
  Snapshotter(const Snapshotter&) = delete;
  Snapshotter& operator=(const Snapshotter&) = delete;

  // The snapshot that recovery loaded, as if it had been taken here. REQUIRES: before start().
  void note_existing(Lsn start, UnixMillis created, std::uint64_t bytes);

  void start();
  // Ends a snapshot that is under way, without a file; whoever waits for one is told so. Thread-safe.
  void stop();

  // A snapshot, and where `backup_folder` isn't empty a backup. `done` is told once when it was finished, by the clock,
  // from the snapshot thread. All who ask before one begins share it. Thread-safe.
  using Done = std::function<void(Result<UnixMillis>)>;
  void request(const std::string& backup_folder, Done done);

  // The steps, for a test. REQUIRES: not started
  // -----------------------------------------------------------------------

  // Whether one is to be taken though nobody asks.
  bool is_due() const;
  // Takes one now, on the caller's thread, and gives up what it replaces.
  Result<SnapshotInfo> take();

  struct Status {
    bool running = false;
    UnixMillis last_at = 0;  // 0: none yet
    Lsn last_start = kNoLsn;
    std::uint64_t last_bytes = 0;
    std::optional<std::chrono::milliseconds> last_took;  // nothing: it wasn't taken by this process
    std::string last_error;                              // empty where the last attempt was good
  };
  Status status() const;

 private:
  struct Request {
    std::string backup_folder;
    Done done;
  };

  void run();
  bool is_room_running_out(std::uint64_t written) const;
  Result<SnapshotInfo> write();
  Result<void> compact();
  Result<void> remove(const std::string& name);
  Result<UnixMillis> serve(const std::string& backup_folder, const Result<SnapshotInfo>& taken);
  bool pause(std::chrono::steady_clock::duration worked);

  const DataDirectory& directory_;
  const Options options_;
  engine::Engine& engine_;
  const Clock& clock_;
  Wal& wal_;

  std::chrono::steady_clock::time_point last_attempt_ = std::chrono::steady_clock::now();
  bool attempted_ = false;
  Lsn changes_before_;              // the last record when the last snapshot began
  std::uint64_t wal_bytes_before_;  // what the log had written then

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> requests_;
  std::atomic<bool> stopping_{false};
  Status status_;
  std::thread thread_;
};

}  // namespace kv::storage
