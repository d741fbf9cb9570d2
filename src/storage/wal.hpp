// The write-ahead log: makes the engine's mutations durable, in the order of their numbers.
//
//    engine ──record()──▶ queue ──write_group()──▶ segment ──sync()──▶ disk
//              numbers             one write           one fsync
//              and copies          for all             for all
//
// Two threads work here, once they are started: one writes groups, and under `always` also syncs each; the other syncs
// every so often under `interval`, beside the writes. Where a group needs no sync, whoever waits for it writes it where
// that is quick. Without the threads a test takes the steps one by one.
//
// 1. A record is committed once it is as safe as the policy promises: synced under `always`, else in the kernel's
// hands.
//    Committed records are a prefix of all there are.
// 2. A segment is synced before the next one receives a record, so only the newest can have a torn tail.
// 3. Where space runs out the group in hand is tried again until it is written; writes are refused meanwhile. So it is
//    at a start that finds no room for a segment.
// 4. After any other failure it is unknown what is on the disk: nothing is written any more, what isn't committed never
//    will be, and writes are refused until a restart.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "kv/base/limits.hpp"
#include "kv/base/lsn.hpp"
#include "kv/base/result.hpp"
#include "kv/engine/mutation.hpp"
#include "kv/observability/histogram.hpp"
#include "kv/storage/options.hpp"

#include "storage/file_system.hpp"
#include "storage/segment.hpp"
#include "storage/wal_queue.hpp"

namespace kv::storage {

class Wal final : public engine::MutationSink {
 public:
  struct Options {
    FsyncPolicy fsync = FsyncPolicy::kInterval;
    std::chrono::milliseconds fsync_interval = kFsyncIntervalDefault;
    std::uint64_t segment_bytes = kWalSegmentBytesDefault;
    // Under `always` a segment is filled with so many zeros ahead, so that a sync has no new length of the file to
    // write down: measured on ext4, 123 µs instead of 226.
    std::uint64_t zeros_ahead_bytes = std::uint64_t{1} << 20;
    // A write by a thread that serves sessions that took longer than this leaves the next ones to the log's own thread
    // for a while.
    std::chrono::microseconds at_once_max{1'000};
  };
  // Begins a new segment in `directory`; its first record will have the number `next`. Everything before it is synced.
  // Where there is no room for the segment writes are refused, until write_group() has found some.
  static Result<std::unique_ptr<Wal>> open(FileSystem& files, const std::string& directory, const Options& options,
                                           Lsn next);
  // Stops, if stop() has not been called.
  ~Wal() override;
  Wal(const Wal&) = delete;
  Wal& operator=(const Wal&) = delete;

  // The engine's seam ------------------------------------------------------------------------------------------------
  Lsn record(std::span<const engine::Mutation> mutations) noexcept override;
  bool reads_depend_on_log() const override { return options_.fsync == FsyncPolicy::kAlways; }
  Lsn settled() const override { return committed(); }
  bool accepts_upkeep() const override { return has_room() && !is_read_only(); }

  // Whoever waits: all of it thread-safe ------------------------------------------------------------------------------
  Lsn committed() const { return Lsn{committed_.load()}; }
  bool has_failed() const { return failed_.load(); }
  // False while the queue is full. Where writes are refused anyway there is nothing to wait for.
  bool has_room() const { return queue_.bytes() < kWalQueueBytesMax || is_read_only(); }
  bool is_read_only() const { return read_only_.load(std::memory_order_relaxed); }
  // Somebody waits for what is queued now. Where that will be quick it is written at once, by the thread that calls.
  void hurry();
  // `changed` is called, from the log's threads, after any of the above has changed. REQUIRES: before start().
  void add_listener(std::function<void()> changed) { listeners_.push_back(std::move(changed)); }

  Lsn last_lsn() const { return queue_.last(); }

  // Returns once every record up to `lsn` is synced, whatever the policy. Fails where that can't be, or not as long as
  // there is no space.
  Result<void> sync_through(Lsn lsn);
  // Ends the segment that is written to, once all that is queued now stands in it, so that it never changes again.
  // Returns the last number in it. Fails while there is no space.
  Result<Lsn> rotate();

  struct Status {
    Lsn last = kNoLsn, written = kNoLsn, synced = kNoLsn;
    std::size_t queue_bytes = 0;
    std::uint64_t written_bytes = 0;  // since the start
    std::uint64_t groups = 0;
    std::uint64_t fsyncs = 0;
    std::chrono::microseconds fsync_last{0};
    std::chrono::microseconds fsync_longest{0};
    observability::Distribution fsync_durations{};
    std::string read_only_reason;  // empty where writes are taken
  };
  Status status() const;

  // Threads, or steps -------------------------------------------------------------------------------------------------

  void start();
  // Writes and syncs what is queued and ends the threads. Records that come later are lost. Fails where the log could
  // not be written to its end.
  Result<void> stop();

  enum class Written { kNothing, kGroup, kNoSpace, kFailed };
  // Writes what is queued, or what the last call found no space for; under `always` it syncs too. Thread-safe.
  Written write_group();
  // Syncs what is written. Thread-safe.
  IoResult<void> sync();

 private:
  Wal(FileSystem& files, std::string directory, const Options& options, Lsn next);

  void run_writer();
  void run_syncer();
  IoResult<SegmentWriter> make_segment();
  Written begin_segment();
  bool write_at_once();
  Written write_queued();
  Written write(WalQueue::Group& group);
  bool rotate_if_full(bool asked);
  bool is_rotation_asked() const;
  void rotation_done(Result<Lsn> outcome);
  IoResult<void> sync_locked();
  void commit();
  void refuse_writes(const std::string& reason);
  void accept_writes();
  void fail(const std::string& what, boost::system::error_code error);
  void tell();
  bool sleep(std::chrono::milliseconds at_most);
  void end_segment();

  FileSystem& files_;
  const std::string directory_;
  const Options options_;
  WalQueue queue_;
  std::vector<std::function<void()>> listeners_;

  std::atomic<std::uint64_t> written_;
  std::atomic<std::uint64_t> synced_;
  std::atomic<std::uint64_t> committed_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> read_only_{false};

  // Who writes holds it, and so owns what follows.
  std::mutex writer_mutex_;
  WalQueue::Group in_hand_;  // what is being written, or found no space
  bool in_hand_is_sealed_ = false;
  std::chrono::steady_clock::time_point at_once_again_{};  // until then only the log's own thread writes

  std::atomic<bool> syncing_{false};
  std::mutex segment_mutex_;              // held over a sync, and while one segment follows another
  std::optional<SegmentWriter> segment_;  // none as long as a start has found no room for one

  mutable std::mutex mutex_;
  std::condition_variable work_;      // for the writer: hurried_, stopping_
  std::condition_variable stop_;      // for who sleeps between two tries: stopping_
  std::condition_variable progress_;  // for sync_through() and rotate()
  bool hurried_ = false;
  bool stopping_ = false;
  bool writer_ended_ = false;
  bool rotation_asked_ = false;
  std::uint64_t rotations_ = 0;   // that were asked for, successful or not
  Result<Lsn> rotated_ = kNoLsn;  // the outcome of the last one
  std::string read_only_reason_;
  Status counts_;

  std::thread writer_;
  std::thread syncer_;
};

}  // namespace kv::storage
