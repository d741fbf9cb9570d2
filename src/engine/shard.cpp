#include "engine/shard.hpp"

#include <algorithm>
#include <utility>

#include "kv/base/assert.hpp"

namespace kv::engine {

std::uint64_t ShardContext::next_token(UnixMillis now) {
  constexpr std::uint64_t kTokensPerMs = 65'536;
  std::uint64_t last = last_token.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    next = std::max(last + 1, now * kTokensPerMs);
  } while (!last_token.compare_exchange_weak(last, next, std::memory_order_relaxed));
  return next;
}

void ShardContext::raise_last_token(std::uint64_t token) {
  std::uint64_t last = last_token.load(std::memory_order_relaxed);
  while (last < token && !last_token.compare_exchange_weak(last, token, std::memory_order_relaxed)) {
  }
}

UnixMillis Waiter::lock_deadline(UnixMillis now) const {
  return std::min(now + ttl_ms_, kDeadlineMax);
}

const Entry* Shard::find(KeyHash hash, ByteView key) const {
  const Slot slot = table_.find(hash, key);
  return slot == nullptr ? nullptr : Table::entry_at(slot);
}

std::size_t Shard::waiters() const {
  std::size_t count = 0;
  for (const auto& [key, line] : lines_) count += line.size();
  return count;
}

Shard::Slot Shard::find_live(KeyHash hash, ByteView key, Operation& operation) {
  const Slot slot = table_.find(hash, key);
  if (slot == nullptr || !Table::entry_at(slot)->is_expired(operation.now())) return slot;
  vacate(slot, hash, key, operation);
  ++expired_total_;
  return table_.find(hash, key);
}

void Shard::put(Slot slot, KeyHash hash, const EntryContent& content, PreparedValue* prepared, Operation& operation,
                std::uint64_t token) {
  const Stored stored = store(slot, hash, content, prepared, operation);
  // Small entries may be moved before a record is made of what was collected, while large ones can be kept.
  const bool is_large = stored.entry->is_large();
  record({.kind = Mutation::Kind::kPut,
          .key = content.key,
          .value = is_large ? stored.entry->value() : content.value,
          .deadline = content.deadline,
          .is_lock = content.is_lock,
          .token = token,
          .large = is_large ? stored.entry : nullptr},
         hash, operation);
  note_deadline(content.key, content.deadline);
  // Last, because the content may be a view of it.
  if (stored.displaced != nullptr) discard(stored.displaced, operation);
}

Shard::Stored Shard::store(Slot slot, KeyHash hash, const EntryContent& content, PreparedValue* prepared,
                           Operation& operation) {
  Entry* old = slot == nullptr ? nullptr : Table::entry_at(slot);
  const std::uint8_t access = access_of(hash, old, content.is_lock, content.deadline);
  if (slot == nullptr) {
    operation.garbage.make_room();
    Entry* entry = make_entry(content, prepared);
    entry->set_access(access);
    try {
      table_.insert(hash, entry, context_.hasher);
    } catch (...) {
      discard(entry, operation);
      throw;
    }
    return {entry, nullptr};
  }
  if (pool_.try_rewrite(old, content)) {
    old->set_access(access);
    return {old, nullptr};
  }
  operation.garbage.make_room();
  Entry* entry = make_entry(content, prepared);
  entry->set_access(access);
  Table::replace(slot, entry);
  return {entry, old};
}

Entry* Shard::make_entry(const EntryContent& content, PreparedValue* prepared) {
  const bool is_prepared = prepared != nullptr && prepared->large_entry_ != nullptr &&
                           prepared->value_.data.data() == content.value.data.data() && !content.is_lock;
  if (!is_prepared) return pool_.add(content);
  pool_.adopt(prepared->large_entry_);
  Entry* entry = std::exchange(prepared->large_entry_, nullptr);
  pool_.set_deadline(entry, content.deadline);
  return entry;
}

// Frees an entry that the table doesn't point at any more, and sets the table right about the one that took its place.
void Shard::discard(Entry* entry, Operation& operation) {
  const bool is_large = entry->is_large();
  const EntryPool::Moved moved = pool_.remove(entry);
  if (is_large) operation.garbage.add(entry);
  if (moved.to == nullptr) return;
  if (!is_large) Table::replace(table_.find(context_.hasher(moved.to->key()), moved.from), moved.to);
  // A sweep that is under way may already have passed the place that it moved to.
  note_due(moved.to->deadline());
}

void Shard::set_deadline(Slot slot, KeyHash hash, UnixMillis deadline, Operation& operation) {
  Entry* entry = Table::entry_at(slot);
  if (entry->deadline() == deadline) return;
  Entry* displaced = nullptr;
  if (entry->is_large() || (entry->has_deadline_field() && deadline != 0)) {
    entry->set_access(access_of(hash, entry, entry->is_lock(), deadline));
    pool_.set_deadline(entry, deadline);
  } else {
    const EntryContent content{entry->key(), entry->value(), deadline, entry->is_lock()};
    displaced = store(slot, hash, content, nullptr, operation).displaced;
  }
  record({.kind = Mutation::Kind::kSetDeadline, .key = entry->key(), .deadline = deadline}, hash, operation);
  note_deadline(entry->key(), deadline);
  if (displaced != nullptr) discard(displaced, operation);
}

void Shard::vacate(Slot slot, KeyHash hash, ByteView key, Operation& operation) {
  if (!lines_.empty()) {
    const auto line = lines_.find(key);
    if (line != lines_.end()) return grant_first(slot, hash, key, line, operation);
  }
  operation.garbage.make_room();
  Entry* entry = Table::entry_at(slot);
  table_.erase(slot, context_.hasher);
  record({.kind = Mutation::Kind::kDelete, .key = key}, hash, operation);
  discard(entry, operation);
}

std::uint64_t Shard::lock_key(Slot slot, KeyHash hash, ByteView key, ByteView owner, UnixMillis deadline,
                              Operation& operation) {
  const value::ValueView value{value::ValueType::kString, owner};
  const std::uint64_t token = context_.next_token(operation.now());
  put(slot, hash, {key, value, deadline, true}, nullptr, operation, token);
  return token;
}

void Shard::line_up(ByteView key, Waiter& waiter, UnixMillis deadline) {
  Line newcomer{&waiter};  // made first, so that a failure leaves no line without a waiter
  Line& line = lines_.try_emplace(std::string(key)).first->second;
  waiter.place_ = newcomer.begin();
  line.splice(line.end(), newcomer);
  waiter.queued_ = true;
  has_lines_.store(true, std::memory_order_relaxed);
  note_deadline(key, deadline);
}

void Shard::leave_line(ByteView key, Waiter& waiter) {
  KV_ASSERT(waiter.queued_);
  const auto line = lines_.find(key);
  KV_ASSERT(line != lines_.end());
  line->second.erase(waiter.place_);
  waiter.queued_ = false;
  drop_line_if_empty(line);
}

void Shard::drop_line_if_empty(Lines::iterator line) {
  if (!line->second.empty()) return;
  lines_.erase(line);
  if (lines_.empty()) has_lines_.store(false, std::memory_order_relaxed);
}

void Shard::grant_first(Slot slot, KeyHash hash, ByteView key, Lines::iterator line, Operation& operation) {
  const Waiter& first = *line->second.front();
  const UnixMillis deadline = first.lock_deadline(operation.now());
  const std::uint64_t token = lock_key(slot, hash, key, first.owner_, deadline, operation);
  make_holder(line, deadline, token);
}

void Shard::make_holder(Lines::iterator line, UnixMillis deadline, std::uint64_t token) {
  Waiter& waiter = *line->second.front();
  waiter.deadline_ = deadline;
  waiter.token_ = token;
  line->second.pop_front();
  waiter.queued_ = false;
  drop_line_if_empty(line);
  // Last: from here on its owner may end the wait.
  waiter.granted();
}

void Shard::note_deadline(ByteView key, UnixMillis deadline) {
  if (deadline == 0) return;
  note_due(deadline);
  if (context_.alarm != nullptr && has_line(key)) context_.alarm->wake_by(deadline);
}

UnixMillis Shard::hand_over_expired(Operation& operation) {
  UnixMillis next = kNever;
  for (auto line = lines_.begin(); line != lines_.end();) {
    const auto following = std::next(line);
    const std::string key = line->first;
    const KeyHash hash = context_.hasher(key);
    const Slot slot = find_live(hash, key, operation);
    KV_ASSERT(slot != nullptr);
    const UnixMillis deadline = Table::entry_at(slot)->deadline();
    if (deadline != 0 && has_line(key)) next = std::min(next, deadline);
    line = following;
  }
  return next;
}

Shard::Contents Shard::contents_after_flush(UnixMillis now) const {
  Contents fresh{Table(), context_.make_pool()};
  for (const auto& [key, line] : lines_) {
    const Waiter& first = *line.front();
    const value::ValueView owner{value::ValueType::kString, first.owner_};
    Entry* lock = fresh.pool.add({key, owner, first.lock_deadline(now), true});
    fresh.table.insert(context_.hasher(key), lock, context_.hasher);
  }
  return fresh;
}

void Shard::flush(Contents& fresh, Operation& operation) {
  std::swap(table_, fresh.table);
  pool_.swap(fresh.pool);
  if (order_ != nullptr) order_->clear_into(fresh.queue);
  next_due_.store(kNever, std::memory_order_relaxed);
  for (auto line = lines_.begin(); line != lines_.end();) {
    const auto following = std::next(line);
    const KeyHash hash = context_.hasher(line->first);
    const Entry* lock = find(hash, line->first);
    const std::uint64_t token = context_.next_token(operation.now());
    record({.kind = Mutation::Kind::kPut,
            .key = lock->key(),
            .value = lock->value(),
            .deadline = lock->deadline(),
            .is_lock = true,
            .token = token,
            .large = lock->is_large() ? lock : nullptr},
           hash, operation);
    note_deadline(line->first, lock->deadline());
    make_holder(line, lock->deadline(), token);
    line = following;
  }
}

Shard::Evicted Shard::evict(std::size_t bytes, EvictionOrder::Reach reach, Operation& operation) {
  Evicted done;
  if (order_ == nullptr) return {.is_exhausted = true};
  while (done.gone.entries == 0 || (done.gone.bytes < bytes && done.gone.entries < kEvictedAtOnceMax)) {
    Entry* victim = nullptr;
    const auto outcome = order_->choose(table_, pool_, operation.now(), reach, victim);
    if (outcome != EvictionOrder::Outcome::kVictim) {
      done.is_exhausted = outcome == EvictionOrder::Outcome::kNobody;
      return done;
    }
    const std::size_t victim_bytes = victim->size();
    std::uint64_t& total = victim->is_expired(operation.now()) ? expired_total_ : evicted_total_;
    const KeyHash hash = context_.hasher(victim->key());
    vacate(table_.find(hash, victim), hash, victim->key(), operation);
    order_->evicted(table_.size());
    ++total;
    ++done.gone.entries;
    done.gone.bytes += victim_bytes;
  }
  return done;
}

void Shard::set_eviction(EvictionPolicy policy, std::uint64_t seed) {
  std::unique_ptr<EvictionOrder> order;
  std::vector<std::uint8_t> accesses;  // set when nothing can fail any more
  if (policy.kind != Eviction::kNone) {
    order = std::make_unique<EvictionOrder>(policy, context_.hasher, seed);
    const Table& table = table_;
    accesses.reserve(table.size());
    table.for_each([&](const Entry* entry) {
      const KeyHash hash = context_.hasher(entry->key());
      accesses.push_back(order->access_of(hash, nullptr, entry->is_lock(), entry->deadline(), table));
    });
  }
  auto access = accesses.begin();
  if (order != nullptr) table_.for_each([&](const Entry* entry) { entry->set_access(*access++); });
  order_ = std::move(order);
}

bool Shard::sweep(EntryPool::WalkPosition& at, std::size_t count, Operation& operation) {
  for (; count != 0; --count) {
    const Entry* entry = pool_.deadline_walk(at);
    if (entry == nullptr) return false;
    if (!entry->is_expired(operation.now())) {
      note_due(entry->deadline());
      ++at.index;
      continue;
    }
    const KeyHash hash = context_.hasher(entry->key());
    try {
      vacate(table_.find(hash, entry), hash, entry->key(), operation);
    } catch (...) {
      break_off_sweep(operation.now());
      throw;
    }
    ++expired_total_;
  }
  return true;
}

}  // namespace kv::engine
