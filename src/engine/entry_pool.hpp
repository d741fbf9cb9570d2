// Where the entries of a shard live.
//
// Entries of one size and kind (with or without a deadline) fill 4 KiB pages from the first to the last, without gaps:
// when one is freed, the last one of its class moves into its place, and the caller points the table at the new place.
// So memory is always exactly what the entries need, it comes back as soon as they go, in whatever order, and all
// entries with a deadline can be walked in memory order without any index.
//
//   class 60 bytes, deadline      [e e e e …][e e e e …][e e . . ]
//                                                           ^ the next one goes here
//
// Entries over kSlabEntryMax come from the heap; a list knows them, so that the walk finds them too.
// Not thread-safe: the shard's lock guards it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "engine/entry.hpp"
#include "engine/memory.hpp"

namespace kv::engine {

class EntryPool {
 public:
  // Whether a class keeps a page more than it needs, so that one whose size goes back and forth over a page's end
  // doesn't pay for that; or memory is too dear.
  enum class SparePage { kKept, kGivenBack };
  explicit EntryPool(PageSource& pages, SparePage spare = SparePage::kKept) : pages_(&pages), spare_(spare) {}
  ~EntryPool();
  EntryPool(EntryPool&& other) noexcept;
  EntryPool& operator=(EntryPool&& other) = delete;
  void swap(EntryPool& other) noexcept;

  // Stores `content`. Throws std::bad_alloc, and then has changed nothing.
  Entry* add(const EntryContent& content);
  // Takes over an entry made by make_large_entry(). Throws std::bad_alloc, and then it is still the caller's.
  void adopt(Entry* large);

  // The entry that took the place in the walk of the one that remove() removed; nowhere where that one was the last. A
  // small one was at `from`, which is no more, and is now at `to`. A large one stays where it is: `from` is `to`.
  struct Moved {
    const Entry* from = nullptr;
    Entry* to = nullptr;
  };
  // Frees the memory of a small entry. A large one is only taken off the list: the caller unpins it.
  Moved remove(Entry* entry);

  // Entry::try_rewrite() and Entry::set_deadline() of an entry that is here.
  bool try_rewrite(Entry* entry, const EntryContent& content);
  void set_deadline(Entry* entry, UnixMillis deadline);

  // A place in the walk over the entries that may have a deadline: small ones with the field, then large ones.
  struct WalkPosition {
    std::size_t size_class = 0;
    std::size_t index = 0;
  };
  // The entry at `at`, or the first one after, with `at` moved there; nullptr at the end. Removing that entry puts
  // another one in its place, so the walk goes on with the same `at`; otherwise with at.index + 1.
  Entry* deadline_walk(WalkPosition& at) const;

  // Any entry, by its number: for drawing one. Numbers hold until the next change.
  enum class Kind { kAny, kWithDeadlineField };
  std::size_t size(Kind kind) const;
  // REQUIRES: index < size(kind).
  Entry* at(Kind kind, std::size_t index) const;

  // Frees every entry at once.
  void clear();
  // The same, but that the caller is to free the pages, which are added to `pages`. Throws std::bad_alloc, and then has
  // changed nothing.
  void clear_into(std::vector<void*>& pages);
  std::size_t bytes() const { return bytes_; }
  // How many are locks, and how many have a deadline, in the past or not.
  std::size_t locks() const { return locks_; }
  std::size_t with_deadline() const;

 private:
  struct SizeClass {
    std::uint32_t entry_bytes;
    bool has_deadline_field;
    std::size_t size = 0;  // entries
    std::vector<void*> pages;

    std::size_t per_page() const { return kPageBytes / entry_bytes; }
    Entry* at(std::size_t index) const {
      return reinterpret_cast<Entry*>(static_cast<char*>(pages[index / per_page()]) + index % per_page() * entry_bytes);
    }
  };
  static constexpr std::size_t kSizes = EntrySizes::number(kSlabEntryMax) + 1;
  static constexpr std::uint16_t kNoClass = 0xFFFF;

  SizeClass& size_class(std::size_t entry_bytes, bool has_deadline_field);
  void give_pages_back(SizeClass& entries);
  static std::size_t count_if(bool is_so) { return is_so ? 1 : 0; }

  PageSource* pages_;
  SparePage spare_;
  std::array<std::array<std::uint16_t, kSizes>, 2> class_index_ = [] {
    std::array<std::array<std::uint16_t, kSizes>, 2> none;
    for (auto& row : none) row.fill(kNoClass);
    return none;
  }();
  std::vector<SizeClass> classes_;  // in the order in which they were first needed
  std::vector<Entry*> large_;
  std::size_t large_with_deadline_ = 0;
  std::size_t locks_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace kv::engine
