// An entry: one key and its value, in one piece of memory.
//
//   offset 0  u8   value type (low 4 bits) and flags
//          1  u8   what the eviction policy notes of its use; else unused
//          2  u16  key length
//          4  u32  data length
//          8  u64  deadline                  only with kHasDeadlineField
//          …       key bytes, data bytes
//
// Entries up to kSlabEntryMax bytes live in the slabs of their shard's EntryPool and may be moved by it. Larger ones
// are allocated one by one, always have the deadline field (so EXPIRE never copies a large value), and are preceded by
// a LargePrefix.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "kv/base/bytes.hpp"
#include "kv/base/clock.hpp"
#include "kv/value/value_view.hpp"

namespace kv::engine {

// Sizes are whole multiples of this, and so are addresses.
inline constexpr std::size_t kEntryAlignment = 8;
inline constexpr std::size_t kSlabEntryMax = 1024;

// What is to be stored. `deadline` 0: none.
struct EntryContent {
  ByteView key;
  value::ValueView value;
  UnixMillis deadline = 0;
  bool is_lock = false;
};

class Entry {
 public:
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  ByteView key() const { return {body(), key_size_}; }
  ByteView data() const { return {body() + key_size_, data_size_}; }
  value::ValueView value() const { return {static_cast<value::ValueType>(type_and_flags_ & kTypeMask), data()}; }
  bool is_lock() const { return (type_and_flags_ & kIsLock) != 0; }
  bool is_large() const { return (type_and_flags_ & kIsLarge) != 0; }
  // 0: none.
  UnixMillis deadline() const { return has_deadline_field() ? *deadline_field() : 0; }
  bool is_expired(UnixMillis now) const {
    const UnixMillis at = deadline();
    return at != 0 && at <= now;
  }

  // What the eviction policy notes of its use, as EvictionOrder has it. A reader sets it under the shared lock.
  std::uint8_t access() const { return access_.load(std::memory_order_relaxed); }
  void set_access(std::uint8_t access) const { access_.store(access, std::memory_order_relaxed); }

  bool has_deadline_field() const { return (type_and_flags_ & kHasDeadlineField) != 0; }
  // The bytes it takes, rounded up to kEntryAlignment.
  std::size_t size() const { return size_for(key_size_, data_size_, has_deadline_field()); }
  static std::size_t size_for(std::size_t key_size, std::size_t data_size, bool has_deadline_field) {
    const std::size_t bytes = sizeof(Entry) + (has_deadline_field ? sizeof(UnixMillis) : 0) + key_size + data_size;
    return (bytes + kEntryAlignment - 1) & ~(kEntryAlignment - 1);
  }

  // Writes `content` to `memory`. REQUIRES: size_for() bytes there; a deadline only with the field for it.
  static Entry* write(void* memory, const EntryContent& content, bool has_deadline_field, bool is_large);

  // Replaces value, deadline and lock flag where that needs no other memory: same data size, and a field for the
  // deadline exactly when there is one. False, unchanged, otherwise. Never for a large entry, which readers may share.
  bool try_rewrite(const EntryContent& content);
  // REQUIRES: has_deadline_field(), and deadline != 0 unless is_large().
  void set_deadline(UnixMillis deadline) { *deadline_field() = deadline; }

 private:
  static constexpr std::uint8_t kTypeMask = 0x0F;
  static constexpr std::uint8_t kHasDeadlineField = 0x10;
  static constexpr std::uint8_t kIsLock = 0x20;
  static constexpr std::uint8_t kIsLarge = 0x40;

  Entry() = default;
  const char* body() const {
    return reinterpret_cast<const char*>(this + 1) + (has_deadline_field() ? sizeof(UnixMillis) : 0);
  }
  char* mutable_body() { return const_cast<char*>(body()); }
  UnixMillis* deadline_field() { return reinterpret_cast<UnixMillis*>(this + 1); }
  const UnixMillis* deadline_field() const { return reinterpret_cast<const UnixMillis*>(this + 1); }

  std::uint8_t type_and_flags_;
  mutable std::atomic<std::uint8_t> access_;
  std::uint16_t key_size_;
  std::uint32_t data_size_;
};
static_assert(sizeof(Entry) == 8);

// Asks for a line of memory that is needed soon: into the second cache, as the few buffers of the first one, which all
// that is under way would stand in, fill up (3 to 5 % at pipelines of 64).
inline void fetch_ahead(const void* address) {
  constexpr int kToRead = 0;
  constexpr int kSecondCache = 2;
  __builtin_prefetch(address, kToRead, kSecondCache);
}

// Fetches the start of an entry: its header and key, and, where they are short, its data. Most entries lie across two
// cache lines, and the second one would be asked for only when the first has come.
inline void prefetch_entry(const Entry* entry) {
  constexpr std::size_t kCacheLineBytes = 64;
  fetch_ahead(entry);
  fetch_ahead(reinterpret_cast<const char*>(entry) + kCacheLineBytes);
}

// Stands right before a large entry.
struct LargePrefix {
  std::uint32_t index;               // where the pool's list of large entries has it
  std::atomic<std::uint32_t> users;  // the table is one; each reader that copies it without the lock is another
};
static_assert(sizeof(LargePrefix) == kEntryAlignment);

// A large entry that no table knows yet. Throws std::bad_alloc.
Entry* make_large_entry(const EntryContent& content);
// REQUIRES: entry->is_large(), for all three.
inline LargePrefix& large_prefix(const Entry* entry) {
  return *(reinterpret_cast<LargePrefix*>(const_cast<Entry*>(entry)) - 1);
}
inline void pin_large_entry(const Entry* entry) {
  large_prefix(entry).users.fetch_add(1, std::memory_order_relaxed);
}
// Frees it when this was the last user.
void unpin_large_entry(const Entry* entry);

}  // namespace kv::engine
