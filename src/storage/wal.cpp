#include "storage/wal.hpp"

#include <algorithm>
#include <new>
#include <pthread.h>
#include <utility>

#include <boost/system/errc.hpp>

#include "kv/base/assert.hpp"
#include "kv/observability/log.hpp"

#include "storage/record.hpp"

namespace kv::storage {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// What nobody waits for (an expired entry that goes) is written at the latest after this long.
constexpr milliseconds kUnhurriedMax{100};
constexpr milliseconds kNoSpaceRetry{100};
// What a thread that serves sessions writes itself, at most; and how long it leaves it alone after a slow write.
constexpr std::size_t kAtOnceBytesMax = std::size_t{256} << 10;
constexpr milliseconds kAtOncePause{100};

SegmentWriterOptions segment_options(const Wal::Options& options) {
  return {.fill_bytes = options.fsync == FsyncPolicy::kAlways ? options.zeros_ahead_bytes : 0};
}

Error no_space() {
  return {Errc::kInternal, "no space is left for the log"};
}

bool is_lack_of_space(boost::system::error_code error) {
  return error == boost::system::errc::no_space_on_device || error.value() == EDQUOT;
}

}  // namespace

Result<std::unique_ptr<Wal>> Wal::open(FileSystem& files, const std::string& directory, const Options& options,
                                       Lsn next) {
  std::unique_ptr<Wal> wal(new Wal(files, directory, options, next));
  auto segment = wal->make_segment();
  if (segment) {
    wal->segment_ = *std::move(segment);
    return wal;
  }
  const std::string reason = "can't begin a log segment in " + directory + ": " + segment.error().message();
  if (!is_lack_of_space(segment.error())) return Error{Errc::kInternal, reason};
  wal->refuse_writes(reason);
  return wal;
}

Wal::Wal(FileSystem& files, std::string directory, const Options& options, Lsn next)
    : files_(files),
      directory_(std::move(directory)),
      options_(options),
      queue_(next),
      written_(number(next) - 1),
      synced_(number(next) - 1),
      committed_(number(next) - 1) {}

Wal::~Wal() {
  if (writer_.joinable()) static_cast<void>(stop());
}

Lsn Wal::record(std::span<const engine::Mutation> mutations) noexcept {
  try {
    return queue_.append(mutations);
  } catch (const std::bad_alloc&) {
    // It happened and isn't in the log, so from here on the log tells another story than the engine.
    fail("a change has found no memory in the log's queue", {});
    return Lsn{~std::uint64_t{0}};
  }
}

// Waiting -----------------------------------------------------------------------------------------------------------

void Wal::hurry() {
  if (write_at_once()) return;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(hurried_, true)) return;
  }
  work_.notify_one();
}

// To hand a group to the log's own thread costs two switches of threads. But who calls serves others too, which mustn't
// wait for a disk; so it writes itself only what the kernel will just copy: nothing large, nothing that has found no
// space, and not beside a sync. Once the kernel has taken long all the same, as it does when it wants pages written out
// first, the log's own thread has the next ones. False where that one has something to do.
bool Wal::write_at_once() {
  if (options_.fsync == FsyncPolicy::kAlways || syncing_.load() || queue_.bytes() > kAtOnceBytesMax) return false;
  const std::unique_lock writer(writer_mutex_, std::try_to_lock);
  if (!writer || failed_ || !segment_ || !in_hand_.empty()) return false;
  const auto before = SteadyClock::now();
  if (before < at_once_again_) return false;
  const Written written = write_queued();
  const auto after = SteadyClock::now();
  if (after - before > options_.at_once_max) at_once_again_ = after + kAtOncePause;
  return written != Written::kNoSpace && written != Written::kFailed && segment_->size() < options_.segment_bytes;
}

Result<void> Wal::sync_through(Lsn lsn) {
  while (true) {
    if (synced_.load() >= number(lsn)) return {};
    if (written_.load() >= number(lsn)) {
      if (const auto synced = sync(); !synced) return Error{Errc::kInternal, synced.error().message()};
      continue;
    }
    hurry();
    std::unique_lock lock(mutex_);
    progress_.wait_for(lock, kUnhurriedMax,
                       [&] { return written_.load() >= number(lsn) || read_only_ || writer_ended_; });
    // Who waited for room here would wait for a person: and the server could not even stop meanwhile.
    if (read_only_ && written_.load() < number(lsn)) return Error{Errc::kInternal, read_only_reason_};
    if (writer_ended_ && written_.load() < number(lsn)) return Error{Errc::kInternal, "the log has ended"};
  }
}

Result<Lsn> Wal::rotate() {
  std::unique_lock lock(mutex_);
  const std::uint64_t before = rotations_;
  rotation_asked_ = true;
  hurried_ = true;
  work_.notify_one();
  progress_.wait(lock, [&] { return rotations_ != before || failed_ || writer_ended_; });
  if (rotations_ == before) return Error{Errc::kInternal, "the log has ended"};
  return rotated_;
}

Wal::Status Wal::status() const {
  const std::lock_guard lock(mutex_);
  Status status = counts_;
  status.last = queue_.last();
  status.written = Lsn{written_.load()};
  status.synced = Lsn{synced_.load()};
  status.queue_bytes = queue_.bytes();
  status.read_only_reason = read_only_reason_;
  return status;
}

// The writer --------------------------------------------------------------------------------------------------------

void Wal::start() {
  writer_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "kv-wal");
    run_writer();
  });
  if (options_.fsync != FsyncPolicy::kInterval) return;
  syncer_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "kv-wal-sync");
    run_syncer();
  });
}

Result<void> Wal::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  stop_.notify_all();
  if (writer_.joinable()) writer_.join();
  if (syncer_.joinable()) syncer_.join();
  // Behind a group that had found no space, more may have come.
  while (write_group() == Written::kGroup) {
  }
  end_segment();
  const std::lock_guard lock(mutex_);
  // A full disk takes nothing away from who had nothing to write.
  if (!failed_ && Lsn{written_.load()} == queue_.last()) return {};
  return Error{Errc::kInternal, read_only_reason_};
}

// Syncs what stands in the log, also where there was no space for all that should. The mark tells the next start that
// it was synced.
void Wal::end_segment() {
  if (failed_ || !segment_) return;
  const std::lock_guard lock(segment_mutex_);
  auto ended = sync_locked();
  const auto mark = encode_mark(Lsn{synced_.load()});
  const ByteView piece(mark.data(), mark.size());
  if (ended) ended = segment_->append({&piece, 1});
  // The log is as good without it.
  if (!ended && is_lack_of_space(ended.error()) && synced_.load() == written_.load()) ended = {};
  if (ended) ended = segment_->close();
  if (!ended) fail("the log could not be ended", ended.error());
}

// False once the log is to end.
bool Wal::sleep(milliseconds at_most) {
  std::unique_lock lock(mutex_);
  stop_.wait_for(lock, at_most, [this] { return stopping_; });
  return !stopping_;
}

void Wal::run_writer() {
  for (bool go_on = true; go_on;) {
    {
      std::unique_lock lock(mutex_);
      work_.wait_for(lock, kUnhurriedMax, [this] { return hurried_ || stopping_; });
      hurried_ = false;
      go_on = !stopping_;
    }
    Written written = write_group();
    while (written == Written::kNoSpace && sleep(kNoSpaceRetry)) written = write_group();
    if (written == Written::kFailed) break;
  }
  {
    const std::lock_guard lock(mutex_);
    writer_ended_ = true;
  }
  tell();
}

Wal::Written Wal::write_group() {
  const std::lock_guard writer(writer_mutex_);
  if (failed_) return Written::kFailed;
  // Looked at before the queue is taken: what was queued when somebody asked is to stand in the segment that ends.
  const bool rotation_asked = is_rotation_asked();
  if (!segment_) {
    const Written begun = begin_segment();
    if (begun == Written::kNoSpace && rotation_asked) rotation_done(no_space());
    if (begun != Written::kNothing) return begun;
  }
  const bool had_found_no_space = !in_hand_.empty();
  const Written written = write_queued();
  if (written == Written::kNoSpace && rotation_asked) rotation_done(no_space());
  if (written == Written::kNoSpace || written == Written::kFailed) return written;
  // A group that had found no space isn't all that was queued then.
  return rotate_if_full(rotation_asked && !had_found_no_space) ? written : Written::kFailed;
}

Wal::Written Wal::write_queued() {
  const bool had_found_no_space = !in_hand_.empty();
  if (in_hand_.empty()) {
    in_hand_ = queue_.take();
    in_hand_is_sealed_ = false;
  }
  if (in_hand_.empty()) return Written::kNothing;
  const Written written = write(in_hand_);
  if (written != Written::kGroup) return written;
  written_.store(number(in_hand_.last()));
  queue_.give_back(std::exchange(in_hand_, {}));
  if (options_.fsync == FsyncPolicy::kAlways && !sync()) return Written::kFailed;
  if (had_found_no_space) accept_writes();
  commit();
  return Written::kGroup;
}

Wal::Written Wal::write(WalQueue::Group& group) {
  if (!std::exchange(in_hand_is_sealed_, true)) group.seal();
  const auto mark = encode_mark(Lsn{synced_.load()});
  std::vector<ByteView> pieces{{mark.data(), mark.size()}};
  group.append_to(pieces);
  const auto appended = segment_->append(pieces);
  if (appended) {
    const std::lock_guard lock(mutex_);
    counts_.written_bytes += mark.size() + group.bytes();
    ++counts_.groups;
    return Written::kGroup;
  }
  if (is_lack_of_space(appended.error())) {
    refuse_writes("no space is left for the log: " + appended.error().message());
    return Written::kNoSpace;
  }
  fail("the log could not be written", appended.error());
  return Written::kFailed;
}

// Segments ----------------------------------------------------------------------------------------------------------

IoResult<SegmentWriter> Wal::make_segment() {
  return SegmentWriter::create(files_, directory_, next(Lsn{written_.load()}), segment_options(options_));
}

// The one that a start has found no room for; kNothing once there is one.
Wal::Written Wal::begin_segment() {
  auto segment = make_segment();
  if (!segment) {
    if (is_lack_of_space(segment.error())) return Written::kNoSpace;
    fail("can't begin a log segment in " + directory_, segment.error());
    return Written::kFailed;
  }
  {
    const std::lock_guard lock(segment_mutex_);
    segment_ = *std::move(segment);
  }
  accept_writes();
  tell();
  return Written::kNothing;
}

// False when the log has failed.
bool Wal::rotate_if_full(bool asked) {
  if (!asked && segment_->size() < options_.segment_bytes) return true;
  if (Lsn{written_.load()} < segment_->first()) {  // it has no record yet
    if (asked) rotation_done(Lsn{written_.load()});
    return true;
  }
  // The segment in use is on the disk before there is another one: only the newest may have a torn tail.
  if (!sync()) return false;
  auto following = make_segment();
  if (!following) {
    const Error error{Errc::kInternal, "can't begin a new log segment: " + following.error().message()};
    if (asked) rotation_done(error);
    if (is_lack_of_space(following.error())) {
      // The segment in use takes more meanwhile; the next group tries again.
      if (!asked) log::warn(error.message);
      return true;
    }
    fail("can't begin a new log segment", following.error());
    return false;
  }
  {
    const std::lock_guard lock(segment_mutex_);
    if (auto closed = segment_->close(); !closed) {
      fail("a log segment could not be ended", closed.error());
      return false;
    }
    segment_ = *std::move(following);
  }
  if (asked) rotation_done(Lsn{written_.load()});
  return true;
}

bool Wal::is_rotation_asked() const {
  const std::lock_guard lock(mutex_);
  return rotation_asked_;
}

void Wal::rotation_done(Result<Lsn> outcome) {
  {
    const std::lock_guard lock(mutex_);
    rotation_asked_ = false;
    rotated_ = std::move(outcome);
    ++rotations_;
  }
  progress_.notify_all();
}

IoResult<void> Wal::sync() {
  const std::lock_guard lock(segment_mutex_);
  auto synced = sync_locked();
  if (!synced) fail("the log could not be synced", synced.error());
  return synced;
}

IoResult<void> Wal::sync_locked() {
  if (failed_) return boost::system::error_code(EIO, boost::system::system_category());
  const std::uint64_t written = written_.load();
  if (written == synced_.load()) return {};
  const auto before = SteadyClock::now();
  syncing_.store(true);
  const auto synced = segment_->sync();
  syncing_.store(false);
  if (!synced) return synced;
  synced_.store(written);
  const auto duration = SteadyClock::now() - before;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(duration);
  const std::lock_guard lock(mutex_);
  counts_.fsync_durations.add(duration);
  ++counts_.fsyncs;
  counts_.fsync_last = took;
  counts_.fsync_longest = std::max(counts_.fsync_longest, took);
  return {};
}

void Wal::run_syncer() {
  while (sleep(options_.fsync_interval)) {
    if (!sync()) return;
  }
}

// State -------------------------------------------------------------------------------------------------------------

void Wal::commit() {
  {
    // The log may have failed meanwhile, by a sync beside the writes; then nothing more is promised.
    const std::lock_guard lock(mutex_);
    if (failed_) return;
    committed_.store(options_.fsync == FsyncPolicy::kAlways ? synced_.load() : written_.load());
  }
  tell();
}

void Wal::refuse_writes(const std::string& reason) {
  {
    const std::lock_guard lock(mutex_);
    if (!read_only_reason_.empty()) return;
    read_only_reason_ = reason;
    read_only_ = true;
  }
  log::error("writes are refused until there is room", {{"reason", reason}});
  tell();
}

void Wal::accept_writes() {
  {
    // A log that has failed meanwhile stays so.
    const std::lock_guard lock(mutex_);
    if (failed_) return;
    read_only_reason_.clear();
    read_only_ = false;
  }
  log::info("there is room again, writes are taken");
}

void Wal::fail(const std::string& what, boost::system::error_code error) {
  const std::string reason = error ? what + ": " + error.message() : what;
  {
    const std::lock_guard lock(mutex_);
    if (failed_) return;
    read_only_reason_ = reason;
    failed_ = true;
    read_only_ = true;
  }
  log::error("writes are refused until a restart, and what was not yet answered never will be", {{"reason", reason}});
  tell();
}

void Wal::tell() {
  progress_.notify_all();
  for (const auto& listener : listeners_) listener();
}

}  // namespace kv::storage
