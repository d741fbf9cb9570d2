#include "engine/sieve_queue.hpp"

#include <utility>

namespace kv::engine {
namespace {

// The stamp takes the place of the lowest bits of the position.
static_assert(SieveQueue::kStampMask < 1U << KeyHash::kTagShift);

// A queue that has grown past what it may keep is tidied by so many places for each new one.
constexpr int kTidiedPerPlace = 4;
constexpr std::size_t kPlacesMin = 64;

}  // namespace

std::uint8_t SieveQueue::add(KeyHash hash, const Entries& entries) {
  if (size() >= kPlacesMin + entries.table.size() * kPlacesPerEntry) tidy(entries);
  const auto stamp = static_cast<std::uint8_t>(next_stamp_++ & kStampMask);
  ahead_.push_back((hash.position() & ~std::uint32_t{kStampMask}) | stamp);
  return stamp;
}

Entry* SieveQueue::find(Place place, const Entries& entries) {
  const std::uint32_t first = place & ~std::uint32_t{kStampMask};
  const std::uint32_t last = place | kStampMask;
  const std::uint32_t place_tag = KeyHash::at_position(first).tag();
  return entries.table.find_between(first, last, [&](std::uint32_t tag, const Entry& entry) {
    return tag == place_tag && ((entry.access() ^ place) & kStampMask) == 0 && entries.is_candidate(entry) &&
           (entries.hasher(entry.key()).position() | kStampMask) == last;
  });
}

SieveQueue::Outcome SieveQueue::next(const Entries& entries, UnixMillis now, std::size_t steps, bool is_forced,
                                     Entry*& victim) {
  for (; steps != 0; --steps) {
    if (ahead_.empty()) std::swap(ahead_, behind_);
    if (ahead_.empty()) return Outcome::kNobody;
    Entry* entry = find(ahead_.front(), entries);
    if (entry == nullptr) {
      ahead_.pop_front();
      continue;
    }
    const std::uint8_t access = entry->access();
    if ((access & kVisited) == 0 || is_forced || entry->is_expired(now)) {
      victim = entry;
      return Outcome::kVictim;
    }
    behind_.push_back(ahead_.front());
    ahead_.pop_front();
    entry->set_access(access & kStampMask);
  }
  return Outcome::kNotYet;
}

// Moves the hand without judging anybody, to drop the places of those who have gone.
void SieveQueue::tidy(const Entries& entries) {
  for (int i = 0; i < kTidiedPerPlace; ++i) {
    if (ahead_.empty()) std::swap(ahead_, behind_);
    if (ahead_.empty()) return;
    if (find(ahead_.front(), entries) != nullptr) behind_.push_back(ahead_.front());
    ahead_.pop_front();
  }
}

void SieveQueue::swap(SieveQueue& other) noexcept {
  ahead_.swap(other.ahead_);
  behind_.swap(other.behind_);
  std::swap(next_stamp_, other.next_stamp_);
}

}  // namespace kv::engine
