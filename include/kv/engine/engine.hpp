// The engine: typed values under keys, in memory, shared by all threads.
//
// Keys are spread over shards by a seeded hash; each shard is a table behind its own reader-writer lock. A read of one
// key holds its shard's lock shared, a change of one key exclusively; what works on several keys locks all their
// shards, in index order, once each, so it is atomic. Nothing waits, logs or does I/O under a lock.
//
// An entry may have a deadline, a point in time from which on it is absent for every call. Every call that depends on
// time is told it, so that a batch of requests reads the clock once.
//
// An entry may be a lock, made by acquire(). Those who wait for a key stand in line: when the key becomes absent, for
// whatever reason, the first one in line holds it at once, and nobody sees it absent in between.
//
// Every change is told to a MutationSink (mutation.hpp), where there is one, as what became of the key: by whatever
// call and for whatever reason. What several keys go through in one call is told as one, so it happens to all or none
// of them after a restart, too.
//
// All functions are thread-safe. They throw std::bad_alloc when memory runs out, and then have changed nothing; only
// put_many() and remove_many() may then have changed some of their keys.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/base/clock.hpp"
#include "kv/base/function_ref.hpp"
#include "kv/base/limits.hpp"
#include "kv/base/lsn.hpp"
#include "kv/engine/eviction.hpp"
#include "kv/value/value_view.hpp"

namespace kv::engine {

class Entry;
class MutationSink;
struct Mutation;

// What a call is told and what it tells back. One may serve several calls in turn, whose outcomes then count together.
struct Call {
  UnixMillis now = 0;  // when it happens
  Lsn lsn = kNoLsn;    // raised to the last record in the log that the outcome depends on

  void depends_on(Lsn record) {
    if (record > lsn) lsn = record;
  }
};

// An entry as a call sees it. Good only during the call that hands it out.
struct EntryView {
  value::ValueView value;
  UnixMillis deadline = 0;  // 0: none
  bool is_lock = false;
  const Entry* large = nullptr;  // set where the entry is large: it can be kept by a Pin, and never changes its value
};

// The memory of an entry: its header, key and value, rounded up as they lie in memory. To that comes its part of a
// table (Engine::table_bytes_per_entry()), and of a large one what the allocator adds.
std::size_t entry_bytes(ByteView key, const EntryView& entry);

// Keeps a large entry's value alive and unchanged, whatever becomes of its key, so that it can be copied or compared
// without a lock. REQUIRES: view.large is set.
class Pin {
 public:
  explicit Pin(const EntryView& view);
  // Of what a Mutation says. REQUIRES: mutation.large is set, and good at the time.
  explicit Pin(const Mutation& put);
  // What was moved from keeps nothing, and is good for nothing but being destroyed.
  Pin(Pin&& other) noexcept : view_(std::exchange(other.view_, {})) {}
  ~Pin();
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  const EntryView& view() const { return view_; }

 private:
  EntryView view_;
};

// What is to become of an entry; made by the functions below, in the callback of Engine::modify().
struct Change {
  enum class Kind : std::uint8_t { kKeep, kPut, kRemove, kSetDeadline };
  Kind kind = Kind::kKeep;
  value::ValueView value;
  UnixMillis deadline = 0;

  static Change keep() { return {}; }
  // The key now holds `value`, which must stay good until modify() returns. It may be a view of what the key holds.
  static Change put(const value::ValueView& value, UnixMillis deadline) { return {Kind::kPut, value, deadline}; }
  // REQUIRES (both): the key is present.
  static Change remove() { return {Kind::kRemove, {}, 0}; }
  static Change set_deadline(UnixMillis deadline) { return {Kind::kSetDeadline, {}, deadline}; }
};

// A value that is about to be stored. Where it is large its entry is allocated and filled here, before any lock is
// taken; a modify() that puts exactly this value then only has to link it.
class PreparedValue {
 public:
  PreparedValue(ByteView key, const value::ValueView& value);
  ~PreparedValue();
  PreparedValue(PreparedValue&& other) noexcept;
  PreparedValue& operator=(PreparedValue&&) = delete;

 private:
  friend class Shard;
  value::ValueView value_;
  Entry* large_entry_ = nullptr;  // nullptr: small, or already stored
};

// One who waits for a key. Its owner must call Engine::leave() before destroying it, unless acquire() never queued it.
class Waiter {
 public:
  virtual ~Waiter() = default;
  // The key is this waiter's now. Called once, under the shard's lock, from any thread: it must not block, nor call the
  // engine.
  virtual void granted() = 0;

 private:
  friend class Engine;
  friend class Shard;
  UnixMillis lock_deadline(UnixMillis now) const;

  std::string owner_;
  std::uint64_t ttl_ms_ = 0;
  std::list<Waiter*>::iterator place_;  // in the line, while queued_
  bool queued_ = false;
  std::uint64_t token_ = 0;  // once granted
  UnixMillis deadline_ = 0;  // once granted
};

// Told when a key that somebody waits for may become absent by its deadline, so that somebody calls
// Engine::hand_over_expired() in time. Called under a shard's lock, from any thread.
class DeadlineAlarm {
 public:
  virtual ~DeadlineAlarm() = default;
  virtual void wake_by(UnixMillis deadline) = 0;
};

class Engine {
 public:
  struct Options {
    std::uint32_t shards = kShardsDefault;  // 1 to 65,536
    EvictionPolicy eviction{};              // whom evict() takes
    // For tests: replaces the seeded hash.
    std::uint64_t (*hash)(ByteView key) = nullptr;
  };
  explicit Engine(const Options& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  std::uint32_t shards() const;
  // REQUIRES: called before any other thread uses the engine; `alarm` outlives the use.
  void set_deadline_alarm(DeadlineAlarm* alarm);
  // From here on every change is told to `sink` (nullptr: to none), under the locks that it happens under. Each call
  // raises its Call::lsn to the records it made; and, where the sink says that reads depend on the log, to the last one
  // of every key that it looked at (scan: of every key, present or absent, between its cursors).
  // REQUIRES: no other thread uses the engine meanwhile; `sink` outlives the use.
  void set_mutation_sink(MutationSink* sink);

  // One key ------------------------------------------------------------------------------------------------------

  // Calls `look` with the entry, or returns false when the key is absent. A small entry is looked at under the shard's
  // shared lock, so `look` must not call the engine; a large one is pinned and looked at with no lock held.
  bool read(ByteView key, Call& call, FunctionRef<void(const EntryView&)> look) const;

  // The one way to change a key: `decide` sees the entry, or nullptr when the key is absent, and says what is to become
  // of it; all of that under the shard's exclusive lock. `decide` runs once and must not call the engine. `prepared` is
  // the value that `decide` may put.
  void modify(ByteView key, Call& call, FunctionRef<Change(const EntryView*)> decide,
              PreparedValue* prepared = nullptr);

  // Several keys, atomically ---------------------------------------------------------------------------------------

  // Calls `look` once, with one view for each key (nothing where it is absent), under all locks involved.
  void read_many(std::span<const ByteView> keys, Call& call,
                 FunctionRef<void(std::span<const std::optional<EntryView>>)> look) const;
  // Puts every value with the same deadline; of several for one key the last wins.
  void put_many(std::span<const value::KeyValue> pairs, UnixMillis deadline, Call& call);
  // Removes every key that is there; returns how many were, each counted once.
  std::uint32_t remove_many(std::span<const ByteView> keys, Call& call);

  // All keys ----------------------------------------------------------------------------------------------------------

  // Removes everything; returns how many keys were there. May take long: the memory is freed before it returns.
  std::uint64_t flush(Call& call);

  // Looks at up to `count` entries from `cursor` on (0: the start) and calls `visit` with each key that is present,
  // with no lock held. Stops early when `visit` returns false. Returns the cursor to go on from, 0 at the end. Every
  // key that is present from the first call of a scan to its last is visited at least once, none that was absent all
  // along. A cursor that never came from here does no harm.
  std::uint64_t scan(std::uint64_t cursor, std::size_t count, Call& call, FunctionRef<bool(ByteView key)> visit) const;

  // Locks ------------------------------------------------------------------------------------------------------------

  struct Acquired {
    enum class State { kHeld, kQueued, kRefused };
    State state;
    std::uint64_t token = 0;         // kHeld
    std::uint64_t remaining_ms = 0;  // kRefused: until the key's deadline, UINT64_MAX where it has none
  };
  // Makes the key a lock of `owner` for ttl_ms when it is absent. Otherwise lines `waiter` up (kQueued), or refuses
  // when there is no waiter. A queued waiter is granted the key, or leaves.
  Acquired acquire(ByteView key, ByteView owner, std::uint64_t ttl_ms, Call& call, Waiter* waiter);

  // Ends a wait, whether or not it was granted. Returns the token and state kHeld where it was, otherwise kRefused.
  Acquired leave(ByteView key, Waiter& waiter, Call& call);

  // Frees the lock that `waiter` was granted, for a grant that never became known to its owner. A key that has changed
  // hands since is left alone. REQUIRES: leave() said kHeld.
  void give_back(ByteView key, const Waiter& waiter, UnixMillis now);

  // Upkeep -----------------------------------------------------------------------------------------------------------

  // Hands over every key that somebody waits for and that has expired. Returns the next deadline of such a key,
  // UINT64_MAX when there is none.
  UnixMillis hand_over_expired(UnixMillis now);

  // Gives back the memory of the expired entries of one shard. Holds its lock for a few microseconds at a time. Does
  // nothing, or breaks off, while the mutation sink doesn't accept upkeep; a later sweep goes on.
  // REQUIRES: shard < shards(); one thread at a time.
  void sweep(std::uint32_t shard, UnixMillis now);

  // Full memory ------------------------------------------------------------------------------------------------------

  EvictionPolicy eviction() const;
  // Goes by another policy from here on, to which all entries are new. Holds each shard's lock exclusively, one after
  // the other, for as long as it takes to look at the entries there, which may be milliseconds. Throws std::bad_alloc:
  // then some shards still have the old policy, which does no harm, and it may be called again. One thread at a time.
  void set_eviction(EvictionPolicy policy);
  // Evicts some entries of one shard, the next one in turn that has any: at least one, and until `bytes` of them are
  // gone, but few at most. No entries: in no shard is anybody who may be evicted. Holds one shard's lock at a time, for
  // a few microseconds each. A key that is waited for is handed over.
  struct Evicted {
    std::size_t entries = 0;
    std::size_t bytes = 0;
  };
  Evicted evict(std::size_t bytes, Call& call);
  // Whether there is room in the log for what nobody waits for; as the mutation sink says.
  bool accepts_upkeep() const;

  // Snapshots
  // ----------------------------------------------------------------------------------------------------------

  // Where a walk over all entries goes on; it begins at {}.
  struct WalkCursor {
    std::uint32_t shard = 0;
    std::uint64_t position = 0;  // in the order of hashes
  };
  // Calls `visit` with the entries from `cursor` on, as the kPut of each, whether or not it has expired: up to `count`,
  // and never many under one hold of one shard's shared lock; then moves the cursor past them. False at the end. Every
  // key that is present throughout a walk is visited at least once, even while tables grow.
  // `visit` must not call the engine. A Pin can be made of what it is shown, where that is large.
  bool walk(WalkCursor& cursor, std::size_t count, FunctionRef<void(const Mutation&)> visit) const;

  // Recovery, and later replicas
  // ---------------------------------------------------------------------------------------

  // Does what a mutation says, without looking at the time or telling a sink. Mutations of one key are to be applied in
  // their order by one thread, those of different keys in any order by any. After a kClear nothing of what came before
  // it may follow, so it needs to be alone.
  // REQUIRES: nobody waits for the key; for kClear: no other call at the same time, and nobody waits at all.
  void apply(const Mutation& mutation);
  // Makes room for so many keys in all, so that the tables needn't grow step by step while they come. Throws
  // std::bad_alloc. REQUIRES: the engine is empty.
  void reserve(std::uint64_t entries);
  // Every fencing token from now on is larger than last_token(). Raising it to less than it is does nothing; applying a
  // lock raises it.
  void raise_last_token(std::uint64_t token);
  std::uint64_t last_token() const;

  // A hint that these keys are about to be used; of more than kPrefetchKeysMax the rest is ignored.
  static constexpr std::size_t kPrefetchKeysMax = 64;
  void prefetch(std::span<const ByteView> keys) const;

  struct Usage {
    // These three with expired entries that nobody has touched yet.
    std::uint64_t entries = 0;
    std::uint64_t with_deadline = 0;
    std::uint64_t locks = 0;
    std::uint64_t data_bytes = 0;     // entries: headers, keys and values
    std::uint64_t table_bytes = 0;    // tables
    std::uint64_t expired_total = 0;  // entries removed because their time was over
    std::uint64_t evicted_total = 0;  // entries that evict() took
    std::uint64_t waiters = 0;        // who waits for a key now
  };
  Usage usage() const;
  // What an entry in the shard of `key` takes of that shard's table, on average.
  std::size_t table_bytes_per_entry(ByteView key) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kv::engine
