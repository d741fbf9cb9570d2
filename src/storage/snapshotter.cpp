#include "storage/snapshotter.hpp"

#include <algorithm>
#include <exception>
#include <pthread.h>
#include <utility>
#include <vector>

#include "kv/observability/log.hpp"

#include "storage/backup.hpp"
#include "storage/segment.hpp"
#include "storage/snapshot_writer.hpp"

namespace kv::storage {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr milliseconds kLookEvery{250};
// After each slice of work this many times as long is slept: a snapshot takes a fifth of a processor.
constexpr std::chrono::microseconds kSlice{500};
constexpr int kPausePerWork = 4;
constexpr std::size_t kStepEntries = 64;
static_assert(kStepEntries <= kSnapshotStepEntries);

Error stopped() {
  return {Errc::kInternal, "the server is stopping"};
}

}  // namespace

Snapshotter::Snapshotter(const DataDirectory& directory, const Options& options, engine::Engine& engine,
                         const Clock& clock, Wal& wal)
    : directory_(directory),
      options_(options),
      engine_(engine),
      clock_(clock),
      wal_(wal),
      changes_before_(wal.last_lsn()),
      wal_bytes_before_(wal.status().written_bytes) {}

Snapshotter::~Snapshotter() {
  stop();
}

void Snapshotter::note_existing(Lsn start, UnixMillis created, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  status_.last_at = created;
  status_.last_start = start;
  status_.last_bytes = bytes;
  // What was replayed is in no snapshot yet.
  changes_before_ = Lsn{number(start) - 1};
}

void Snapshotter::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "kv-snapshot");
    run();
  });
}

void Snapshotter::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  // Who asked between the thread's last look and its end, or before it began.
  std::deque<Request> asked;
  {
    const std::lock_guard lock(mutex_);
    asked = std::exchange(requests_, {});
  }
  for (const Request& request : asked) request.done(stopped());
}

void Snapshotter::request(const std::string& backup_folder, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_) {
      requests_.push_back({backup_folder, std::move(done)});
      changed_.notify_all();
      return;
    }
  }
  done(stopped());
}

Snapshotter::Status Snapshotter::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Snapshotter::run() {
  while (true) {
    std::deque<Request> asked;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kLookEvery, [this] { return stopping_ || !requests_.empty(); });
      asked = std::exchange(requests_, {});
    }
    if (stopping_) {
      for (const Request& request : asked) request.done(stopped());
      return;
    }
    if (asked.empty() && !is_due()) continue;
    const Result<SnapshotInfo> taken = take();
    for (const Request& request : asked) request.done(serve(request.backup_folder, taken));
  }
}

bool Snapshotter::is_due() const {
  const Lsn last = wal_.last_lsn();
  if (last == changes_before_ || wal_.is_read_only()) return false;
  const auto since = SteadyClock::now() - last_attempt_;
  if (attempted_ && since < options_.snapshot_pause) return false;
  if (options_.snapshot_interval.count() != 0 && since >= options_.snapshot_interval) return true;
  if (options_.snapshot_changes != 0 && number(last) - number(changes_before_) >= options_.snapshot_changes)
    return true;
  const std::uint64_t written = wal_.status().written_bytes - wal_bytes_before_;
  if (options_.snapshot_wal_bytes != 0 && written >= options_.snapshot_wal_bytes) return true;
  return is_room_running_out(written);
}

// Only snapshots let the log give room back, and they need some. Once the disk is full it is too late: what a snapshot
// shows has to be in the log as well. So one is due while there is still as much left as the log has taken.
bool Snapshotter::is_room_running_out(std::uint64_t written) const {
  const auto free = directory_.files().free_bytes(directory_.path());
  return free && *free <= written && *free > status().last_bytes;
}

Result<UnixMillis> Snapshotter::serve(const std::string& backup_folder, const Result<SnapshotInfo>& taken) {
  if (!taken) return taken.error();
  if (!backup_folder.empty()) {
    // The segment in use ends here, so that what is linked doesn't change any more.
    const auto last = wal_.rotate();
    if (!last) return last.error();
    if (auto backed_up = back_up(directory_, taken->start, *last, backup_folder); !backed_up) return backed_up.error();
    log::info("made a backup", {{"folder", backup_folder}});
  }
  return status().last_at;
}

Result<SnapshotInfo> Snapshotter::take() {
  last_attempt_ = SteadyClock::now();
  attempted_ = true;
  const Lsn last = wal_.last_lsn();
  const std::uint64_t wal_bytes = wal_.status().written_bytes;
  {
    const std::lock_guard lock(mutex_);
    status_.running = true;
  }
  log::info("taking a snapshot", {{"lsn", number(next(last))}});
  Result<SnapshotInfo> taken = [&]() -> Result<SnapshotInfo> {
    try {
      return write();
    } catch (const std::bad_alloc&) {
      return Error{Errc::kOutOfMemory, "no memory is left for a snapshot"};
    }
  }();
  const auto took = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - last_attempt_);
  {
    const std::lock_guard lock(mutex_);
    status_.running = false;
    status_.last_error = taken ? "" : taken.error().message;
    if (taken) {
      status_.last_at = clock_.now();
      status_.last_start = taken->start;
      status_.last_bytes = taken->file_bytes;
      status_.last_took = took;
    }
  }
  if (!taken) {
    if (!stopping_) log::error("no snapshot could be taken", {{"reason", taken.error().message}});
    return taken;
  }
  changes_before_ = last;
  wal_bytes_before_ = wal_bytes;
  log::info("took a snapshot", {{"entries", taken->entries}, {"bytes", taken->file_bytes}, {"ms", took.count()}});
  if (auto compacted = compact(); !compacted) {
    log::warn("old snapshots or log segments could not be removed", {{"reason", compacted.error().message}});
  }
  return taken;
}

Result<SnapshotInfo> Snapshotter::write() {
  const auto failed = [](boost::system::error_code error) {
    return Error{Errc::kInternal, "the snapshot could not be written: " + error.message()};
  };
  const Lsn start = next(wal_.last_lsn());
  const bool compresses = options_.snapshot_compression != 0;
  auto writer = SnapshotWriter::create(directory_.files(), directory_.path(), start,
                                       {.codec = compresses ? SnapshotCodec::kZstd : SnapshotCodec::kNone,
                                        .level = std::max(options_.snapshot_compression, 1),
                                        .created = clock_.now()});
  if (!writer) return failed(writer.error());
  engine::Engine::WalkCursor cursor;
  auto slice_began = SteadyClock::now();
  const auto yield = [&] {
    const auto worked = SteadyClock::now() - slice_began;
    if (worked < kSlice) return true;
    const bool go_on = pause(worked);
    slice_began = SteadyClock::now();
    return go_on;
  };
  const auto add = [&](const engine::Mutation& put) { (*writer)->add(put); };
  for (bool more = true; more;) {
    more = engine_.walk(cursor, kStepEntries, add);
    while ((*writer)->wants_flush()) {
      if (auto flushed = (*writer)->flush(); !flushed) return failed(flushed.error());
      if (!yield()) return stopped();
    }
    if (!yield()) return stopped();
  }
  const Lsn end = wal_.last_lsn();
  if (auto synced = wal_.sync_through(end); !synced) return synced.error();
  auto finished = (*writer)->finish(end, engine_.last_token());
  if (!finished) return failed(finished.error());
  return *finished;
}

// False once the server stops.
bool Snapshotter::pause(SteadyClock::duration worked) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, worked * kPausePerWork, [this] { return stopping_.load(); });
}

// The newest snapshots stay, and the log that the oldest of them needs. While there are fewer, all of the log stays: it
// takes the place of the older one.
Result<void> Snapshotter::compact() {
  auto snapshots = directory_.snapshots();
  if (!snapshots) return snapshots.error();
  if (snapshots->size() < kSnapshotsKept) return {};
  const auto kept = snapshots->end() - static_cast<std::ptrdiff_t>(kSnapshotsKept);
  for (auto old = snapshots->begin(); old != kept; ++old) {
    if (auto removed = remove(snapshot_name(*old)); !removed) return removed;
  }
  // A power cut must not bring a snapshot back without the log that it needs.
  if (auto synced = directory_.files().sync_directory(directory_.path()); !synced) {
    return Error{Errc::kInternal, directory_.path() + " can't be synced: " + synced.error().message()};
  }
  const auto segments = directory_.segments();
  if (!segments) return segments.error();
  for (std::size_t i = 0; i + 1 < segments->size() && (*segments)[i + 1] <= *kept; ++i) {
    if (auto removed = remove(segment_name((*segments)[i])); !removed) return removed;
  }
  return {};
}

Result<void> Snapshotter::remove(const std::string& name) {
  const auto removed = directory_.files().remove(directory_.path_of(name));
  if (removed) return {};
  return Error{Errc::kInternal, directory_.path_of(name) + ": " + removed.error().message()};
}

}  // namespace kv::storage
