#include "engine/entry.hpp"

#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>

#include "kv/base/assert.hpp"
#include "kv/base/free_beside.hpp"
#include "kv/base/memory_account.hpp"

namespace kv::engine {
namespace {

// What the allocator has set aside for it, rather than what was asked for.
std::int64_t allocated_bytes(LargePrefix& prefix) {
  return static_cast<std::int64_t>(malloc_usable_size(&prefix) + sizeof(std::size_t));
}

}  // namespace

Entry* Entry::write(void* memory, const EntryContent& content, bool has_deadline_field, bool is_large) {
  KV_ASSERT(content.deadline == 0 || has_deadline_field);
  auto* entry = new (memory) Entry;
  entry->type_and_flags_ = static_cast<std::uint8_t>(static_cast<std::uint8_t>(content.value.type) |
                                                     (has_deadline_field ? kHasDeadlineField : 0) |
                                                     (content.is_lock ? kIsLock : 0) | (is_large ? kIsLarge : 0));
  entry->set_access(0);
  entry->key_size_ = static_cast<std::uint16_t>(content.key.size());
  entry->data_size_ = static_cast<std::uint32_t>(content.value.data.size());
  if (has_deadline_field) *entry->deadline_field() = content.deadline;
  char* to = entry->mutable_body();
  std::memcpy(to, content.key.data(), content.key.size());
  if (!content.value.data.empty()) {
    std::memcpy(to + content.key.size(), content.value.data.data(), content.value.data.size());
  }
  return entry;
}

bool Entry::try_rewrite(const EntryContent& content) {
  if (is_large() || content.value.data.size() != data_size_) return false;
  if (has_deadline_field() != (content.deadline != 0)) return false;
  type_and_flags_ = static_cast<std::uint8_t>(static_cast<std::uint8_t>(content.value.type) |
                                              (type_and_flags_ & kHasDeadlineField) | (content.is_lock ? kIsLock : 0));
  if (content.deadline != 0) *deadline_field() = content.deadline;
  // The new value may be a view of the old one (a lock that is extended, a deadline that changes).
  if (data_size_ != 0) std::memmove(mutable_body() + key_size_, content.value.data.data(), data_size_);
  return true;
}

Entry* make_large_entry(const EntryContent& content) {
  const std::size_t size = Entry::size_for(content.key.size(), content.value.data.size(), true);
  void* memory = std::malloc(sizeof(LargePrefix) + size);
  if (memory == nullptr) throw std::bad_alloc();
  auto* prefix = new (memory) LargePrefix{0, {1}};
  memory::add(memory::Use::kLargeEntries, allocated_bytes(*prefix));
  return Entry::write(prefix + 1, content, true, true);
}

void unpin_large_entry(const Entry* entry) {
  LargePrefix& prefix = large_prefix(entry);
  if (prefix.users.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  memory::add(memory::Use::kLargeEntries, -allocated_bytes(prefix));
  free_beside(&prefix, sizeof(LargePrefix) + entry->size());
}

}  // namespace kv::engine
