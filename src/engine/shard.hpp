// One shard: a table, the memory of its entries, and the lines of those who wait for its keys, behind one lock.
//
// Invariants, whenever the lock is free:
//   1. Every entry in the table is in the pool, and the other way round; no two have the same key.
//   2. A key with a line of waiters has an entry. (It may be expired: then whoever looks first hands the key over.)
//   3. next_due() is at most the earliest deadline of any entry that a sweep under way has not still to reach.
//
// Every change of an entry goes through put(), set_deadline() or vacate(); replacing or removing one may move another,
// which relocate() sets right.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>

#include <boost/container/small_vector.hpp>

#include "kv/base/shared_mutex.hpp"
#include "kv/engine/engine.hpp"

#include "engine/entry_pool.hpp"
#include "engine/hash.hpp"
#include "engine/table.hpp"

namespace kv::engine {

inline constexpr UnixMillis kNever = ~UnixMillis{0};

// What all shards share.
struct ShardContext {
  Hasher hasher;
  PageSource pages;
  std::atomic<std::uint64_t> last_token{0};
  DeadlineAlarm* alarm = nullptr;

  // The larger of the last plus one and milliseconds since the epoch times 65,536.
  std::uint64_t next_token(UnixMillis now);
};

// Large entries that a change displaced. They are freed after the lock is released: declare it before the guard.
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

class alignas(64) Shard {
 public:
  using Slot = Table::Slot;

  explicit Shard(ShardContext& context) : context_(context), pool_(context.pages) {}

  mutable SharedMutex mutex;

  // Shared or exclusive ------------------------------------------------------------------------------------------

  // The entry, expired or not; nullptr when there is none.
  const Entry* find(KeyHash hash, ByteView key) const KV_REQUIRES_SHARED(mutex);
  // Whether an expired entry of `key` must be handed over before anybody may call it absent.
  bool has_line(ByteView key) const KV_REQUIRES_SHARED(mutex) { return !lines_.empty() && lines_.contains(key); }
  const Table& table() const KV_REQUIRES_SHARED(mutex) { return table_; }
  std::size_t entry_bytes() const KV_REQUIRES_SHARED(mutex) { return pool_.bytes(); }
  std::size_t waiters() const KV_REQUIRES_SHARED(mutex);
  std::uint64_t expired_total() const KV_REQUIRES_SHARED(mutex) { return expired_total_; }

  // Exclusive ----------------------------------------------------------------------------------------------------

  // The slot of a present key; nullptr when it is absent. An expired entry is removed, or handed over, first.
  Slot find_live(KeyHash hash, ByteView key, UnixMillis now, Garbage& garbage) KV_REQUIRES(mutex);

  // Stores `content`, in `slot` where the key is present (nullptr: it is absent).
  void put(Slot slot, KeyHash hash, const EntryContent& content, PreparedValue* prepared, Garbage& garbage)
      KV_REQUIRES(mutex);
  void set_deadline(Slot slot, KeyHash hash, UnixMillis deadline, Garbage& garbage) KV_REQUIRES(mutex);
  // Removes the entry in `slot`; or, where somebody waits for the key, makes it the lock of the first in line.
  void vacate(Slot slot, KeyHash hash, UnixMillis now, Garbage& garbage) KV_REQUIRES(mutex);

  // Makes an absent key a lock and returns its fencing token.
  std::uint64_t lock_key(Slot slot, KeyHash hash, ByteView key, ByteView owner, UnixMillis deadline, UnixMillis now,
                         Garbage& garbage) KV_REQUIRES(mutex);
  void line_up(ByteView key, Waiter& waiter, UnixMillis deadline) KV_REQUIRES(mutex);
  void leave_line(ByteView key, Waiter& waiter) KV_REQUIRES(mutex);
  // Hands over what has expired; the earliest deadline among the keys that are still waited for.
  UnixMillis hand_over_expired(UnixMillis now, Garbage& garbage) KV_REQUIRES(mutex);

  // FLUSH in two steps, so that it fails before it has changed anything, or not at all. What the shard will hold: a
  // lock of the first in line for each key that is waited for.
  struct Contents {
    Table table;
    EntryPool pool;
  };
  Contents contents_after_flush(UnixMillis now) const KV_REQUIRES(mutex);
  // Swaps the contents for `fresh`, made at the same `now` under the same hold of the lock.
  void flush(Contents& fresh, UnixMillis now) KV_REQUIRES(mutex);

  // Looks at up to `count` entries that may have a deadline, from `at` on, and removes the expired ones. False at the
  // end.
  bool sweep(EntryPool::WalkPosition& at, std::size_t count, UnixMillis now, Garbage& garbage) KV_REQUIRES(mutex);
  // A sweep begins: next_due() is found anew.
  void begin_sweep() KV_REQUIRES(mutex) { next_due_.store(kNever, std::memory_order_relaxed); }

  // Without the lock ----------------------------------------------------------------------------------------------
  UnixMillis next_due() const { return next_due_.load(std::memory_order_relaxed); }
  // Fetches what a look-up of this key will read first.
  void prefetch(KeyHash hash) const KV_NO_THREAD_SAFETY_ANALYSIS { table_.prefetch(hash); }
  bool has_lines() const { return has_lines_.load(std::memory_order_relaxed); }

 private:
  using Line = std::list<Waiter*>;
  using Lines = std::map<std::string, Line, std::less<>>;

  Entry* make_entry(const EntryContent& content, PreparedValue* prepared) KV_REQUIRES(mutex);
  void discard(Entry* entry, Garbage& garbage) KV_REQUIRES(mutex);
  void grant_first(Slot slot, KeyHash hash, Lines::iterator line, UnixMillis now, Garbage& garbage) KV_REQUIRES(mutex);
  // The first in line holds the key's lock, which is in place.
  void make_holder(Lines::iterator line, UnixMillis deadline, std::uint64_t token) KV_REQUIRES(mutex);
  void drop_line_if_empty(Lines::iterator line) KV_REQUIRES(mutex);
  void note_deadline(ByteView key, UnixMillis deadline) KV_REQUIRES(mutex);
  void note_due(UnixMillis deadline) KV_REQUIRES(mutex) {
    if (deadline != 0 && deadline < next_due()) next_due_.store(deadline, std::memory_order_relaxed);
  }

  ShardContext& context_;
  Table table_ KV_GUARDED_BY(mutex);
  EntryPool pool_ KV_GUARDED_BY(mutex);
  Lines lines_ KV_GUARDED_BY(mutex);
  std::uint64_t expired_total_ KV_GUARDED_BY(mutex) = 0;
  std::atomic<UnixMillis> next_due_{kNever};  // written under the lock
  std::atomic<bool> has_lines_{false};        // written under the lock
};

}  // namespace kv::engine
