// Makes what the engine holds durable: a log of every change, snapshots, and recovery from both.
//
//    open() ─▶ recover() ─▶ start() ─▶ … record() and the gate, snapshots … ─▶ stop()
//
// The data directory belongs to one Storage from open() on until it is destroyed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kv/base/clock.hpp"
#include "kv/base/lsn.hpp"
#include "kv/base/result.hpp"
#include "kv/engine/engine.hpp"
#include "kv/engine/mutation.hpp"
#include "kv/observability/histogram.hpp"
#include "kv/storage/options.hpp"

namespace kv::storage {

class Storage {
 public:
  // Opens the data directory, which is made where it is missing. Fails with a sentence where another server uses it, or
  // where it isn't one that this version knows.
  static Result<std::unique_ptr<Storage>> open(const Options& options);
  // Fills the data directory, which must be empty or missing, from a backup.
  static Result<void> restore(const std::string& backup, const std::string& directory);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  // Fills the engine, which is empty and used by nobody else, with what the data directory holds, on so many threads.
  // Fails with a sentence that says what is wrong where, and what to do. Called once.
  Result<void> recover(engine::Engine& engine, unsigned threads);
  // From here on every change of `engine`, the one that was filled, is logged. Both must outlive stop(). Called once,
  // after recover(); listeners are added between the two.
  Result<void> start(engine::Engine& engine, const Clock& clock);
  // Ends a snapshot that is under way, writes and syncs the log. Nothing may change the engine any more. Fails where
  // not everything could be kept.
  Result<void> stop();

  // What replies wait for. Thread-safe, after start() ----------------------------------------------------------------

  // Up to here records are as safe as the policy promises.
  Lsn committed() const;
  // Nothing that isn't committed ever will be.
  bool has_failed() const;
  // False while the log's queue is full.
  bool has_room() const;
  // Somebody waits for what is queued now. What is quick to write is written before this returns.
  void hurry();
  // True while the disk is full or the log has failed: the engine must not be changed. Good from open() on.
  const std::atomic<bool>& read_only() const;
  // `changed` is called, from any thread, after one of these has changed; it must not block. REQUIRES: before start().
  void add_listener(std::function<void()> changed);

  // Snapshots. Thread-safe, after start() -----------------------------------------------------------------------------

  // Takes a snapshot, and where `backup_folder` isn't empty links it and its log there. `done` is told the time at
  // which it was finished, once, from a thread of the storage's.
  void take_snapshot(const std::string& backup_folder, std::function<void(Result<UnixMillis>)> done);

  struct Status {
    Lsn last = kNoLsn;
    Lsn written = kNoLsn;
    Lsn synced = kNoLsn;
    std::uint64_t records = 0;  // that the log was given since the start
    std::uint64_t queue_bytes = 0;
    std::uint64_t wal_bytes = 0;  // on the disk
    std::uint64_t wal_segments = 0;
    std::uint64_t fsyncs = 0;
    std::chrono::microseconds fsync_last{0};
    std::chrono::microseconds fsync_longest{0};
    observability::Distribution fsync_durations{};
    std::string read_only_reason;  // empty where writes are taken
    bool snapshot_running = false;
    std::uint64_t snapshots = 0;  // on the disk
    UnixMillis snapshot_at = 0;   // the last good one; 0: none
    Lsn snapshot_start = kNoLsn;
    std::uint64_t snapshot_bytes = 0;
    std::optional<std::chrono::milliseconds> snapshot_took;  // nothing: by another process, or there is none
    std::string snapshot_error;                              // of the last attempt
    std::uint64_t recovered_entries = 0;
    std::uint64_t recovered_records = 0;
    std::chrono::milliseconds recovery_took{0};
  };
  Status status() const;
  // When the last good snapshot was finished; 0: there is none.
  UnixMillis last_snapshot_at() const;

 private:
  struct State;
  explicit Storage(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kv::storage
