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

// At most 17 slots in 20 are used; a new array starts at about 14 in 20, give or take. Keys spread evenly, so all
// tables of an engine would grow at nearly the same moment, and their short pauses would add up to a long one; `dice`,
// any 16 bits that differ from table to table, draws them apart.
bool is_full(std::size_t used, std::size_t capacity) {
  return used * 20 >= capacity * 17;
}
std::size_t capacity_for(std::size_t entries, std::uint16_t dice) {
  const std::size_t spread = ((entries / 10) * dice) >> 16;
  return std::max(kCapacityMin, entries + entries / 3 + spread);
}
std::uint16_t dice_of(std::uint32_t tag) {
  return static_cast<std::uint16_t>(tag);
}
bool is_sparse(std::size_t entries, std::size_t capacity) {
  return capacity > kCapacityMin && entries * 4 < capacity;
}

// The positions of a table's entries, as far as its slots tell. An entry's home is in the run of used slots that its
// slot is in, and not past it; of the positions that belong there, but for their last bits, mostly one alone has the
// tag in it. (Bounds may be too wide by a position, which at worst leaves two in question.)
class SlotPositions {
 public:
  explicit SlotPositions(std::size_t capacity)
      : capacity_(capacity), positions_per_home_(~std::uint64_t{0} / std::max<std::size_t>(capacity, 1)) {}

  // The slots from this one on are used.
  void begin_run(std::size_t index) { run_first_ = before(index) >> KeyHash::kTagShift; }

  // The entry's position is one of these.
  struct Range {
    std::uint32_t first;
    std::uint32_t last;
  };
  Range range(std::size_t index, std::uint32_t tag) const {
    constexpr std::uint64_t kTags = 1U << KeyHash::kTagBits;
    constexpr std::uint64_t kLast = kPositionMax >> KeyHash::kTagShift;
    const std::uint64_t last = std::min((before(std::min(index + 1, capacity_)) + 1) >> KeyHash::kTagShift, kLast);
    const std::uint64_t known = last - ((last - tag) & (kTags - 1));
    if (known >= run_first_ + kTags) return {0, kPositionMax};
    const auto first = static_cast<std::uint32_t>(known << KeyHash::kTagShift);
    return {first, first | ((1U << KeyHash::kTagShift) - 1)};
  }

 private:
  static constexpr std::uint32_t kPositionMax = 0xFFFF'FFFF;

  // How many positions belong to the homes before this one: exactly, or one less.
  std::uint64_t before(std::size_t home) const { return (home * positions_per_home_) >> 32; }

  std::size_t capacity_;
  std::uint64_t positions_per_home_;  // 32 bits of it are a fraction
  std::uint64_t run_first_ = 0;       // without the bits that no tag has
};

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
    if (tag_of(*slot) != hash.tag() || !holds_entry(*slot)) continue;
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
    if (tag_of(*slot) == hash.tag() && holds_entry(*slot)) return entry_of(*slot);
  }
  return nullptr;
}

Entry* Table::find_between(std::uint32_t first, std::uint32_t last,
                           FunctionRef<bool(std::uint32_t tag, const Entry& entry)> matches) const {
  if (capacity() == 0) return nullptr;
  const std::size_t end = home_of(last);
  for (std::size_t index = home_of(first); index <= end || slots()[index] != kNeverUsed; ++index) {
    const std::uint64_t slot = slots()[index];
    if (holds_entry(slot) && matches(tag_of(slot), *entry_of(slot))) return entry_of(slot);
  }
  return nullptr;
}

bool Table::try_place(std::size_t home, std::uint64_t slot) {
  if (capacity() == 0) return false;
  std::size_t index = home;
  while (holds_entry(slots()[index])) ++index;
  if (index + 1 >= slots_allocated()) return false;
  if (slots()[index] == kErased) --erased_;
  slots()[index] = slot;
  ++size_;
  return true;
}

void Table::insert(KeyHash hash, Entry* entry, const Hasher& hasher) {
  if (is_full(size_ + erased_ + 1, capacity())) {
    rebuild(capacity_for(size_ + 1, dice_of(hash.tag())), std::max(tail_, kTailMin), hasher);
  }
  // Only many keys with nearly the same position, next to the end, can use up a tail.
  while (!try_place(home(hash), slot_of(hash.tag(), entry))) rebuild(capacity(), tail_ * 2, hasher);
}

void Table::erase(Slot slot, const Hasher& hasher) {
  const std::uint16_t dice = dice_of(tag_of(*slot));
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

  SlotPositions positions(this->capacity());
  const std::size_t end = slots_allocated();
  for (std::size_t index = 0; index < end; ++index) {
    const std::uint64_t slot = slots()[index];
    if (slot == kNeverUsed) positions.begin_run(index + 1);
    if (!holds_entry(slot)) continue;
    const SlotPositions::Range position = positions.range(index, tag_of(slot));
    std::size_t home = fresh.home_of(position.first);
    if (fresh.home_of(position.last) != home) home = fresh.home(hasher(entry_of(slot)->key()));
    if (!fresh.try_place(home, slot)) return rebuild(capacity, tail * 2, hasher);
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
