// Which entries make room where memory is limited.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kv::engine {

enum class Eviction : std::uint8_t {
  kNone,    // none do
  kSieve,   // in the order in which they came, but who was read since it was last considered stays once more
  kLru,     // of a few at random the one that was used longest ago
  kLfu,     // of a few at random the one that is used least often
  kTtl,     // of a few at random the one with the nearest deadline; once none has a deadline, any
  kRandom,  // any
};

struct EvictionPolicy {
  Eviction kind = Eviction::kNone;
  bool deadline_only = false;  // entries without a deadline stay

  friend bool operator==(const EvictionPolicy&, const EvictionPolicy&) = default;
};

// As an operator writes them.
inline constexpr std::string_view kEvictionNames[] = {
    "noeviction",   "sieve",          "lru", "lfu", "ttl", "random", "volatile-sieve", "volatile-lru", "volatile-lfu",
    "volatile-ttl", "volatile-random"};

// REQUIRES: `index` is that of one of kEvictionNames.
constexpr EvictionPolicy eviction_policy(std::size_t index) {
  constexpr std::size_t kKinds = 5;
  const bool deadline_only = index > kKinds;
  return {static_cast<Eviction>(deadline_only ? index - kKinds : index), deadline_only};
}

constexpr std::string_view name_of(const EvictionPolicy& policy) {
  std::size_t index = 0;
  while (eviction_policy(index) != policy) ++index;
  return kEvictionNames[index];
}

}  // namespace kv::engine
