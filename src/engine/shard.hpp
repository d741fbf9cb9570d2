// One shard: a table, the memory of its entries, and the lines of those who wait for its keys, behind one lock.
//
// Invariants, whenever the lock is free:
//   1. Every entry in the table is in the pool, and the other way round; no two have the same key.
//   2. A key with a line of waiters has an entry. (It may be expired: then whoever looks first hands the key over.)
//   3. next_due() is at most the earliest deadline of any entry that a sweep under way has not still to reach.
//
// Every change of an entry goes through put(), set_deadline() or vacate(), which tell the mutation sink of it; FLUSH
// alone is told by its caller. Replacing or removing an entry may move another, which discard() sets right.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "kv/base/shared_mutex.hpp"
#include "kv/engine/engine.hpp"
#include "kv/engine/mutation.hpp"

#include "engine/entry_pool.hpp"
#include "engine/eviction_order.hpp"
#include "engine/hash.hpp"
#include "engine/operation.hpp"
#include "engine/table.hpp"
#include "engine/unsettled.hpp"

namespace kv::engine {

inline constexpr UnixMillis kNever = ~UnixMillis{0};

// What all shards share.
struct ShardContext {
  Hasher hasher;
  DeadlineAlarm* alarm = nullptr;
  MutationSink* sink = nullptr;
  bool reads_depend_on_log = false;        // what the sink says
  std::atomic<EvictionPolicy> eviction{};  // an order may still go by the last one, or be none yet
  PageSource pages{};
  std::atomic<std::uint64_t> last_token{0};

  bool evicts() const { return policy().kind != Eviction::kNone; }
  EvictionPolicy policy() const { return eviction.load(std::memory_order_relaxed); }
  EntryPool make_pool() {
    return EntryPool(pages, evicts() ? EntryPool::SparePage::kGivenBack : EntryPool::SparePage::kKept);
  }
  // The larger of the last plus one and milliseconds since the epoch times 65,536.
  std::uint64_t next_token(UnixMillis now);
  void raise_last_token(std::uint64_t token);
};

class alignas(64) Shard {
 public:
  using Slot = Table::Slot;

  // `seed` is for what the eviction policy draws. Throws std::bad_alloc.
  explicit Shard(ShardContext& context, std::uint64_t seed = 0) : context_(context), pool_(context.make_pool()) {
    if (context.evicts()) {
      order_ = std::make_unique<EvictionOrder>(context.policy(), context.hasher, seed);
    }
  }

  mutable SharedMutex mutex;

  // Shared or exclusive ------------------------------------------------------------------------------------------

  // The entry, expired or not; nullptr when there is none.
  const Entry* find(KeyHash hash, ByteView key) const KV_REQUIRES_SHARED(mutex);
  // Whether an expired entry of `key` must be handed over before anybody may call it absent.
  bool has_line(ByteView key) const KV_REQUIRES_SHARED(mutex) { return !lines_.empty() && lines_.contains(key); }
  const Table& table() const KV_REQUIRES_SHARED(mutex) { return table_; }
  std::size_t entry_bytes() const KV_REQUIRES_SHARED(mutex) { return pool_.bytes(); }
  std::size_t with_deadline() const KV_REQUIRES_SHARED(mutex) { return pool_.with_deadline(); }
  std::size_t locks() const KV_REQUIRES_SHARED(mutex) { return pool_.locks(); }
  std::size_t waiters() const KV_REQUIRES_SHARED(mutex);
  std::uint64_t expired_total() const KV_REQUIRES_SHARED(mutex) { return expired_total_; }
  std::uint64_t evicted_total() const KV_REQUIRES_SHARED(mutex) { return evicted_total_; }
  // Somebody has read this entry.
  void note_hit(const Entry& entry) const KV_REQUIRES_SHARED(mutex) {
    if (context_.evicts() && order_ != nullptr) order_->note_hit(entry);
  }
  // The last record of a change here.
  Lsn last_lsn() const KV_REQUIRES_SHARED(mutex) { return last_lsn_; }
  // `call` has seen what the key holds, or that it is absent; or has seen that of all keys whose scan position is from
  // `from` to before `to`. Where that is nothing to be told before it is safe, the call depends on it.
  void seen_by(Call& call, KeyHash hash) const KV_REQUIRES_SHARED(mutex) {
    if (context_.reads_depend_on_log) call.depends_on(unsettled_.last_of(hash));
  }
  void seen_by(Call& call, std::uint64_t from, std::uint64_t to) const KV_REQUIRES_SHARED(mutex) {
    if (context_.reads_depend_on_log) call.depends_on(unsettled_.last_between(from, to));
  }

  // Exclusive ----------------------------------------------------------------------------------------------------

  // The slot of a present key; nullptr when it is absent. An expired entry is removed, or handed over, first.
  // What is given as `key`, here and below, and as an operation's content, must be good until the operation has
  // recorded it.
  Slot find_live(KeyHash hash, ByteView key, Operation& operation) KV_REQUIRES(mutex);

  // The same for an entry that may be expired.
  Slot find_slot(KeyHash hash, ByteView key) KV_REQUIRES(mutex) { return table_.find(hash, key); }
  // REQUIRES: the shard is empty.
  void reserve(std::size_t entries) KV_REQUIRES(mutex) { table_.reserve(entries, context_.hasher); }

  // Stores `content`, in `slot` where the key is present (nullptr: it is absent). `token` is that of a new lock.
  void put(Slot slot, KeyHash hash, const EntryContent& content, PreparedValue* prepared, Operation& operation,
           std::uint64_t token = 0) KV_REQUIRES(mutex);
  void set_deadline(Slot slot, KeyHash hash, UnixMillis deadline, Operation& operation) KV_REQUIRES(mutex);
  // Removes the entry in `slot`; or, where somebody waits for the key, makes it the lock of the first in line.
  void vacate(Slot slot, KeyHash hash, ByteView key, Operation& operation) KV_REQUIRES(mutex);

  // Evicts entries, as the policy chooses: at least one, and more until so many bytes have gone, or kEvictedAtOnceMax.
  struct Evicted {
    Engine::Evicted gone{};
    bool is_exhausted = false;  // there is nobody left who may be evicted
  };
  static constexpr std::size_t kEvictedAtOnceMax = 16;
  Evicted evict(std::size_t bytes, EvictionOrder::Reach reach, Operation& operation) KV_REQUIRES(mutex);

  // Goes by another policy from here on. How its entries were used is forgotten: they count as new, in no particular
  // order. Throws std::bad_alloc, and then has changed nothing.
  void set_eviction(EvictionPolicy policy, std::uint64_t seed) KV_REQUIRES(mutex);

  // Makes an absent key a lock and returns its fencing token.
  std::uint64_t lock_key(Slot slot, KeyHash hash, ByteView key, ByteView owner, UnixMillis deadline,
                         Operation& operation) KV_REQUIRES(mutex);
  void line_up(ByteView key, Waiter& waiter, UnixMillis deadline) KV_REQUIRES(mutex);
  void leave_line(ByteView key, Waiter& waiter) KV_REQUIRES(mutex);
  // Hands over what has expired; the earliest deadline among the keys that are still waited for.
  UnixMillis hand_over_expired(Operation& operation) KV_REQUIRES(mutex);

  // FLUSH in two steps, so that it fails before it has changed anything, or not at all. What the shard will hold: a
  // lock of the first in line for each key that is waited for.
  struct Contents {
    Table table;
    EntryPool pool;
    SieveQueue queue{};  // takes what the shard had, so that it is freed later
  };
  Contents contents_after_flush(UnixMillis now) const KV_REQUIRES(mutex);
  std::size_t lines() const KV_REQUIRES(mutex) { return lines_.size(); }
  // Swaps the contents for `fresh`, made at the same time under the same hold of the lock. Records the new locks, but
  // not that everything else is gone.
  void flush(Contents& fresh, Operation& operation) KV_REQUIRES(mutex);

  // Looks at up to `count` entries that may have a deadline, from `at` on, and removes the expired ones. False at the
  // end.
  bool sweep(EntryPool::WalkPosition& at, std::size_t count, Operation& operation) KV_REQUIRES(mutex);
  // A sweep begins: next_due() is found anew.
  void begin_sweep() KV_REQUIRES(mutex) { next_due_.store(kNever, std::memory_order_relaxed); }
  // A sweep ends before it has reached everything: something may be due that it would have found.
  void break_off_sweep(UnixMillis now) KV_REQUIRES(mutex) { note_due(now); }

  // The record `lsn` changes this key here, or all keys.
  void changed_by(Lsn lsn, KeyHash hash) KV_REQUIRES(mutex) {
    last_lsn_ = lsn;
    if (context_.reads_depend_on_log) unsettled_.add(hash, lsn, context_.sink->settled());
  }
  void all_changed_by(Lsn lsn) KV_REQUIRES(mutex) {
    last_lsn_ = lsn;
    if (context_.reads_depend_on_log) unsettled_.add_all(lsn);
  }

  // Without the lock ----------------------------------------------------------------------------------------------
  UnixMillis next_due() const { return next_due_.load(std::memory_order_relaxed); }
  // Fetches what a look-up of this key will read first.
  void prefetch(KeyHash hash) const KV_NO_THREAD_SAFETY_ANALYSIS { table_.prefetch(hash); }
  bool has_lines() const { return has_lines_.load(std::memory_order_relaxed); }

 private:
  using Line = std::list<Waiter*>;
  using Lines = std::map<std::string, Line, std::less<>>;

  struct Stored {
    Entry* entry;
    Entry* displaced;  // not in the table any more, and to be discarded; nullptr: none
  };
  Stored store(Slot slot, KeyHash hash, const EntryContent& content, PreparedValue* prepared, Operation& operation)
      KV_REQUIRES(mutex);
  Entry* make_entry(const EntryContent& content, PreparedValue* prepared) KV_REQUIRES(mutex);
  // The access byte of the entry that is about to stand in the place of `old`, or be new.
  std::uint8_t access_of(KeyHash hash, const Entry* old, bool is_lock, UnixMillis deadline) KV_REQUIRES(mutex) {
    return order_ == nullptr ? std::uint8_t{0} : order_->access_of(hash, old, is_lock, deadline, table_);
  }
  void discard(Entry* entry, Operation& operation) KV_REQUIRES(mutex);
  void record(const Mutation& change, KeyHash hash, Operation& operation) KV_REQUIRES(mutex) {
    if (const Lsn lsn = operation.record(change); lsn != kNoLsn) changed_by(lsn, hash);
  }
  void grant_first(Slot slot, KeyHash hash, ByteView key, Lines::iterator line, Operation& operation)
      KV_REQUIRES(mutex);
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
  std::unique_ptr<EvictionOrder> order_ KV_GUARDED_BY(mutex);  // nullptr: nobody is evicted
  std::uint64_t expired_total_ KV_GUARDED_BY(mutex) = 0;
  std::uint64_t evicted_total_ KV_GUARDED_BY(mutex) = 0;
  Lsn last_lsn_ KV_GUARDED_BY(mutex) = kNoLsn;
  Unsettled unsettled_ KV_GUARDED_BY(mutex);
  std::atomic<UnixMillis> next_due_{kNever};  // written under the lock
  std::atomic<bool> has_lines_{false};        // written under the lock
};

}  // namespace kv::engine
