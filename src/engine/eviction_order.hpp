// Who makes room in a shard: what the policy knows of its entries, and whom it chooses.
//
// All that is kept of an entry's use is its access byte, which a hit sets under the shared lock, with one store at
// most, and none where that changes nothing. What it says:
//
//   sieve        [ visited 1 ][ unused 2 ][ stamp 5 ]      see SieveQueue
//   lru          [ tick 8 ]                                of the last use
//   lfu          [ epoch 3 ][ count 5 ]                    roughly the logarithm of its uses, as of that epoch
//   ttl, random  nothing
//
// Ticks and epochs are no time but changes: so many entries came or were evicted that a share of the shard is new. So
// recency and decay go at the pace of the cache itself, whether that turns over in a second or in a day, and eight bits
// do: long before a tick can come round, an entry as old as that has been drawn, and its age been cut short.
//
// Entries made by LOCK are never chosen. Not thread-safe: the shard's lock guards it, note_hit() alone needs it shared.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kv/engine/eviction.hpp"

#include "engine/entry_pool.hpp"
#include "engine/hash.hpp"
#include "engine/sieve_queue.hpp"
#include "engine/table.hpp"

namespace kv::engine {

class EvictionOrder {
 public:
  // REQUIRES: the policy evicts. `seed` is what it draws by.
  EvictionOrder(EvictionPolicy policy, const Hasher& hasher, std::uint64_t seed)
      : policy_(policy), hasher_(hasher), random_(seed) {}

  void note_hit(const Entry& entry) const;

  // Which access byte the entry gets that is about to be stored in the place of `old` (nullptr: the key is absent).
  // Storing over an entry is a use of it. Throws std::bad_alloc, and then has changed nothing that matters.
  std::uint8_t access_of(KeyHash hash, const Entry* old, bool is_lock, UnixMillis deadline, const Table& table);

  using Outcome = SieveQueue::Outcome;
  // How far one choice goes, so that the lock is not held long.
  struct Reach {
    bool deadline_only = false;  // whatever the policy says
    bool is_forced = false;      // choose somebody, although everybody may have been used
  };
  // Chooses the next victim. kNotYet: everybody that was considered may stay once more, so ask again. Throws
  // std::bad_alloc.
  Outcome choose(const Table& table, const EntryPool& pool, UnixMillis now, Reach reach, Entry*& victim);
  // The victim has been removed from its shard, which has so many entries left.
  void evicted(std::size_t entries_left);

  // Forgets everybody; what that frees goes to `other`.
  void clear_into(SieveQueue& other) noexcept { queue_.swap(other); }

 private:
  bool is_candidate(bool is_lock, UnixMillis deadline) const {
    return !is_lock && (deadline != 0 || !policy_.deadline_only);
  }
  Outcome draw(const EntryPool& pool, UnixMillis now, Reach reach, Entry*& victim);
  std::uint64_t score(Entry& entry);
  void note_change(std::size_t entries);
  std::uint64_t next_random();

  const EvictionPolicy policy_;
  const Hasher& hasher_;
  SieveQueue queue_;  // of sieve alone
  std::uint8_t tick_ = 0;
  std::size_t changes_ = 0;  // since the last tick
  std::uint64_t random_;
};

}  // namespace kv::engine
