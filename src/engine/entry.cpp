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
  const ByteView key = content.key;
  const ByteView data = content.value.data;
  const bool is_wide = are_wide(key.size(), data.size());
  auto* entry = new (memory) Entry;
  entry->type_and_flags_ = static_cast<std::uint8_t>(
      static_cast<std::uint8_t>(content.value.type) | (has_deadline_field ? kHasDeadlineField : 0) |
      (content.is_lock ? kIsLock : 0) | (is_large ? kIsLarge : 0) | (is_wide ? kIsWide : 0));
  entry->set_access(0);
  if (is_wide) {
    entry->store(kWideKeySizeAt, static_cast<std::uint16_t>(key.size()));
    entry->store(kWideDataSizeAt, static_cast<std::uint32_t>(data.size()));
  } else {
    entry->key_size_ = static_cast<std::uint8_t>(key.size());
    entry->data_size_ = static_cast<std::uint8_t>(data.size());
  }
  if (has_deadline_field) entry->set_deadline(content.deadline);
  char* to = entry->mutable_body();
  std::memcpy(to, key.data(), key.size());
  if (!data.empty()) std::memcpy(to + key.size(), data.data(), data.size());
  return entry;
}

bool Entry::try_rewrite(const EntryContent& content) {
  if (is_large() || content.value.data.size() != data_size()) return false;
  if (has_deadline_field() != (content.deadline != 0)) return false;
  type_and_flags_ =
      static_cast<std::uint8_t>(static_cast<std::uint8_t>(content.value.type) |
                                (type_and_flags_ & (kHasDeadlineField | kIsWide)) | (content.is_lock ? kIsLock : 0));
  if (content.deadline != 0) set_deadline(content.deadline);
  // The new value may be a view of the old one (a lock that is extended, a deadline that changes).
  const ByteView data = content.value.data;
  if (!data.empty()) std::memmove(mutable_body() + key_size(), data.data(), data.size());
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
