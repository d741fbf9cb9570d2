#include "support/storage/durable_state.hpp"

#include "kv/base/assert.hpp"

namespace kv::storage::test {

using engine::Mutation;

Entries entries_of(const engine::Engine& engine) {
  constexpr std::size_t kStep = 100;
  Entries entries;
  const auto keep = [&](const Mutation& put) {
    const StoredEntry entry{put.value.type, std::string(put.value.data), put.deadline, put.is_lock};
    KV_ASSERT(entries.emplace(put.key, entry).second);
  };
  engine::Engine::WalkCursor cursor;
  while (engine.walk(cursor, kStep, keep)) {
  }
  return entries;
}

Change::Change(const Mutation& mutation)
    : kind(mutation.kind),
      key(mutation.key),
      entry{mutation.value.type, std::string(mutation.value.data), mutation.deadline, mutation.is_lock},
      token(mutation.token) {}

void apply(const Changes& record, Entries& entries) {
  for (const Change& change : record) {
    const auto found = entries.find(change.key);
    switch (change.kind) {
      case Change::Kind::kPut:
        entries[change.key] = change.entry;
        break;
      case Change::Kind::kDelete:
        if (found != entries.end()) entries.erase(found);
        break;
      case Change::Kind::kSetDeadline:
        if (found != entries.end()) found->second.deadline = change.entry.deadline;
        break;
      case Change::Kind::kClear:
        entries.clear();
        break;
    }
  }
}

Entries entries_after(std::span<const Changes> records, std::size_t count) {
  Entries entries;
  for (const Changes& record : records.first(count)) apply(record, entries);
  return entries;
}

void ForwardingSink::forward_to(engine::MutationSink& next, std::size_t kept) {
  const std::lock_guard lock(mutex_);
  KV_ASSERT(kept <= records_.size());
  records_.erase(records_.begin() + static_cast<std::ptrdiff_t>(kept), records_.end());
  next_ = &next;
}

Lsn ForwardingSink::record(std::span<const Mutation> mutations) noexcept {
  // One lock over both, so that what is kept stands in the order of the numbers.
  const std::lock_guard lock(mutex_);
  records_.emplace_back(mutations.begin(), mutations.end());
  const Lsn lsn = next_->record(mutations);
  KV_ASSERT(number(lsn) == records_.size());
  return lsn;
}

Mutation put_of(ByteView key, ByteView data, UnixMillis deadline) {
  return {.kind = Mutation::Kind::kPut, .key = key, .value = {value::ValueType::kBytes, data}, .deadline = deadline};
}

Mutation delete_of(ByteView key) {
  return {.kind = Mutation::Kind::kDelete, .key = key};
}

Mutation clear() {
  return {.kind = Mutation::Kind::kClear};
}

void put(engine::Engine& engine, ByteView key, ByteView data, UnixMillis deadline) {
  engine::Call call{.now = kCreated};
  const value::ValueView value{value::ValueType::kBytes, data};
  engine.modify(key, call, [&](const engine::EntryView*) { return engine::Change::put(value, deadline); });
}

}  // namespace kv::storage::test
