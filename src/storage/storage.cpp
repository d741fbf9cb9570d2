#include "kv/storage/storage.hpp"

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "kv/base/assert.hpp"
#include "kv/observability/log.hpp"

#include "storage/backup.hpp"
#include "storage/directory.hpp"
#include "storage/recovery.hpp"
#include "storage/snapshotter.hpp"
#include "storage/wal.hpp"

namespace kv::storage {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

struct Storage::State {
  State(const Options& o, DataDirectory d) : options(o), directory(std::move(d)) {}

  Options options;
  DataDirectory directory;
  std::optional<Recovered> recovered;
  milliseconds recovery_took{0};
  std::vector<std::function<void()>> listeners;  // until there is a log to tell them of
  std::unique_ptr<Wal> wal;
  std::optional<Snapshotter> snapshotter;
  std::mutex read_only_mutex;
  std::atomic<bool> read_only{false};
  bool stopped = false;
};

Storage::Storage(std::unique_ptr<State> state) : state_(std::move(state)) {}
Storage::~Storage() {
  if (state_->wal != nullptr && !state_->stopped) static_cast<void>(stop());
}

Result<std::unique_ptr<Storage>> Storage::open(const Options& options) {
  auto directory = DataDirectory::open(posix_file_system(), options.directory);
  if (!directory) return directory.error();
  return std::unique_ptr<Storage>(new Storage(std::unique_ptr<State>(new State(options, *std::move(directory)))));
}

Result<void> Storage::restore(const std::string& backup, const std::string& directory) {
  const auto restored = storage::restore(posix_file_system(), backup, directory);
  if (!restored) return restored.error();
  log::info("restored a backup", {{"from", backup}, {"to", directory}, {"bytes", *restored}});
  return {};
}

Result<void> Storage::recover(engine::Engine& engine, unsigned threads) {
  const auto began = SteadyClock::now();
  const auto recovered = storage::recover(state_->directory, engine, threads);
  if (!recovered) return recovered.error();
  state_->recovered = *recovered;
  state_->recovery_took = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - began);
  log::info("recovered the data", {{"directory", state_->directory.path()},
                                   {"snapshot_entries", recovered->entries},
                                   {"log_records", recovered->records},
                                   {"ms", state_->recovery_took.count()}});
  return {};
}

Result<void> Storage::start(engine::Engine& engine, const Clock& clock) {
  KV_ASSERT(state_->recovered.has_value() && state_->wal == nullptr);
  const Options& options = state_->options;
  auto wal = Wal::open(state_->directory.files(), state_->directory.path(),
                       {options.fsync, options.fsync_interval, options.wal_segment_bytes}, state_->recovered->next);
  if (!wal) return wal.error();
  state_->wal = *std::move(wal);
  state_->wal->add_listener([state = state_.get()] {
    // Two threads may tell at once; what is stored last must be what is true.
    const std::lock_guard lock(state->read_only_mutex);
    state->read_only = state->wal->is_read_only();
  });
  for (auto& listener : state_->listeners) state_->wal->add_listener(std::move(listener));
  state_->read_only = state_->wal->is_read_only();
  state_->snapshotter.emplace(state_->directory, options, engine, clock, *state_->wal);
  const Recovered& recovered = *state_->recovered;
  if (recovered.snapshot != kNoLsn) {
    state_->snapshotter->note_existing(recovered.snapshot, recovered.snapshot_created, recovered.snapshot_bytes);
  }
  engine.set_mutation_sink(state_->wal.get());
  state_->wal->start();
  state_->snapshotter->start();
  return {};
}

Result<void> Storage::stop() {
  state_->stopped = true;
  state_->snapshotter->stop();
  return state_->wal->stop();
}

Lsn Storage::committed() const {
  return state_->wal->committed();
}
bool Storage::has_failed() const {
  return state_->wal->has_failed();
}
bool Storage::has_room() const {
  return state_->wal->has_room();
}
void Storage::hurry() {
  state_->wal->hurry();
}
const std::atomic<bool>& Storage::read_only() const {
  return state_->read_only;
}
void Storage::add_listener(std::function<void()> changed) {
  KV_ASSERT(state_->wal == nullptr);
  state_->listeners.push_back(std::move(changed));
}

void Storage::take_snapshot(const std::string& backup_folder, std::function<void(Result<UnixMillis>)> done) {
  state_->snapshotter->request(backup_folder, std::move(done));
}

UnixMillis Storage::last_snapshot_at() const {
  return state_->snapshotter->status().last_at;
}

Storage::Status Storage::status() const {
  const Wal::Status wal = state_->wal->status();
  const Snapshotter::Status snapshot = state_->snapshotter->status();
  Status status{.last = wal.last,
                .written = wal.written,
                .synced = wal.synced,
                .records = number(next(wal.last)) - number(state_->recovered->next),
                .queue_bytes = wal.queue_bytes,
                .fsyncs = wal.fsyncs,
                .fsync_last = wal.fsync_last,
                .fsync_longest = wal.fsync_longest,
                .fsync_durations = wal.fsync_durations,
                .read_only_reason = wal.read_only_reason,
                .snapshot_running = snapshot.running,
                .snapshot_at = snapshot.last_at,
                .snapshot_start = snapshot.last_start,
                .snapshot_bytes = snapshot.last_bytes,
                .snapshot_took = snapshot.last_took,
                .snapshot_error = snapshot.last_error,
                .recovered_entries = state_->recovered->entries,
                .recovered_records = state_->recovered->records,
                .recovery_took = state_->recovery_took};
  if (const auto segments = state_->directory.segments()) {
    status.wal_segments = segments->size();
    for (const Lsn first : *segments) {
      const auto file =
          state_->directory.files().open(state_->directory.segment_path(first), FileSystem::OpenMode::kRead);
      if (!file) continue;  // it has just been given up
      if (const auto size = (*file)->size()) status.wal_bytes += *size;
    }
  }
  if (const auto snapshots = state_->directory.snapshots()) status.snapshots = snapshots->size();
  return status;
}

}  // namespace kv::storage
