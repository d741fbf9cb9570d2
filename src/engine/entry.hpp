// An entry: one key and its value, in one piece of memory.
//
//   offset 0  u8   value type (low 4 bits) and flags
//          1  u8   what the eviction policy notes of its use; else unused
//          2  u8   key length                with kIsWide:  2  u16  key length
//          3  u8   data length                              4  u32  data length
//          …  u64  deadline                  only with kHasDeadlineField
//          …       key bytes, data bytes
//
// Nothing in it is aligned, so that it takes no more than it has to: entries are many, and most are small.
//
// Entries up to kSlabEntryMax bytes live in the slabs of their shard's EntryPool and may be moved by it. Larger ones
// are allocated one by one, always have the deadline field (so EXPIRE never copies a large value), and are preceded by
// a LargePrefix.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kv/base/bytes.hpp"
#include "kv/base/clock.hpp"
#include "kv/value/value_view.hpp"

namespace kv::engine {

// Sizes are whole multiples of this, and so are addresses.
inline constexpr std::size_t kEntryAlignment = 4;
inline constexpr std::size_t kSlabEntryMax = 1024;

// The sizes that entries are rounded up to. Beyond kFineMax they are twice as far apart: rounding up costs little then,
// while every size in use takes pages of its own.
struct EntrySizes {
  static constexpr std::size_t kFineMax = 128;
  static constexpr std::size_t kCoarseStep = 2 * kEntryAlignment;

  static constexpr std::size_t round_up(std::size_t bytes) {
    const std::size_t step = bytes <= kFineMax ? kEntryAlignment : kCoarseStep;
    return (bytes + step - 1) & ~(step - 1);
  }
  // Numbers the sizes from 0 on. REQUIRES: a size that round_up() returns.
  static constexpr std::size_t number(std::size_t size) {
    if (size <= kFineMax) return size / kEntryAlignment;
    return kFineMax / kEntryAlignment + (size - kFineMax) / kCoarseStep;
  }
};

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

  ByteView key() const { return {body(), key_size()}; }
  ByteView data() const { return {body() + key_size(), data_size()}; }
  value::ValueView value() const { return {static_cast<value::ValueType>(type_and_flags_ & kTypeMask), data()}; }
  bool is_lock() const { return (type_and_flags_ & kIsLock) != 0; }
  bool is_large() const { return (type_and_flags_ & kIsLarge) != 0; }
  // 0: none.
  UnixMillis deadline() const { return has_deadline_field() ? load<UnixMillis>(deadline_at()) : 0; }
  bool is_expired(UnixMillis now) const {
    const UnixMillis at = deadline();
    return at != 0 && at <= now;
  }

  // What the eviction policy notes of its use, as EvictionOrder has it. A reader sets it under the shared lock.
  std::uint8_t access() const { return access_.load(std::memory_order_relaxed); }
  void set_access(std::uint8_t access) const { access_.store(access, std::memory_order_relaxed); }

  bool has_deadline_field() const { return (type_and_flags_ & kHasDeadlineField) != 0; }
  // The bytes it takes, rounded up.
  std::size_t size() const { return size_for(key_size(), data_size(), has_deadline_field()); }
  static std::size_t size_for(std::size_t key_size, std::size_t data_size, bool has_deadline_field) {
    const std::size_t header = are_wide(key_size, data_size) ? kWideHeaderBytes : sizeof(Entry);
    return EntrySizes::round_up(header + (has_deadline_field ? sizeof(UnixMillis) : 0) + key_size + data_size);
  }

  // Writes `content` to `memory`. REQUIRES: size_for() bytes there; a deadline only with the field for it.
  static Entry* write(void* memory, const EntryContent& content, bool has_deadline_field, bool is_large);

  // Replaces value, deadline and lock flag where that needs no other memory: same data size, and a field for the
  // deadline exactly when there is one. False, unchanged, otherwise. Never for a large entry, which readers may share.
  bool try_rewrite(const EntryContent& content);
  // REQUIRES: has_deadline_field(), and deadline != 0 unless is_large().
  void set_deadline(UnixMillis deadline) { store(deadline_at(), deadline); }

 private:
  static constexpr std::uint8_t kTypeMask = 0x0F;
  static constexpr std::uint8_t kHasDeadlineField = 0x10;
  static constexpr std::uint8_t kIsLock = 0x20;
  static constexpr std::uint8_t kIsLarge = 0x40;
  static constexpr std::uint8_t kIsWide = 0x80;
  static constexpr std::size_t kWideHeaderBytes = 8;
  static constexpr std::size_t kWideKeySizeAt = 2;
  static constexpr std::size_t kWideDataSizeAt = 4;

  Entry() = default;
  static bool are_wide(std::size_t key_size, std::size_t data_size) { return (key_size | data_size) > 0xFF; }
  bool is_wide() const { return (type_and_flags_ & kIsWide) != 0; }
  std::size_t key_size() const { return is_wide() ? load<std::uint16_t>(kWideKeySizeAt) : key_size_; }
  std::size_t data_size() const { return is_wide() ? load<std::uint32_t>(kWideDataSizeAt) : data_size_; }
  std::size_t deadline_at() const { return is_wide() ? kWideHeaderBytes : sizeof(Entry); }
  const char* start() const { return reinterpret_cast<const char*>(this); }
  const char* body() const { return start() + deadline_at() + (has_deadline_field() ? sizeof(UnixMillis) : 0); }
  char* mutable_body() { return const_cast<char*>(body()); }
  template <typename T>
  T load(std::size_t offset) const {
    T value;
    std::memcpy(&value, start() + offset, sizeof(T));
    return value;
  }
  template <typename T>
  void store(std::size_t offset, T value) {
    std::memcpy(const_cast<char*>(start()) + offset, &value, sizeof(T));
  }

  std::uint8_t type_and_flags_;
  mutable std::atomic<std::uint8_t> access_;
  std::uint8_t key_size_;
  std::uint8_t data_size_;
};
static_assert(sizeof(Entry) == 4 && alignof(Entry) == 1);

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
static_assert(sizeof(LargePrefix) % kEntryAlignment == 0);

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
