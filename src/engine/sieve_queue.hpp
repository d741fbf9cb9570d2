// The order in which SIEVE considers the entries of a shard: that in which they came, whatever memory moves them to.
//
//              behind: kept by this pass            ahead: still to be considered
//            [ oldest … … … ]               hand ─▶ [ … … … … newest ]◀─ new entries
//
// The hand takes the first one ahead. If it was visited since the hand last came by, it loses the mark and goes behind;
// if not, it is the victim. When nothing is ahead any more, what is behind is ahead again. So every entry keeps its
// place among the others, and new ones are looked at soon: who reads every key once displaces little but itself
// (Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024).
//
// An entry stands here as four bytes of its hash and of a number, the stamp, that it was given when it came. Nothing
// is taken out when an entry goes or becomes one that must stay; the hand drops what it finds nobody for. More than
// kPlacesPerEntry times as many places as entries are never kept, which makes 8 bytes an entry.
//
// Two entries whose places are the same four bytes are taken for each other, which does no harm: each has a place, and
// whoever is found first in one is found no more in the other. Not thread-safe: the shard's lock guards it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "kv/base/function_ref.hpp"

#include "engine/hash.hpp"
#include "engine/table.hpp"

namespace kv::engine {

class SieveQueue {
 public:
  static constexpr std::size_t kPlacesPerEntry = 2;

  // What an entry's access byte says: its stamp, and whether it was visited.
  static constexpr std::uint8_t kVisited = 0x80;
  static constexpr std::uint8_t kStampMask = 0x1F;

  using IsCandidate = FunctionRef<bool(const Entry&)>;

  // What the queue knows the shard's entries by.
  struct Entries {
    const Table& table;
    const Hasher& hasher;
    IsCandidate is_candidate;
  };

  // Gives a new entry its place, and returns its access byte. `entries` are all others. Throws std::bad_alloc, and then
  // has changed nothing that matters.
  std::uint8_t add(KeyHash hash, const Entries& entries);

  enum class Outcome { kVictim, kNotYet, kNobody };
  // Moves the hand up to `steps` entries on, to the next victim; `now` tells which have expired, and these don't stay.
  // With `is_forced` the first candidate is the victim, visited or not. A victim keeps its place until drop_victim().
  // Throws std::bad_alloc.
  Outcome next(const Entries& entries, UnixMillis now, std::size_t steps, bool is_forced, Entry*& victim);
  void drop_victim() { ahead_.pop_front(); }

  std::size_t size() const { return ahead_.size() + behind_.size(); }
  void swap(SieveQueue& other) noexcept;

 private:
  // position: 27 bits, stamp: 5.
  using Place = std::uint32_t;

  static Entry* find(Place place, const Entries& entries);
  void tidy(const Entries& entries);

  std::deque<Place> ahead_;
  std::deque<Place> behind_;
  std::uint8_t next_stamp_ = 0;
};

}  // namespace kv::engine
