// The hash table of a shard: open addressing with linear probing over 8-byte slots.
//
//   slot: [ tag 18 bits ][ entry address 48 bits, without the 2 that are always 0 ]     0: never used     1: erased
//
// A slot's home index is the hash's position bits scaled to the capacity, which is monotone in the hash: whatever the
// capacity, entries lie in hash order but for the displacement inside a run of used slots. That makes two things
// simple:
//
//   growth  is a pass over the old slots into a new array a little larger, so memory follows the number of entries;
//   scan    visits one run after the other, sorting each by hash, and its cursor (a hash position) stays good whatever
//           the table does meanwhile.
//
// The tag continues the position where the slot's index leaves off:
//
//   position:  [ 6 bits | 18 bits: the tag | 8 bits ]
//                ^ where in the array the slot is tells these, and some of the tag once more
//
// So a probe that misses rarely touches an entry; and growth nearly never does, as the slots alone tell where they
// belong in any other array. It asks the key where a run is so long, or a table so small, that two positions would do,
// and where the last 8 bits matter.
//
// Probing doesn't wrap around: a tail of spare slots follows the last home index, and a table whose tail is full grows.
//
// Not thread-safe: the shard's lock guards it. The table doesn't own the entries.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "kv/base/function_ref.hpp"

#include "engine/entry.hpp"
#include "engine/hash.hpp"

namespace kv::engine {

class Table {
 public:
  // What find() found: the slot of an entry. Good until the next insert or erase.
  using Slot = std::uint64_t*;

  Table() = default;
  ~Table();
  Table(Table&& other) noexcept;
  Table& operator=(Table&& other) noexcept;

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return capacity_.load(std::memory_order_relaxed); }
  // The memory of the slots.
  std::size_t bytes() const { return slots_allocated() * sizeof(std::uint64_t); }

  // nullptr when there is none.
  Slot find(KeyHash hash, ByteView key) const;
  // The slot of exactly this entry. REQUIRES: it is in the table.
  Slot find(KeyHash hash, const Entry* entry) const;
  static Entry* entry_at(Slot slot) { return entry_of(*slot); }
  static void replace(Slot slot, Entry* entry) { *slot = slot_of(tag_of(*slot), entry); }

  // Adds an entry. REQUIRES: its key is not in the table. `hasher` serves when the table has to grow.
  // Throws std::bad_alloc, and then has changed nothing.
  void insert(KeyHash hash, Entry* entry, const Hasher& hasher);
  void erase(Slot slot, const Hasher& hasher);
  // Takes the memory for so many entries at once. Throws std::bad_alloc. REQUIRES: the table is empty.
  void reserve(std::size_t entries, const Hasher& hasher);

  // Brings what find() will read first into the cache. The one function that may be called without the lock: when the
  // table is being rebuilt meanwhile the address is wrong, and fetching from it does no harm.
  void prefetch(KeyHash hash) const {
    const auto slots = reinterpret_cast<std::uintptr_t>(slots_.load(std::memory_order_relaxed));
    fetch_ahead(reinterpret_cast<const void*>(slots + home(hash) * sizeof(std::uint64_t)));
  }
  // The address of the first entry whose tag matches, unchecked; nullptr when there is none. For prefetching.
  const Entry* probable_entry(KeyHash hash) const;

  // The first entry that `matches`, of those whose hash position is in this range and others nearby; nullptr when there
  // is none. Looks at as many slots as the range takes, and the run that it ends in.
  Entry* find_between(std::uint32_t first, std::uint32_t last,
                      FunctionRef<bool(std::uint32_t tag, const Entry& entry)> matches) const;

  // Visits entries with scan_position() >= `from` in that order, at most `count` of them (more only where positions are
  // equal). Returns the position to go on from, or kScanEnd.
  static constexpr std::uint64_t kScanEnd = ~std::uint64_t{0};
  std::uint64_t scan(std::uint64_t from, std::size_t count, const Hasher& hasher,
                     FunctionRef<void(const Entry&)> visit) const;

  void for_each(FunctionRef<void(Entry*)> visit) const;

 private:
  static constexpr std::uint64_t kNeverUsed = 0;
  static constexpr std::uint64_t kErased = 1;
  static constexpr int kAddressBits = 64 - KeyHash::kTagBits;
  static constexpr std::uint64_t kAddressMask = (std::uint64_t{1} << kAddressBits) - 1;
  static constexpr int kAlignmentBits = std::countr_zero(kEntryAlignment);
  static_assert(kAddressBits + kAlignmentBits >= 48);

  static std::uint64_t slot_of(std::uint32_t tag, const Entry* entry) {
    return std::uint64_t{tag} << kAddressBits | reinterpret_cast<std::uintptr_t>(entry) >> kAlignmentBits;
  }
  static std::uint32_t tag_of(std::uint64_t slot) { return static_cast<std::uint32_t>(slot >> kAddressBits); }
  static Entry* entry_of(std::uint64_t slot) {
    return reinterpret_cast<Entry*>((slot & kAddressMask) << kAlignmentBits);
  }
  static bool holds_entry(std::uint64_t slot) { return slot > kErased; }
  std::size_t slots_allocated() const { return capacity() == 0 ? 0 : capacity() + tail_; }
  std::size_t home(KeyHash hash) const { return home_of(hash.position()); }
  std::size_t home_of(std::uint32_t position) const {
    return static_cast<std::size_t>((std::uint64_t{position} * capacity()) >> 32);
  }
  std::size_t run_start(std::size_t index) const;
  bool try_place(std::size_t home, std::uint64_t slot);
  void rebuild(std::size_t capacity, std::size_t tail, const Hasher& hasher);
  void swap(Table& other) noexcept;

  std::uint64_t* slots() const { return slots_.load(std::memory_order_relaxed); }

  // Atomic for prefetch() alone.
  std::atomic<std::uint64_t*> slots_{nullptr};
  std::atomic<std::size_t> capacity_{0};  // home indices
  std::size_t tail_ = 0;                  // spare slots after them
  std::size_t size_ = 0;                  // slots that hold an entry
  std::size_t erased_ = 0;                // slots that did
};

}  // namespace kv::engine
