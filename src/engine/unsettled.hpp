// Which keys of a shard have changes that the log doesn't hold yet as safely as it promises. Where reads depend on the
// log, each waits for the changes of its own key, or a scan of the positions that it looked at, and for no others: so
// that reads go on while the disk is full.
//
// It is a short list that is looked through; what has been settled meanwhile is dropped when the list is full. Keys are
// told apart by their whole hash, and should two ever share one, a read may wait for the other's.
// Not thread-safe: the shard's lock guards it.
#pragma once

#include <algorithm>
#include <new>
#include <vector>

#include "kv/base/lsn.hpp"

#include "engine/hash.hpp"

namespace kv::engine {

class Unsettled {
 public:
  // The record `lsn` changes this key; everything through `settled` is safe.
  void add(KeyHash hash, Lsn lsn, Lsn settled) noexcept {
    try {
      if (changes_.size() == changes_.capacity()) make_room(settled);
      changes_.push_back({hash.bits, lsn});
    } catch (const std::bad_alloc&) {
      add_all(lsn);
    }
  }
  // The record `lsn` changes every key.
  void add_all(Lsn lsn) noexcept {
    all_ = std::max(all_, lsn);
    changes_.clear();
  }
  // The last record that changes this key, as far as it may not be settled.
  Lsn last_of(KeyHash hash) const {
    Lsn last = all_;
    for (const Change& change : changes_) {
      if (change.hash == hash.bits) last = std::max(last, change.lsn);
    }
    return last;
  }
  // The last record that changes a key at a scan position from `from` to before `to`, as far as it may not be settled.
  Lsn last_between(std::uint64_t from, std::uint64_t to) const {
    Lsn last = all_;
    for (const Change& change : changes_) {
      const std::uint64_t position = KeyHash{change.hash}.scan_position();
      if (from <= position && position < to) last = std::max(last, change.lsn);
    }
    return last;
  }

 private:
  static constexpr std::size_t kChangesMin = 16;
  struct Change {
    std::uint64_t hash;
    Lsn lsn;
  };

  void make_room(Lsn settled) {
    std::erase_if(changes_, [&](const Change& change) { return change.lsn <= settled; });
    // At least half is free afterwards, so that not every change looks through all of them.
    if (changes_.size() * 2 >= changes_.capacity()) changes_.reserve(std::max(kChangesMin, changes_.capacity() * 2));
  }

  std::vector<Change> changes_;
  Lsn all_ = kNoLsn;
};

}  // namespace kv::engine
