// One call while it is carried out: what it has been told, and what its changes leave to be done.
//
// Each change is told to the sink once it has happened, while the lock that it happened under is still held, so the
// sink hears of the changes of a key in their order. A call that changes several keys as one collects its changes and
// has them recorded together, at the end, under all its locks. All memory that this takes is taken before: nothing can
// fail between a change and its record.
//
//   Operation operation(call, sink);      before the lock: what it holds is freed after the lock is released
//   const ExclusiveGuard guard(…);
//   … changes …
#pragma once

#include <span>
#include <vector>

#include <boost/container/small_vector.hpp>

#include "kv/base/assert.hpp"
#include "kv/engine/engine.hpp"
#include "kv/engine/mutation.hpp"

#include "engine/entry.hpp"

namespace kv::engine {

// Large entries that a change displaced; freed when this goes.
class Garbage {
 public:
  Garbage() = default;
  ~Garbage() {
    for (const Entry* entry : entries_) unpin_large_entry(entry);
  }
  Garbage(const Garbage&) = delete;
  Garbage& operator=(const Garbage&) = delete;
  // Makes sure that the next add() can't fail, or the first `count` of them. Both throw std::bad_alloc.
  void make_room() {
    if (entries_.size() == entries_.capacity()) entries_.reserve(2 * entries_.size());
  }
  void make_room_for(std::size_t count) { entries_.reserve(count); }
  void add(const Entry* large) { entries_.push_back(large); }

 private:
  // Most calls displace one entry at most, and then take no memory for it.
  boost::container::small_vector<const Entry*, 2> entries_;
};

class Operation {
 public:
  // `sink` may be nullptr. Both must outlive this object.
  Operation(Call& call, MutationSink* sink) : call_(call), sink_(sink) {}

  UnixMillis now() const { return call_.now; }

  // From here on changes are collected, at most `changes_max` of them. Throws std::bad_alloc.
  void collect(std::size_t changes_max) {
    if (sink_ == nullptr) return;
    collected_.reserve(changes_max);
    collects_ = true;
  }
  // Tells the sink of a change and returns the record's number; or collects it, and then its views must be good until
  // record_collected(). kNoLsn where there is no record, or none yet.
  Lsn record(const Mutation& change) noexcept {
    if (sink_ == nullptr) return kNoLsn;
    if (collects_) {
      KV_ASSERT(collected_.size() < collected_.capacity());
      collected_.push_back(change);
      return kNoLsn;
    }
    return record_as_one({&change, 1});
  }
  // Tells the sink of what was collected, as one; kNoLsn when that is nothing.
  Lsn record_collected() noexcept { return collected_.empty() ? kNoLsn : record_as_one(collected_); }

  Garbage garbage;

 private:
  Lsn record_as_one(std::span<const Mutation> changes) noexcept {
    const Lsn lsn = sink_->record(changes);
    call_.depends_on(lsn);
    return lsn;
  }

  Call& call_;
  MutationSink* const sink_;
  bool collects_ = false;
  std::vector<Mutation> collected_;
};

}  // namespace kv::engine
