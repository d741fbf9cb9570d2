#include "storage/recovery.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "kv/base/byte_buffer.hpp"
#include "kv/observability/log.hpp"

#include "storage/segment.hpp"
#include "storage/snapshot_reader.hpp"

namespace kv::storage {
namespace {

using engine::Mutation;
using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::seconds kProgressEvery{2};
// Records are collected up to here, and then applied by all threads together.
constexpr std::size_t kBatchBytes = std::size_t{8} << 20;
constexpr std::size_t kPrefetchKeys = 16;
constexpr const char* kBadSuffix = ".bad";
constexpr std::size_t kCopyBytes = std::size_t{1} << 20;

// Says how far it has come, now and then.
class Progress {
 public:
  void at(const char* what, std::uint64_t done, std::uint64_t all) {
    if (SteadyClock::now() < next_) return;
    next_ = SteadyClock::now() + kProgressEvery;
    log::info(what, {{"at", done}, {"of", all}});
  }

 private:
  SteadyClock::time_point next_ = SteadyClock::now() + kProgressEvery;
};

bool is_clear(ByteView body) {
  bool clear = false;
  static_cast<void>(for_each_mutation(body, [&](const Mutation& mutation) {
    if (mutation.kind == Mutation::Kind::kClear) clear = true;
  }));
  return clear;
}

// The records that are applied together. Bodies are copied, as the reader's go with its next record.
class Batch {
 public:
  Batch(engine::Engine& engine, unsigned threads) : engine_(engine), threads_(threads) {}

  // Fails where the record isn't one that we write.
  Result<void> add(ByteView body) {
    auto valid = for_each_mutation(body, [](const Mutation&) {});
    if (!valid) return valid;
    // A CLEAR concerns all keys, so nothing else may be applied beside it.
    const bool alone = is_clear(body);
    if (alone) apply();
    bodies_.push_back({bytes_.size(), body.size()});
    bytes_.append(body);
    if (alone || bytes_.size() >= kBatchBytes) alone ? apply_on_one() : apply();
    return {};
  }

  // Throws what any of the threads has thrown: there is nothing but std::bad_alloc.
  void apply() {
    std::vector<std::exception_ptr> faults(threads_);
    const auto apply_safely = [&](unsigned share) {
      try {
        apply_share(share);
      } catch (...) {
        faults[share] = std::current_exception();
      }
    };
    std::vector<std::thread> others;
    for (unsigned share = 1; share < threads_; ++share) others.emplace_back(apply_safely, share);
    apply_safely(0);
    for (std::thread& other : others) other.join();
    for (const std::exception_ptr& fault : faults) {
      if (fault) std::rethrow_exception(fault);
    }
    clear();
  }

 private:
  struct Piece {
    std::size_t offset;
    std::size_t size;
  };

  void apply_on_one() {
    for (const Piece& piece : bodies_) {
      static_cast<void>(for_each_mutation(body(piece), [&](const Mutation& mutation) { engine_.apply(mutation); }));
    }
    clear();
  }

  // The changes of the keys that are this thread's. A few are announced to the engine before they are applied.
  void apply_share(unsigned share) {
    std::array<Mutation, kPrefetchKeys> next;
    std::array<ByteView, kPrefetchKeys> keys;
    std::size_t count = 0;
    const auto apply_next = [&] {
      engine_.prefetch({keys.data(), count});
      for (std::size_t i = 0; i < count; ++i) engine_.apply(next[i]);
      count = 0;
    };
    for (const Piece& piece : bodies_) {
      static_cast<void>(for_each_mutation(body(piece), [&](const Mutation& mutation) {
        if (std::hash<ByteView>()(mutation.key) % threads_ != share) return;
        next[count] = mutation;
        keys[count] = mutation.key;
        if (++count == kPrefetchKeys) apply_next();
      }));
    }
    apply_next();
  }

  ByteView body(const Piece& piece) const { return bytes_.view().substr(piece.offset, piece.size); }
  void clear() {
    bytes_.clear();
    bodies_.clear();
  }

  engine::Engine& engine_;
  const unsigned threads_;
  ByteBuffer bytes_;
  std::vector<Piece> bodies_;
};

// How far a segment was on the disk for certain, by what its marks say.
class SyncedPart {
 public:
  // There was a mark at `offset`, behind the record `last`, that vouches for all records through `synced`.
  void at_mark(std::uint64_t offset, Lsn last, Lsn synced) {
    doubtful_.push_back({offset, last});
    for (; !doubtful_.empty() && doubtful_.front().last <= synced; doubtful_.pop_front()) {
      end_ = doubtful_.front().offset;
    }
  }
  std::uint64_t end() const { return end_; }

 private:
  struct Mark {
    std::uint64_t offset;
    Lsn last;
  };
  std::deque<Mark> doubtful_;
  std::uint64_t end_ = kSegmentHeaderBytes;  // a segment is made with its header synced
};

class Recovery {
 public:
  Recovery(const DataDirectory& directory, engine::Engine& engine, unsigned threads)
      : directory_(directory), engine_(engine), threads_(threads) {}

  Result<Recovered> run() {
    if (auto loaded = load_snapshot(); !loaded) return loaded.error();
    if (auto replayed = replay(); !replayed) return replayed.error();
    if (needed_through_ >= recovered_.next) {
      return Error{Errc::kInternal, "the log in " + directory_.path() + " ends before record " +
                                        std::to_string(number(needed_through_)) +
                                        ", which the snapshot needs: restore a backup"};
    }
    if (auto put_aside = put_bad_snapshots_aside(); !put_aside) return put_aside.error();
    return recovered_;
  }

 private:
  Result<void> load_snapshot() {
    auto starts = directory_.snapshots();
    if (!starts) return starts.error();
    std::string last_fault;
    for (auto start = starts->rbegin(); start != starts->rend(); ++start) {
      const auto loaded = try_snapshot(*start);
      if (loaded) return {};
      last_fault = loaded.error().message;
      log::warn("a snapshot can't be used, trying the one before", {{"reason", last_fault}});
      engine_.apply({.kind = Mutation::Kind::kClear});
      bad_snapshots_.push_back(*start);
    }
    if (starts->empty()) return {};
    // Without a snapshot everything has to be in the log.
    const auto segments = directory_.segments();
    if (!segments) return segments.error();
    if (!segments->empty() && segments->front() == Lsn{1}) return {};
    return Error{Errc::kInternal,
                 "no snapshot is good and the log doesn't go back to its beginning; restore a backup. " + last_fault};
  }

  // Under its name a bad snapshot would count as one of those that are kept, and the next ones would push good ones
  // out.
  Result<void> put_bad_snapshots_aside() {
    for (const Lsn start : bad_snapshots_) {
      const std::string path = directory_.path_of(snapshot_name(start));
      auto renamed = directory_.files().rename(path, path + kBadSuffix);
      if (renamed) renamed = directory_.files().sync_directory(directory_.path());
      if (!renamed) return cannot("renamed", path, renamed.error());
      log::warn("a bad snapshot was put aside", {{"file", path + kBadSuffix}});
    }
    return {};
  }

  Result<void> try_snapshot(Lsn start) {
    const auto reader = SnapshotReader::open(directory_.files(), directory_.path_of(snapshot_name(start)));
    if (!reader) return reader.error();
    const SnapshotInfo& info = reader->info();
    if (info.start != start) {
      return Error{Errc::kInternal, directory_.path_of(snapshot_name(start)) + " has the name of another snapshot"};
    }
    if (!reserved_) engine_.reserve(info.entries);
    reserved_ = true;
    Progress progress;
    const auto apply = [&](std::span<const Mutation> puts) {
      std::array<ByteView, kPrefetchKeys> keys;
      for (; !puts.empty(); puts = puts.subspan(std::min(puts.size(), kPrefetchKeys))) {
        const std::size_t count = std::min(puts.size(), kPrefetchKeys);
        for (std::size_t i = 0; i < count; ++i) keys[i] = puts[i].key;
        engine_.prefetch({keys.data(), count});
        for (std::size_t i = 0; i < count; ++i) engine_.apply(puts[i]);
      }
    };
    auto loaded = reader->load(
        threads_, apply, [&](std::uint64_t entries) { progress.at("loading the snapshot", entries, info.entries); });
    if (!loaded) return loaded;
    engine_.raise_last_token(info.highest_token);
    recovered_.snapshot = start;
    recovered_.snapshot_created = info.created;
    recovered_.snapshot_bytes = info.file_bytes;
    recovered_.entries = info.entries;
    recovered_.next = start;
    needed_through_ = info.end;
    return {};
  }

  Result<void> replay() {
    auto found = segments_with_records();
    if (!found) return found.error();
    const std::vector<Lsn>& segments = *found;
    // The last segment that begins at or before what is needed next.
    auto at = std::upper_bound(segments.begin(), segments.end(), recovered_.next);
    if (at == segments.begin()) {
      const bool is_log_needed = !segments.empty() || needed_through_ >= recovered_.next;
      if (is_log_needed) return lacks_records_before(next(recovered_.next), directory_.path());
    } else {
      --at;
    }
    Batch batch(engine_, threads_);
    Progress progress;
    for (; at != segments.end(); ++at) {
      const bool is_last = std::next(at) == segments.end();
      if (auto replayed = replay_segment(*at, is_last, batch, progress); !replayed) return replayed;
    }
    batch.apply();
    return remove_empty();
  }

  // The others are empty: each was made and then not written to, because the server ended, or because there was no room
  // for it, so that the one before it took more.
  Result<std::vector<Lsn>> segments_with_records() {
    auto segments = directory_.segments();
    if (!segments) return segments.error();
    for (const Lsn first : *segments) {
      const auto empty = is_empty(first);
      if (!empty) return empty.error();
      if (*empty) empty_.push_back(first);
    }
    std::erase_if(*segments, [&](Lsn first) { return std::ranges::binary_search(empty_, first); });
    return segments;
  }

  Result<bool> is_empty(Lsn first) {
    const std::string path = directory_.path_of(segment_name(first));
    auto reader = SegmentReader::open(directory_.files(), path, first);
    if (!reader) return reader.error();
    while (true) {
      Record record;
      const auto found = reader->next(record);
      if (!found) return found.error();
      if (!*found) break;
      if (record.type == RecordType::kChanges) return false;
    }
    if (!reader->damage()) return true;
    if (reader->damage()->kind != Damage::Kind::kHeader) return false;
    const auto was_written_to = was_synced(directory_.files(), path, *reader->damage());
    if (!was_written_to) return was_written_to.error();
    return !*was_written_to;
  }

  Result<void> replay_segment(Lsn first, bool is_last, Batch& batch, Progress& progress) {
    const std::string path = directory_.path_of(segment_name(first));
    // What comes first in a segment is one past the last of the segment before, or at most what is needed next.
    if (first > recovered_.next) return lacks_records_before(first, path);
    auto reader = SegmentReader::open(directory_.files(), path, first);
    if (!reader) return reader.error();
    SyncedPart synced;
    while (true) {
      Record record;
      const std::uint64_t offset = reader->offset();
      const auto found = reader->next(record);
      if (!found) return found.error();
      if (!*found) break;
      if (record.type == RecordType::kMark) synced.at_mark(offset, Lsn{number(reader->next_lsn()) - 1}, record.lsn);
      if (record.type != RecordType::kChanges || record.lsn < recovered_.next) continue;
      if (auto added = batch.add(record.body); !added) {
        return Error{Errc::kInternal, path + ", offset " + std::to_string(offset) + ": " + added.error().message};
      }
      recovered_.next = kv::next(record.lsn);
      ++recovered_.records;
      progress.at("replaying the log", number(record.lsn), 0);
    }
    if (reader->damage()) {
      if (auto cut = cut_torn_tail(path, is_last, *reader->damage()); !cut) return cut;
    }
    if (!is_last) return {};
    // Without a record it would be in the way of the next one, which begins with the same.
    if (reader->next_lsn() == first) {
      empty_.push_back(first);
      return {};
    }
    return write_again(path, synced.end());
  }

  // All before the first record of a segment had been synced when that was made, also where it never got one.
  Result<void> remove_empty() {
    if (empty_.empty()) return {};
    for (const Lsn first : empty_) {
      const std::string path = directory_.path_of(segment_name(first));
      if (first > recovered_.next) return lacks_records_before(first, path);
    }
    for (const Lsn first : empty_) {
      const std::string path = directory_.path_of(segment_name(first));
      if (auto removed = directory_.files().remove(path); !removed) return cannot("removed", path, removed.error());
    }
    if (auto synced = directory_.files().sync_directory(directory_.path()); !synced) {
      return cannot("synced", directory_.path(), synced.error());
    }
    return {};
  }

  Error lacks_records_before(Lsn first, const std::string& path) const {
    return {Errc::kInternal, "the log lacks the records from " + std::to_string(number(recovered_.next)) + " to " +
                                 std::to_string(number(first) - 1) + ", before " + path + ": restore a backup"};
  }

  Result<void> cut_torn_tail(const std::string& path, bool is_last, const Damage& damage) {
    const bool is_before_another = !is_last || (!empty_.empty() && damage.lsn < empty_.back());
    const auto had_been_synced = is_before_another ? Result<bool>(true) : was_synced(directory_.files(), path, damage);
    if (!had_been_synced) return had_been_synced.error();
    if (*had_been_synced) {
      return Error{Errc::kInternal, describe(damage, path) +
                                        ", in what had been on the disk before; restore a backup, " +
                                        "or see with `kv-wal verify` what is lost and give it up with `kv-wal repair`"};
    }
    auto file = directory_.files().open(path, FileSystem::OpenMode::kReadWrite);
    if (!file) return cannot("opened", path, file.error());
    const auto size = (*file)->size();
    if (!size) return cannot("read", path, size.error());
    if (auto cut = (*file)->truncate(damage.offset); !cut) return cannot("cut", path, cut.error());
    recovered_.cut_bytes = *size - damage.offset;
    log::warn("the end of the log was torn off by a crash and is cut",
              {{"file", path}, {"offset", damage.offset}, {"bytes", recovered_.cut_bytes}, {"reason", damage.reason}});
    return {};
  }

  // What a killed server left may have been read from the kernel's memory, and is to be on the disk before anybody is
  // told of it. A sync is not enough: where one has failed before, the kernel takes the same pages for clean. So what
  // no mark vouches for is written once more.
  Result<void> write_again(const std::string& path, std::uint64_t offset) {
    auto file = directory_.files().open(path, FileSystem::OpenMode::kReadWrite);
    if (!file) return cannot("opened", path, file.error());
    std::vector<char> buffer(kCopyBytes);
    while (true) {
      const auto read = read_all(**file, offset, buffer);
      if (!read) return cannot("read", path, read.error());
      if (*read == 0) break;
      const ByteView piece(buffer.data(), *read);
      if (auto written = write_all(**file, offset, {&piece, 1}); !written) {
        return cannot("written", path, written.error());
      }
      offset += *read;
    }
    auto synced = (*file)->sync();
    if (synced) synced = directory_.files().sync_directory(directory_.path());
    if (!synced) return cannot("synced", path, synced.error());
    return {};
  }

  static Error cannot(const char* what, const std::string& path, boost::system::error_code error) {
    return {Errc::kInternal, path + " can't be " + what + ": " + error.message()};
  }

  const DataDirectory& directory_;
  engine::Engine& engine_;
  const unsigned threads_;
  Recovered recovered_;
  Lsn needed_through_ = kNoLsn;
  std::vector<Lsn> empty_;  // segments without a record, which are removed
  bool reserved_ = false;
  std::vector<Lsn> bad_snapshots_;
};

}  // namespace

Result<Recovered> recover(const DataDirectory& directory, engine::Engine& engine, unsigned threads) {
  return Recovery(directory, engine, threads).run();
}

}  // namespace kv::storage
