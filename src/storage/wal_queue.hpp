// What stands between the engine, which must not wait, and the thread that writes the log.
//
// A record is numbered and encoded into the queue's own memory under one short lock, so the queue holds the records in
// the order of their numbers, whichever threads append. A large value is not copied: its entry is pinned, and written
// from where it stands.
//
//   chunk   [record][record][record……………][head of a record]      [record]
//                                                           \___ a pinned value belongs here
//
// 1. A record lies in one chunk, with at most one pinned value, at its end.
// 2. append() never waits and never refuses. Whoever is about to change data looks at bytes() first, so the queue holds
//    its limit and at most one record more for each thread.
// 3. Chunks come back to be used again, so in the long run appending takes no memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/base/lsn.hpp"
#include "kv/engine/engine.hpp"
#include "kv/engine/mutation.hpp"

namespace kv::storage {

class WalQueue {
 public:
  // The first record will have the number `next`.
  explicit WalQueue(Lsn next) : next_(next) {}

  // Records that are written together.
  class Group {
   public:
    bool empty() const { return last_ == kNoLsn; }
    Lsn last() const { return last_; }
    std::size_t bytes() const { return bytes_; }
    // Adds the checksums. Called once, by the thread that writes.
    void seal();
    // Appends what is to be written, in order; views of this group.
    void append_to(std::vector<ByteView>& pieces) const;

   private:
    friend class WalQueue;
    struct Pinned {
      std::size_t record;  // where in the chunk its record begins
      std::size_t end;     // where in the chunk the record's part ends
      engine::Pin value;
    };
    // Says to the account what it frees.
    struct FreeCounted {
      std::size_t bytes = 0;
      void operator()(char* memory) const;
    };
    struct Chunk {
      std::unique_ptr<char[], FreeCounted> memory;
      std::size_t size = 0;
      std::size_t capacity = 0;
      std::vector<Pinned> pinned;
    };
    std::vector<Chunk> chunks_;
    Lsn last_ = kNoLsn;
    std::size_t bytes_ = 0;
  };

  // Numbers the record of these changes and appends it. Throws std::bad_alloc, and then has changed nothing.
  // Thread-safe.
  Lsn append(std::span<const engine::Mutation> mutations);

  // Takes everything that is queued; an empty group when that is nothing. Thread-safe.
  Group take();
  // The group is on the disk, or never will be: its memory serves again. REQUIRES: made by take().
  void give_back(Group group);

  // Of all that was appended and has not been given back. Thread-safe.
  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // The last number that was given. Thread-safe.
  Lsn last() const;

 private:
  Group::Chunk& chunk_for(std::size_t bytes);

  mutable std::mutex mutex_;
  Lsn next_;
  Group queued_;
  std::vector<Group::Chunk> spare_;
  std::atomic<std::size_t> bytes_{0};
};

}  // namespace kv::storage
