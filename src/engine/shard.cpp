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

Shard::Slot Shard::find_live(KeyHash hash, ByteView key, UnixMillis now, Garbage& garbage) {
  const Slot slot = table_.find(hash, key);
  if (slot == nullptr || !Table::entry_at(slot)->is_expired(now)) return slot;
  vacate(slot, hash, now, garbage);
  ++expired_total_;
  return table_.find(hash, key);
}

void Shard::put(Slot slot, KeyHash hash, const EntryContent& content, PreparedValue* prepared, Garbage& garbage) {
  if (slot == nullptr) {
    garbage.make_room();
    Entry* entry = make_entry(content, prepared);
    try {
      table_.insert(hash, entry, context_.hasher);
    } catch (...) {
      discard(entry, garbage);
      throw;
    }
  } else if (Entry* old = Table::entry_at(slot); !old->try_rewrite(content)) {
    garbage.make_room();
    Table::replace(slot, make_entry(content, prepared));
    discard(old, garbage);
  }
  note_deadline(content.key, content.deadline);
}

Entry* Shard::make_entry(const EntryContent& content, PreparedValue* prepared) {
  const bool is_prepared = prepared != nullptr && prepared->large_entry_ != nullptr &&
                           prepared->value_.data.data() == content.value.data.data() && !content.is_lock;
  if (!is_prepared) return pool_.add(content);
  pool_.adopt(prepared->large_entry_);
  Entry* entry = std::exchange(prepared->large_entry_, nullptr);
  entry->set_deadline(content.deadline);
  return entry;
}

// Frees an entry that the table doesn't point at any more, and sets the table right about the one that took its place.
void Shard::discard(Entry* entry, Garbage& garbage) {
  const bool is_large = entry->is_large();
  const EntryPool::Moved moved = pool_.remove(entry);
  if (is_large) garbage.add(entry);
  if (moved.to == nullptr) return;
  if (!is_large) Table::replace(table_.find(context_.hasher(moved.to->key()), moved.from), moved.to);
  // A sweep that is under way may already have passed the place that it moved to.
  note_due(moved.to->deadline());
}

void Shard::set_deadline(Slot slot, KeyHash hash, UnixMillis deadline, Garbage& garbage) {
  Entry* entry = Table::entry_at(slot);
  if (entry->is_large() || (entry->has_deadline_field() && deadline != 0)) {
    entry->set_deadline(deadline);
    note_deadline(entry->key(), deadline);
  } else if (entry->has_deadline_field() != (deadline != 0)) {
    const std::string key(entry->key());
    put(slot, hash, {key, entry->value(), deadline, entry->is_lock()}, nullptr, garbage);
  }
}

void Shard::vacate(Slot slot, KeyHash hash, UnixMillis now, Garbage& garbage) {
  if (!lines_.empty()) {
    const auto line = lines_.find(Table::entry_at(slot)->key());
    if (line != lines_.end()) return grant_first(slot, hash, line, now, garbage);
  }
  garbage.make_room();
  Entry* entry = Table::entry_at(slot);
  table_.erase(slot, context_.hasher);
  discard(entry, garbage);
}

std::uint64_t Shard::lock_key(Slot slot, KeyHash hash, ByteView key, ByteView owner, UnixMillis deadline,
                              UnixMillis now, Garbage& garbage) {
  const value::ValueView value{value::ValueType::kString, owner};
  put(slot, hash, {key, value, deadline, true}, nullptr, garbage);
  return context_.next_token(now);
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

void Shard::grant_first(Slot slot, KeyHash hash, Lines::iterator line, UnixMillis now, Garbage& garbage) {
  const Waiter& first = *line->second.front();
  const UnixMillis deadline = first.lock_deadline(now);
  const std::uint64_t token = lock_key(slot, hash, line->first, first.owner_, deadline, now, garbage);
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

UnixMillis Shard::hand_over_expired(UnixMillis now, Garbage& garbage) {
  UnixMillis next = kNever;
  for (auto line = lines_.begin(); line != lines_.end();) {
    const auto following = std::next(line);
    const std::string key = line->first;
    const KeyHash hash = context_.hasher(key);
    const Slot slot = find_live(hash, key, now, garbage);
    KV_ASSERT(slot != nullptr);
    const UnixMillis deadline = Table::entry_at(slot)->deadline();
    if (deadline != 0 && has_line(key)) next = std::min(next, deadline);
    line = following;
  }
  return next;
}

Shard::Contents Shard::contents_after_flush(UnixMillis now) const {
  Contents fresh{Table(), EntryPool(context_.pages)};
  for (const auto& [key, line] : lines_) {
    const Waiter& first = *line.front();
    const value::ValueView owner{value::ValueType::kString, first.owner_};
    Entry* lock = fresh.pool.add({key, owner, first.lock_deadline(now), true});
    fresh.table.insert(context_.hasher(key), lock, context_.hasher);
  }
  return fresh;
}

void Shard::flush(Contents& fresh, UnixMillis now) {
  std::swap(table_, fresh.table);
  pool_.swap(fresh.pool);
  next_due_.store(kNever, std::memory_order_relaxed);
  for (auto line = lines_.begin(); line != lines_.end();) {
    const auto following = std::next(line);
    const UnixMillis deadline = line->second.front()->lock_deadline(now);
    note_deadline(line->first, deadline);
    make_holder(line, deadline, context_.next_token(now));
    line = following;
  }
}

bool Shard::sweep(EntryPool::WalkPosition& at, std::size_t count, UnixMillis now, Garbage& garbage) {
  for (; count != 0; --count) {
    const Entry* entry = pool_.deadline_walk(at);
    if (entry == nullptr) return false;
    if (!entry->is_expired(now)) {
      note_due(entry->deadline());
      ++at.index;
      continue;
    }
    const KeyHash hash = context_.hasher(entry->key());
    try {
      vacate(table_.find(hash, entry), hash, now, garbage);
    } catch (...) {
      note_due(now);  // for what this sweep will not reach
      throw;
    }
    ++expired_total_;
  }
  return true;
}

}  // namespace kv::engine
