#include "engine/eviction_order.hpp"

#include <algorithm>

namespace kv::engine {
namespace {

// The hand of SIEVE goes so far under one hold of the lock.
constexpr std::size_t kSieveSteps = 64;

// Of so many candidates one is chosen, as in redis; and so many draws may come upon some who are none.
constexpr int kSamples = 5;
constexpr int kDrawsMax = 64;

// An entry comes and one goes for each turn of the cache: so 32 ticks are a turn, and two epochs.
constexpr std::size_t kTicksPerEntries = 16;
constexpr std::uint8_t kAgeMax = 128;

constexpr int kCountBits = 5;
constexpr std::uint8_t kCountMax = (1U << kCountBits) - 1;
constexpr std::uint8_t kEpochMask = 0x7;
// What a new entry begins with, so that it isn't the least used of all before anybody could use it.
constexpr std::uint8_t kCountOfNew = 4;

// Good enough to count by, and of the thread's own, since many may count under the shared lock.
std::uint32_t random_of_thread() {
  thread_local std::uint32_t state = 0x9E37'79B9U;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

std::uint8_t lfu_access(std::uint8_t epoch, std::uint8_t count) {
  return static_cast<std::uint8_t>(epoch << kCountBits | count);
}

// The count as it is now: one less for each epoch that has gone by.
std::uint8_t lfu_count(std::uint8_t access, std::uint8_t epoch) {
  const std::uint8_t count = access & kCountMax;
  const auto passed = static_cast<std::uint8_t>((epoch - (access >> kCountBits)) & kEpochMask);
  return count > passed ? static_cast<std::uint8_t>(count - passed) : std::uint8_t{0};
}

// One more, the less likely the more there are: two counts are twice the uses.
std::uint8_t lfu_count_after_use(std::uint8_t count) {
  if (count == kCountMax) return count;
  const int halvings = count <= kCountOfNew ? 0 : (count - kCountOfNew) / 2;
  return (random_of_thread() & ((1U << halvings) - 1)) == 0 ? static_cast<std::uint8_t>(count + 1) : count;
}

}  // namespace

void EvictionOrder::note_hit(const Entry& entry) const {
  const std::uint8_t before = entry.access();
  std::uint8_t after = before;
  switch (policy_.kind) {
    case Eviction::kSieve:
      after = before | SieveQueue::kVisited;
      break;
    case Eviction::kLru:
      after = tick_;
      break;
    case Eviction::kLfu: {
      const std::uint8_t epoch = tick_ & kEpochMask;
      after = lfu_access(epoch, lfu_count_after_use(lfu_count(before, epoch)));
      break;
    }
    case Eviction::kTtl:
    case Eviction::kRandom:
    case Eviction::kNone:
      return;
  }
  if (after != before) entry.set_access(after);
}

std::uint8_t EvictionOrder::access_of(KeyHash hash, const Entry* old, bool is_lock, UnixMillis deadline,
                                      const Table& table) {
  if (!is_candidate(is_lock, deadline)) return 0;
  if (old != nullptr && is_candidate(old->is_lock(), old->deadline())) {
    note_hit(*old);
    return old->access();
  }
  std::uint8_t access = 0;
  if (policy_.kind == Eviction::kSieve) {
    const auto is_one = [&](const Entry& entry) { return is_candidate(entry.is_lock(), entry.deadline()); };
    access = queue_.add(hash, {table, hasher_, is_one});
  } else if (policy_.kind == Eviction::kLru) {
    access = tick_;
  } else if (policy_.kind == Eviction::kLfu) {
    access = lfu_access(tick_ & kEpochMask, kCountOfNew);
  }
  note_change(table.size());
  return access;
}

EvictionOrder::Outcome EvictionOrder::choose(const Table& table, const EntryPool& pool, UnixMillis now, Reach reach,
                                             Entry*& victim) {
  if (policy_.kind != Eviction::kSieve) return draw(pool, now, reach, victim);
  const auto is_one = [&](const Entry& entry) { return is_candidate(entry.is_lock(), entry.deadline()); };
  return queue_.next({table, hasher_, is_one}, now, kSieveSteps, reach.is_forced, victim);
}

EvictionOrder::Outcome EvictionOrder::draw(const EntryPool& pool, UnixMillis now, Reach reach, Entry*& victim) {
  const bool deadline_only = policy_.deadline_only || reach.deadline_only;
  const auto kind = deadline_only ? EntryPool::Kind::kWithDeadlineField : EntryPool::Kind::kAny;
  const std::size_t size = pool.size(kind);
  if (size == 0) return Outcome::kNobody;
  victim = nullptr;
  std::uint64_t least = 0;
  for (int samples = 0, draws = 0; samples < kSamples && draws < kDrawsMax; ++draws) {
    Entry* entry = pool.at(kind, next_random() % size);
    if (!is_candidate(entry->is_lock(), entry->deadline()) || (deadline_only && entry->deadline() == 0)) continue;
    ++samples;
    const std::uint64_t points = entry->is_expired(now) ? 0 : score(*entry) + 1;
    if (victim != nullptr && points >= least) continue;
    victim = entry;
    least = points;
  }
  return victim == nullptr ? Outcome::kNobody : Outcome::kVictim;
}

// The one with the least goes. Looking at an entry keeps its access byte from growing out of its range.
std::uint64_t EvictionOrder::score(Entry& entry) {
  switch (policy_.kind) {
    case Eviction::kLru: {
      const auto age = static_cast<std::uint8_t>(tick_ - entry.access());
      if (age > kAgeMax) entry.set_access(static_cast<std::uint8_t>(tick_ - kAgeMax));
      return kAgeMax - std::min(age, kAgeMax);
    }
    case Eviction::kLfu: {
      const std::uint8_t epoch = tick_ & kEpochMask;
      const std::uint8_t count = lfu_count(entry.access(), epoch);
      entry.set_access(lfu_access(epoch, count));
      return count;
    }
    case Eviction::kTtl:
      return entry.deadline() == 0 ? kDeadlineMax : entry.deadline();
    case Eviction::kSieve:
    case Eviction::kRandom:
    case Eviction::kNone:
      break;
  }
  return 0;
}

void EvictionOrder::evicted(std::size_t entries_left) {
  if (policy_.kind == Eviction::kSieve) queue_.drop_victim();
  note_change(entries_left);
}

void EvictionOrder::note_change(std::size_t entries) {
  const std::size_t per_tick = policy_.kind == Eviction::kLfu ? entries : entries / kTicksPerEntries;
  if (++changes_ <= per_tick) return;
  changes_ = 0;
  ++tick_;
}

std::uint64_t EvictionOrder::next_random() {
  // SplitMix64, whose states may be any numbers.
  std::uint64_t mixed = random_ += 0x9E37'79B9'7F4A'7C15U;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58'476D'1CE4'E5B9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D0'49BB'1331'11EBU;
  return mixed ^ (mixed >> 31);
}

}  // namespace kv::engine
