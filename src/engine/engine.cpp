#include "kv/engine/engine.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <new>
#include <type_traits>

#include "kv/base/assert.hpp"
#include "kv/base/byte_buffer.hpp"

#include "engine/shard.hpp"

namespace kv::engine {
namespace {

// How much is done under one hold of a shard's lock by what walks many entries.
constexpr std::size_t kScanStep = 256;
constexpr std::size_t kWalkStep = 256;
constexpr std::size_t kSweepStep = 64;

// So often a shard in which everybody was used of late is asked before it has to give up somebody all the same.
constexpr int kEvictPatience = 16;

EntryView view_of(const Entry& entry) {
  return {entry.value(), entry.deadline(), entry.is_lock(), entry.is_large() ? &entry : nullptr};
}

}  // namespace

std::size_t entry_bytes(ByteView key, const EntryView& entry) {
  const bool is_large = entry.large != nullptr;
  return Entry::size_for(key.size(), entry.value.data.size(), is_large || entry.deadline != 0) +
         (is_large ? sizeof(LargePrefix) : 0);
}

Pin::Pin(const EntryView& view) : view_(view) {
  pin_large_entry(view_.large);
}
Pin::Pin(const Mutation& put) : Pin(EntryView{put.value, put.deadline, put.is_lock, put.large}) {}
Pin::~Pin() {
  if (view_.large != nullptr) unpin_large_entry(view_.large);
}

PreparedValue::PreparedValue(ByteView key, const value::ValueView& value) : value_(value) {
  if (Entry::size_for(key.size(), value.data.size(), true) > kSlabEntryMax + sizeof(UnixMillis)) {
    large_entry_ = make_large_entry({key, value, 0, false});
  }
}
PreparedValue::~PreparedValue() {
  if (large_entry_ != nullptr) unpin_large_entry(large_entry_);
}
PreparedValue::PreparedValue(PreparedValue&& other) noexcept
    : value_(other.value_), large_entry_(std::exchange(other.large_entry_, nullptr)) {}

struct Engine::State {
  explicit State(const Options& options)
      : context{.hasher = options.hash != nullptr ? Hasher(options.hash) : Hasher(), .eviction{options.eviction}},
        count(options.shards) {
    KV_ASSERT(count >= 1 && count <= kShardsMax);
    shards = std::allocator<Shard>().allocate(count);
    for (std::uint32_t i = 0; i < count; ++i) new (shards + i) Shard(context, i);
  }
  ~State() {
    std::destroy_n(shards, count);
    std::allocator<Shard>().deallocate(shards, count);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Without handing anything over.
  // All of it together: shards have their pages side by side. What finds no memory for that is freed shard by shard.
  void free(std::span<Shard::Contents> contents) {
    std::vector<void*> together;
    try {
      for (Shard::Contents& shard : contents) shard.pool.clear_into(together);
    } catch (const std::bad_alloc&) {
    }
    context.pages.free(together);
  }

  void clear() {
    Call no_time;
    Operation operation(no_time, nullptr);
    for (Shard& shard : all()) {
      std::optional<Shard::Contents> contents;  // freed after the lock is released
      const ExclusiveGuard guard(shard.mutex);
      KV_ASSERT(shard.lines() == 0);
      contents.emplace(shard.contents_after_flush(0));
      shard.flush(*contents, operation);
    }
  }

  // Evicts from shards in turn, until one had somebody.
  Evicted evict(std::size_t bytes, bool deadline_only, Call& call);

  Shard& shard(KeyHash hash) const { return shards[shard_index(hash, count)]; }
  std::span<Shard> all() const { return {shards, count}; }

  mutable ShardContext context;
  std::atomic<std::uint32_t> eviction_turn{0};
  std::uint32_t count;
  Shard* shards;
};

namespace {

// Holds the locks of several shards, taken in index order, each once. The one place where two shard locks are held.
template <bool kExclusive>
class ManyLocks {
 public:
  explicit ManyLocks(std::vector<Shard*> shards) KV_NO_THREAD_SAFETY_ANALYSIS : shards_(std::move(shards)) {
    std::ranges::sort(shards_);  // one array: address order is index order
    shards_.erase(std::unique(shards_.begin(), shards_.end()), shards_.end());
    for (Shard* shard : shards_) kExclusive ? shard->mutex.lock() : shard->mutex.lock_shared();
  }
  ~ManyLocks() KV_NO_THREAD_SAFETY_ANALYSIS {
    for (Shard* shard : shards_) kExclusive ? shard->mutex.unlock() : shard->mutex.unlock_shared();
  }
  ManyLocks(const ManyLocks&) = delete;
  ManyLocks& operator=(const ManyLocks&) = delete;

 private:
  std::vector<Shard*> shards_;
};

// Has what an operation collected recorded once its changes are made, or one of them has failed, and before the locks
// are released; then `tell` gets the record's number.
template <typename Tell>
class RecordAtEnd {
 public:
  RecordAtEnd(Operation& operation, Tell tell) : operation_(operation), tell_(std::move(tell)) {}
  ~RecordAtEnd() {
    if (const Lsn lsn = operation_.record_collected(); lsn != kNoLsn) tell_(lsn);
  }
  RecordAtEnd(const RecordAtEnd&) = delete;
  RecordAtEnd& operator=(const RecordAtEnd&) = delete;

 private:
  Operation& operation_;
  const Tell tell_;
};

// A key that has expired is first removed, or handed over: two changes.
constexpr std::size_t kChangesPerKey = 2;

}  // namespace

Engine::Engine(const Options& options) : state_(std::make_unique<State>(options)) {}
Engine::~Engine() = default;

std::uint32_t Engine::shards() const {
  return state_->count;
}
void Engine::set_deadline_alarm(DeadlineAlarm* alarm) {
  state_->context.alarm = alarm;
}
void Engine::set_mutation_sink(MutationSink* sink) {
  state_->context.sink = sink;
  state_->context.reads_depend_on_log = sink != nullptr && sink->reads_depend_on_log();
}

bool Engine::read(ByteView key, Call& call, FunctionRef<void(const EntryView&)> look) const {
  const KeyHash hash = state_->context.hasher(key);
  Shard& shard = state_->shard(hash);
  while (true) {
    std::optional<Pin> pin;
    {
      const SharedGuard guard(shard.mutex);
      shard.seen_by(call, hash);
      const Entry* entry = shard.find(hash, key);
      if (entry == nullptr) return false;
      if (!entry->is_expired(call.now)) {
        shard.note_hit(*entry);
        const EntryView view = view_of(*entry);
        if (view.large == nullptr) {
          look(view);
          return true;
        }
        pin.emplace(view);
      } else if (!shard.has_line(key)) {
        return false;
      }
    }
    if (pin) {
      look(pin->view());
      return true;
    }
    // Expired and waited for: hand it over, then look again.
    Operation operation(call, state_->context.sink);
    const ExclusiveGuard guard(shard.mutex);
    shard.find_live(hash, key, operation);
  }
}

void Engine::modify(ByteView key, Call& call, FunctionRef<Change(const EntryView*)> decide, PreparedValue* prepared) {
  const KeyHash hash = state_->context.hasher(key);
  Shard& shard = state_->shard(hash);
  Operation operation(call, state_->context.sink);
  const ExclusiveGuard guard(shard.mutex);
  const Shard::Slot slot = shard.find_live(hash, key, operation);
  EntryView view;
  if (slot != nullptr) view = view_of(*Table::entry_at(slot));
  const Change change = decide(slot == nullptr ? nullptr : &view);
  switch (change.kind) {
    case Change::Kind::kKeep:
      break;
    case Change::Kind::kPut:
      shard.put(slot, hash, {key, change.value, change.deadline, false}, prepared, operation);
      break;
    case Change::Kind::kRemove:
      shard.vacate(slot, hash, key, operation);
      break;
    case Change::Kind::kSetDeadline:
      shard.set_deadline(slot, hash, change.deadline, operation);
      break;
  }
  shard.seen_by(call, hash);
}

void Engine::read_many(std::span<const ByteView> keys, Call& call,
                       FunctionRef<void(std::span<const std::optional<EntryView>>)> look) const {
  std::vector<KeyHash> hashes;
  std::vector<Shard*> shards;
  hashes.reserve(keys.size());
  shards.reserve(keys.size());
  for (const ByteView key : keys) {
    hashes.push_back(state_->context.hasher(key));
    shards.push_back(&state_->shard(hashes.back()));
  }
  std::vector<std::optional<EntryView>> views(keys.size());
  while (true) {
    std::optional<std::size_t> to_hand_over;
    {
      const ManyLocks<false> locks(shards);
      const auto look_up = [&](std::size_t i) KV_NO_THREAD_SAFETY_ANALYSIS {
        const Shard& shard = state_->shard(hashes[i]);
        const Entry* entry = shard.find(hashes[i], keys[i]);
        shard.seen_by(call, hashes[i]);
        views[i].reset();
        if (entry == nullptr) return;
        if (!entry->is_expired(call.now)) {
          shard.note_hit(*entry);
          views[i] = view_of(*entry);
        } else if (shard.has_line(keys[i])) {
          to_hand_over = i;
        }
      };
      for (std::size_t i = 0; i < keys.size() && !to_hand_over; ++i) look_up(i);
      if (!to_hand_over) return look(views);
    }
    Operation operation(call, state_->context.sink);
    Shard& shard = state_->shard(hashes[*to_hand_over]);
    const ExclusiveGuard guard(shard.mutex);
    shard.find_live(hashes[*to_hand_over], keys[*to_hand_over], operation);
  }
}

void Engine::put_many(std::span<const value::KeyValue> pairs, UnixMillis deadline, Call& call) {
  std::vector<KeyHash> hashes;
  std::vector<Shard*> shards;
  std::vector<PreparedValue> prepared;
  hashes.reserve(pairs.size());
  shards.reserve(pairs.size());
  prepared.reserve(pairs.size());
  for (const value::KeyValue& pair : pairs) {
    hashes.push_back(state_->context.hasher(pair.key));
    shards.push_back(&state_->shard(hashes.back()));
    prepared.emplace_back(pair.key, pair.value);
  }
  Operation operation(call, state_->context.sink);
  operation.garbage.make_room_for(pairs.size());
  operation.collect(kChangesPerKey * pairs.size());
  const ManyLocks<true> locks(std::move(shards));
  const RecordAtEnd record(operation, [&](Lsn lsn) KV_NO_THREAD_SAFETY_ANALYSIS {
    for (const KeyHash hash : hashes) state_->shard(hash).changed_by(lsn, hash);
  });
  const auto put = [&](std::size_t i) KV_NO_THREAD_SAFETY_ANALYSIS {
    Shard& shard = state_->shard(hashes[i]);
    const Shard::Slot slot = shard.find_live(hashes[i], pairs[i].key, operation);
    shard.put(slot, hashes[i], {pairs[i].key, pairs[i].value, deadline, false}, &prepared[i], operation);
  };
  for (std::size_t i = 0; i < pairs.size(); ++i) put(i);
}

std::uint32_t Engine::remove_many(std::span<const ByteView> keys, Call& call) {
  std::vector<KeyHash> hashes;
  std::vector<Shard*> shards;
  std::vector<std::size_t> order(keys.size());
  hashes.reserve(keys.size());
  shards.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    order[i] = i;
    hashes.push_back(state_->context.hasher(keys[i]));
    shards.push_back(&state_->shard(hashes.back()));
  }
  // A key that is named twice is removed once, even when its removal hands it to somebody.
  std::ranges::sort(order, {}, [&](std::size_t i) { return keys[i]; });
  order.erase(std::ranges::unique(order, {}, [&](std::size_t i) { return keys[i]; }).begin(), order.end());

  Operation operation(call, state_->context.sink);
  operation.garbage.make_room_for(order.size());
  operation.collect(kChangesPerKey * order.size());
  std::uint32_t removed = 0;
  const ManyLocks<true> locks(std::move(shards));
  const RecordAtEnd record(operation, [&](Lsn lsn) KV_NO_THREAD_SAFETY_ANALYSIS {
    for (const KeyHash hash : hashes) state_->shard(hash).changed_by(lsn, hash);
  });
  const auto remove = [&](std::size_t i) KV_NO_THREAD_SAFETY_ANALYSIS {
    Shard& shard = state_->shard(hashes[i]);
    const Shard::Slot slot = shard.find_live(hashes[i], keys[i], operation);
    shard.seen_by(call, hashes[i]);
    if (slot == nullptr) return;
    shard.vacate(slot, hashes[i], keys[i], operation);
    ++removed;
  };
  for (const std::size_t i : order) remove(i);
  return removed;
}

std::uint64_t Engine::flush(Call& call) {
  std::vector<Shard*> shards;
  for (Shard& shard : state_->all()) shards.push_back(&shard);
  std::vector<Shard::Contents> contents;
  contents.reserve(shards.size());
  Operation operation(call, state_->context.sink);
  {
    const ManyLocks<true> locks(shards);
    std::size_t present = 0;
    std::size_t lines = 0;
    const auto prepare = [&](const Shard& shard) KV_NO_THREAD_SAFETY_ANALYSIS {
      contents.push_back(shard.contents_after_flush(call.now));
      present += shard.table().size();
      lines += shard.lines();
      shard.seen_by(call, 0, Table::kScanEnd);
    };
    for (const Shard* shard : shards) prepare(*shard);
    operation.collect(1 + lines);
    const RecordAtEnd record(operation, [&](Lsn lsn) KV_NO_THREAD_SAFETY_ANALYSIS {
      for (Shard* shard : shards) shard->all_changed_by(lsn);
    });
    if (present != 0) operation.record({.kind = Mutation::Kind::kClear});
    const auto swap = [&](std::size_t i) KV_NO_THREAD_SAFETY_ANALYSIS { shards[i]->flush(contents[i], operation); };
    for (std::size_t i = 0; i < shards.size(); ++i) swap(i);
  }
  std::uint64_t removed = 0;
  for (const Shard::Contents& shard : contents) {
    removed += shard.table.size();
    EntryPool::WalkPosition at;
    for (; const Entry* entry = shard.pool.deadline_walk(at); ++at.index) {
      if (entry->is_expired(call.now)) --removed;
    }
  }
  state_->free(contents);
  return removed;
}

std::uint64_t Engine::scan(std::uint64_t cursor, std::size_t count, Call& call,
                           FunctionRef<bool(ByteView key)> visit) const {
  constexpr int kPositionBits = 48;
  constexpr std::uint64_t kPositionMask = (std::uint64_t{1} << kPositionBits) - 1;
  struct Seen {
    std::uint64_t position;
    std::size_t key_size;  // 0: expired
  };
  std::vector<Seen> seen;
  ByteBuffer keys;
  std::size_t index = cursor >> kPositionBits;
  std::uint64_t position = cursor & kPositionMask;
  while (index < state_->count && count != 0) {
    seen.clear();
    keys.clear();
    const Shard& shard = state_->shards[index];
    {
      const SharedGuard guard(shard.mutex);
      const auto note = [&](const Entry& entry) KV_NO_THREAD_SAFETY_ANALYSIS {
        // A key that is waited for doesn't become absent when it expires: whoever asks for it next hands it over.
        const bool present = !entry.is_expired(call.now) || shard.has_line(entry.key());
        seen.push_back({state_->context.hasher(entry.key()).scan_position(), present ? entry.key().size() : 0});
        if (present) keys.append(entry.key());
      };
      const std::uint64_t from = position;
      position = shard.table().scan(from, std::min(count, kScanStep), state_->context.hasher, note);
      shard.seen_by(call, from, position);
    }
    bool go_on = true;
    ByteView rest = keys.view();
    for (std::size_t i = 0; i < seen.size(); ++i) {
      // A cursor can't tell entries of one position apart, so they are visited together.
      if (!go_on && seen[i].position != seen[i - 1].position) {
        return (std::uint64_t{index} << kPositionBits) | seen[i].position;
      }
      if (seen[i].key_size != 0) {
        if (!visit(rest.substr(0, seen[i].key_size))) go_on = false;
        rest.remove_prefix(seen[i].key_size);
      }
    }
    count -= std::min(count, seen.size());
    if (!go_on) count = 0;
    if (position == Table::kScanEnd) {
      ++index;
      position = 0;
    }
  }
  return index >= state_->count ? 0 : (std::uint64_t{index} << kPositionBits) | position;
}

Engine::Acquired Engine::acquire(ByteView key, ByteView owner, std::uint64_t ttl_ms, Call& call, Waiter* waiter) {
  const KeyHash hash = state_->context.hasher(key);
  Shard& shard = state_->shard(hash);
  Operation operation(call, state_->context.sink);
  const ExclusiveGuard guard(shard.mutex);
  const Shard::Slot slot = shard.find_live(hash, key, operation);
  if (slot == nullptr) {
    return {Acquired::State::kHeld, shard.lock_key(nullptr, hash, key, owner, call.now + ttl_ms, operation), 0};
  }
  shard.seen_by(call, hash);
  const UnixMillis deadline = Table::entry_at(slot)->deadline();
  if (waiter == nullptr) return {Acquired::State::kRefused, 0, deadline == 0 ? kNever : deadline - call.now};
  waiter->owner_ = owner;
  waiter->ttl_ms_ = ttl_ms;
  shard.line_up(key, *waiter, deadline);
  return {Acquired::State::kQueued, 0, 0};
}

Engine::Acquired Engine::leave(ByteView key, Waiter& waiter, Call& call) {
  const KeyHash hash = state_->context.hasher(key);
  Shard& shard = state_->shard(hash);
  Operation operation(call, state_->context.sink);
  const ExclusiveGuard guard(shard.mutex);
  if (waiter.queued_) {
    // It may have expired, and then this very waiter may be the next.
    const Shard::Slot slot = shard.find_live(hash, key, operation);
    if (waiter.queued_) {
      shard.seen_by(call, hash);
      shard.leave_line(key, waiter);
      const UnixMillis deadline = Table::entry_at(slot)->deadline();
      return {Acquired::State::kRefused, 0, deadline == 0 ? kNever : deadline - call.now};
    }
  }
  // The grant was recorded by whoever made it.
  call.depends_on(shard.last_lsn());
  return {Acquired::State::kHeld, waiter.token_, 0};
}

void Engine::give_back(ByteView key, const Waiter& waiter, UnixMillis now) {
  Call call{now};
  modify(key, call, [&](const EntryView* entry) {
    const bool is_its_own =
        entry != nullptr && entry->is_lock && entry->value.data == waiter.owner_ && entry->deadline == waiter.deadline_;
    return is_its_own ? Change::remove() : Change::keep();
  });
}

UnixMillis Engine::hand_over_expired(UnixMillis now) {
  Call call{now};
  UnixMillis next = kNever;
  for (Shard& shard : state_->all()) {
    if (!shard.has_lines()) continue;
    Operation operation(call, state_->context.sink);
    const ExclusiveGuard guard(shard.mutex);
    next = std::min(next, shard.hand_over_expired(operation));
  }
  return next;
}

bool Engine::accepts_upkeep() const {
  const MutationSink* sink = state_->context.sink;
  return sink == nullptr || sink->accepts_upkeep();
}

void Engine::sweep(std::uint32_t index, UnixMillis now) {
  Shard& shard = state_->all()[index];
  if (shard.next_due() > now || !accepts_upkeep()) return;
  Call call{now};
  EntryPool::WalkPosition at;
  for (bool first = true, more = true; more; first = false) {
    const bool goes_on = accepts_upkeep();
    Operation operation(call, state_->context.sink);
    const ExclusiveGuard guard(shard.mutex);
    if (!goes_on) return shard.break_off_sweep(now);
    if (first) shard.begin_sweep();
    more = shard.sweep(at, kSweepStep, operation);
  }
}

Engine::Evicted Engine::State::evict(std::size_t bytes, bool deadline_only, Call& call) {
  for (std::uint32_t i = 0; i < count; ++i) {
    Shard& next = shards[eviction_turn.fetch_add(1, std::memory_order_relaxed) % count];
    for (int asked = 0;; ++asked) {
      Operation operation(call, context.sink);
      const ExclusiveGuard guard(next.mutex);
      const Shard::Evicted evicted = next.evict(bytes, {deadline_only, asked >= kEvictPatience}, operation);
      if (evicted.gone.entries != 0) return evicted.gone;
      if (evicted.is_exhausted) break;
    }
  }
  return {};
}

EvictionPolicy Engine::eviction() const {
  return state_->context.policy();
}

void Engine::set_eviction(EvictionPolicy policy) {
  state_->context.eviction.store(policy, std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < state_->count; ++i) {
    Shard& shard = state_->shards[i];
    const ExclusiveGuard guard(shard.mutex);
    shard.set_eviction(policy, i);
  }
}

Engine::Evicted Engine::evict(std::size_t bytes, Call& call) {
  const EvictionPolicy policy = eviction();
  if (policy.kind != Eviction::kTtl) return state_->evict(bytes, policy.deadline_only, call);
  // Whoever has a deadline goes first, in whichever shard.
  const Evicted evicted = state_->evict(bytes, true, call);
  return evicted.entries != 0 || policy.deadline_only ? evicted : state_->evict(bytes, false, call);
}

bool Engine::walk(WalkCursor& cursor, std::size_t count, FunctionRef<void(const Mutation&)> visit) const {
  if (cursor.shard >= state_->count) return false;
  const auto show = [&](const Entry& entry) {
    visit({.key = entry.key(),
           .value = entry.value(),
           .deadline = entry.deadline(),
           .is_lock = entry.is_lock(),
           .large = entry.is_large() ? &entry : nullptr});
  };
  {
    const Shard& shard = state_->shards[cursor.shard];
    const SharedGuard guard(shard.mutex);
    cursor.position = shard.table().scan(cursor.position, std::min(count, kWalkStep), state_->context.hasher, show);
  }
  if (cursor.position == Table::kScanEnd) cursor = {cursor.shard + 1, 0};
  return cursor.shard < state_->count;
}

void Engine::apply(const Mutation& mutation) {
  if (mutation.kind == Mutation::Kind::kClear) return state_->clear();
  std::optional<PreparedValue> prepared;
  if (mutation.kind == Mutation::Kind::kPut) prepared.emplace(mutation.key, mutation.value);
  const KeyHash hash = state_->context.hasher(mutation.key);
  Shard& shard = state_->shard(hash);
  Call no_time;
  Operation operation(no_time, nullptr);
  const ExclusiveGuard guard(shard.mutex);
  const Shard::Slot slot = shard.find_slot(hash, mutation.key);
  switch (mutation.kind) {
    case Mutation::Kind::kPut:
      shard.put(slot, hash, {mutation.key, mutation.value, mutation.deadline, mutation.is_lock}, &*prepared, operation);
      state_->context.raise_last_token(mutation.token);
      break;
    case Mutation::Kind::kDelete:
      KV_ASSERT(!shard.has_line(mutation.key));
      if (slot != nullptr) shard.vacate(slot, hash, mutation.key, operation);
      break;
    case Mutation::Kind::kSetDeadline:
      if (slot != nullptr) shard.set_deadline(slot, hash, mutation.deadline, operation);
      break;
    case Mutation::Kind::kClear:
      break;
  }
}

void Engine::reserve(std::uint64_t entries) {
  // Some shards get a few more than others. That much a table takes without growing.
  const std::size_t each = entries / state_->count + 1;
  for (Shard& shard : state_->all()) {
    const ExclusiveGuard guard(shard.mutex);
    shard.reserve(each);
  }
}

void Engine::raise_last_token(std::uint64_t token) {
  state_->context.raise_last_token(token);
}
std::uint64_t Engine::last_token() const {
  return state_->context.last_token.load(std::memory_order_relaxed);
}

// Each pass only starts fetches that the next one needs, so the fetches of all keys are under way together.
void Engine::prefetch(std::span<const ByteView> keys) const {
  std::array<KeyHash, kPrefetchKeysMax> hashes;
  keys = keys.first(std::min(keys.size(), kPrefetchKeysMax));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    hashes[i] = state_->context.hasher(keys[i]);
    state_->shard(hashes[i]).prefetch(hashes[i]);
  }
  for (std::size_t i = 0; i < keys.size(); ++i) {
    Shard& shard = state_->shard(hashes[i]);
    const SharedGuard guard(shard.mutex);
    // The address is only a hint: by the time it is used another entry may stand there, and commands look it up again.
    if (const Entry* entry = shard.table().probable_entry(hashes[i])) prefetch_entry(entry);
  }
}

std::size_t Engine::table_bytes_per_entry(ByteView key) const {
  const Shard& shard = state_->shard(state_->context.hasher(key));
  const SharedGuard guard(shard.mutex);
  const Table& table = shard.table();
  return table.size() == 0 ? 0 : table.bytes() / table.size();
}

Engine::Usage Engine::usage() const {
  Usage usage;
  for (const Shard& shard : state_->all()) {
    const SharedGuard guard(shard.mutex);
    usage.entries += shard.table().size();
    usage.with_deadline += shard.with_deadline();
    usage.locks += shard.locks();
    usage.table_bytes += shard.table().bytes();
    usage.data_bytes += shard.entry_bytes();
    usage.expired_total += shard.expired_total();
    usage.evicted_total += shard.evicted_total();
    usage.waiters += shard.waiters();
  }
  return usage;
}

}  // namespace kv::engine
