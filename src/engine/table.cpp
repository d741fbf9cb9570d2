#include "engine/table.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "kv/base/assert.hpp"

#include "engine/memory.hpp"

namespace kv::engine {
namespace {

constexpr std::size_t kCapacityMin = 16;
constexpr std::size_t kTailMin = 16;

// At most four slots in five are used; a new array starts at a little under two in three, give or take. Keys spread
// evenly, so all tables of an engine would grow at nearly the same moment, and their short pauses would add up to a
// long one; `dice`, any 16 bits that differ from table to table, draws them apart.
bool is_full(std::size_t used, std::size_t capacity) {
  return used * 5 >= capacity * 4;
}
std::size_t capacity_for(std::size_t entries, std::uint16_t dice) {
  const std::size_t spread = ((entries / 10) * dice) >> 16;
  return std::max(kCapacityMin, entries + entries / 2 + spread);
}
bool is_sparse(std::size_t entries, std::size_t capacity) {
  return capacity > kCapacityMin && entries * 4 < capacity;
}

// What == says, without a call for the usual short keys.
bool same_key(ByteView a, ByteView b) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  if (a.size() != b.size()) return false;
  if (a.size() < kWord || a.size() > 4 * kWord) return a == b;
  const auto word = [](ByteView key, std::size_t at) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, key.data() + at, kWord);
    return bytes;
  };
  std::uint64_t difference = 0;
  for (std::size_t at = 0; at + kWord < a.size(); at += kWord) difference |= word(a, at) ^ word(b, at);
  const std::size_t last = a.size() - kWord;  // which may overlap the one before
  return (difference | (word(a, last) ^ word(b, last))) == 0;
}

}  // namespace

Table::~Table() {
  free_block(slots(), bytes());
}

Table::Table(Table&& other) noexcept {
  swap(other);
}

Table& Table::operator=(Table&& other) noexcept {
  Table taken(std::move(other));
  swap(taken);
  return *this;
}

void Table::swap(Table& other) noexcept {
  slots_ = other.slots_.exchange(slots_);
  capacity_ = other.capacity_.exchange(capacity_);
  std::swap(tail_, other.tail_);
  std::swap(size_, other.size_);
  std::swap(erased_, other.erased_);
}

Table::Slot Table::find(KeyHash hash, ByteView key) const {
  if (capacity() == 0) return nullptr;
  // The last slot of the tail is never used, so every probe ends.
  for (std::uint64_t* slot = slots() + home(hash); *slot != kNeverUsed; ++slot) {
    if ((*slot >> 48) != hash.tag() || !holds_entry(*slot)) continue;
    const Entry* entry = entry_of(*slot);
    prefetch_entry(entry);
    if (same_key(entry->key(), key)) return slot;
  }
  return nullptr;
}

Table::Slot Table::find(KeyHash hash, const Entry* entry) const {
  std::uint64_t* slot = slots() + home(hash);
  while (entry_of(*slot) != entry) {
    KV_ASSERT(*slot != kNeverUsed);
    ++slot;
  }
  return slot;
}

const Entry* Table::probable_entry(KeyHash hash) const {
  if (capacity() == 0) return nullptr;
  for (const std::uint64_t* slot = slots() + home(hash); *slot != kNeverUsed; ++slot) {
    if ((*slot >> 48) == hash.tag() && holds_entry(*slot)) return entry_of(*slot);
  }
  return nullptr;
}

Entry* Table::find_between(std::uint32_t first, std::uint32_t last,
                           FunctionRef<bool(std::uint16_t tag, const Entry& entry)> matches) const {
  if (capacity() == 0) return nullptr;
  const std::size_t end = home_of(last);
  for (std::size_t index = home_of(first); index <= end || slots()[index] != kNeverUsed; ++index) {
    const std::uint64_t slot = slots()[index];
    if (holds_entry(slot) && matches(static_cast<std::uint16_t>(slot >> 48), *entry_of(slot))) return entry_of(slot);
  }
  return nullptr;
}

bool Table::try_place(KeyHash hash, Entry* entry) {
  if (capacity() == 0) return false;
  std::size_t index = home(hash);
  while (holds_entry(slots()[index])) ++index;
  if (index + 1 >= slots_allocated()) return false;
  if (slots()[index] == kErased) --erased_;
  slots()[index] = (std::uint64_t{hash.tag()} << 48) | reinterpret_cast<std::uintptr_t>(entry);
  ++size_;
  return true;
}

void Table::insert(KeyHash hash, Entry* entry, const Hasher& hasher) {
  if (is_full(size_ + erased_ + 1, capacity())) {
    rebuild(capacity_for(size_ + 1, hash.tag()), std::max(tail_, kTailMin), hasher);
  }
  // Only many keys with nearly the same position, next to the end, can use up a tail.
  while (!try_place(hash, entry)) rebuild(capacity(), tail_ * 2, hasher);
}

void Table::erase(Slot slot, const Hasher& hasher) {
  const auto dice = static_cast<std::uint16_t>(*slot >> 48);
  --size_;
  if (slot[1] == kNeverUsed) {
    // Nothing was displaced past this slot, so neither it nor erased ones right before it have to be probed through.
    *slot = kNeverUsed;
    while (slot != slots() && slot[-1] == kErased) {
      *--slot = kNeverUsed;
      --erased_;
    }
  } else {
    *slot = kErased;
    ++erased_;
  }
  if (!is_sparse(size_, capacity())) return;
  try {
    rebuild(capacity_for(size_, dice), kTailMin, hasher);
  } catch (const std::bad_alloc&) {
    // Erasing must not fail; a later one tries again.
  }
}

void Table::reserve(std::size_t entries, const Hasher& hasher) {
  KV_ASSERT(size_ == 0);
  rebuild(capacity_for(entries, 0), kTailMin, hasher);
}

void Table::rebuild(std::size_t capacity, std::size_t tail, const Hasher& hasher) {
  Table fresh;
  fresh.capacity_ = capacity;
  fresh.tail_ = tail;
  fresh.slots_ = static_cast<std::uint64_t*>(allocate_block(fresh.bytes()));

  // Each entry has to be hashed, and so fetched from memory: several fetches are kept under way at once.
  constexpr std::size_t kAhead = 12;
  const std::size_t end = slots_allocated();
  for (std::size_t index = 0; index < end; ++index) {
    if (index + kAhead < end) __builtin_prefetch(entry_of(slots()[index + kAhead]));
    if (!holds_entry(slots()[index])) continue;
    Entry* entry = entry_of(slots()[index]);
    if (!fresh.try_place(hasher(entry->key()), entry)) return rebuild(capacity, tail * 2, hasher);
  }
  swap(fresh);
}

std::size_t Table::run_start(std::size_t index) const {
  while (index > 0 && slots()[index - 1] != kNeverUsed) --index;
  return index;
}

std::uint64_t Table::scan(std::uint64_t from, std::size_t count, const Hasher& hasher,
                          FunctionRef<void(const Entry&)> visit) const {
  if (capacity() == 0 || from > (kScanEnd >> 16)) return kScanEnd;
  struct Found {
    std::uint64_t position;
    const Entry* entry;
  };
  std::vector<Found> run;
  std::size_t index = run_start(home(KeyHash{from << 16}));
  std::size_t visited = 0;
  const std::size_t end = slots_allocated();
  while (index < end) {
    run.clear();
    for (; index < end && slots()[index] != kNeverUsed; ++index) {
      if (!holds_entry(slots()[index])) continue;
      const Entry* entry = entry_of(slots()[index]);
      const std::uint64_t position = hasher(entry->key()).scan_position();
      if (position >= from) run.push_back({position, entry});
    }
    std::ranges::sort(run, {}, &Found::position);
    for (std::size_t i = 0; i < run.size(); ++i) {
      const bool tied = i > 0 && run[i].position == run[i - 1].position;
      if (visited >= count && !tied) return run[i].position;
      visit(*run[i].entry);
      ++visited;
    }
    ++index;
  }
  return kScanEnd;
}

void Table::for_each(FunctionRef<void(Entry*)> visit) const {
  for (std::size_t index = 0; index < slots_allocated(); ++index) {
    if (holds_entry(slots()[index])) visit(entry_of(slots()[index]));
  }
}

}  // namespace kv::engine
