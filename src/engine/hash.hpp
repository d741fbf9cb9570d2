// The hash of a key, and which bits of it mean what.
//
//   63            32 31        16 15         0
//   [ slot position ][   rest    ][   shard   ]
//
// The three take disjoint bits, so entries that share a shard differ in position as much as any others. The hash is
// XXH3 with a random secret per process (https://xxhash.com, "XXH3_64bits_withSecret"): keys can't be crafted to pile
// up in one place.
#pragma once

#include <array>
#include <cstdint>

#include "kv/base/bytes.hpp"

namespace kv::engine {

struct KeyHash {
  std::uint64_t bits;

  static KeyHash at_position(std::uint32_t position) { return {std::uint64_t{position} << 32}; }

  std::uint32_t shard_bits() const { return static_cast<std::uint32_t>(bits & 0xFFFF); }
  std::uint32_t position() const { return static_cast<std::uint32_t>(bits >> 32); }
  // What a slot of the table keeps of the position, beside what its own place tells.
  static constexpr int kTagBits = 18;
  static constexpr int kTagShift = 8;
  std::uint32_t tag() const { return (position() >> kTagShift) & ((1U << kTagBits) - 1); }
  // Position and rest: the order in which a shard is scanned.
  std::uint64_t scan_position() const { return bits >> 16; }
};

class Hasher {
 public:
  // With a fresh random secret. Throws std::system_error when the system has no randomness.
  Hasher();
  // For tests: `function` instead of XXH3.
  explicit Hasher(std::uint64_t (*function)(ByteView key)) : function_(function) {}

  KeyHash operator()(ByteView key) const;

 private:
  static constexpr std::size_t kSecretBytes = 192;
  std::array<unsigned char, kSecretBytes> secret_{};
  std::uint64_t (*function_)(ByteView) = nullptr;
};

// The one place that maps a key to its shard: the shard bits, scaled to `shards` (1 to 65,536).
inline std::uint32_t shard_index(KeyHash hash, std::uint32_t shards) {
  return (hash.shard_bits() * shards) >> 16;
}

}  // namespace kv::engine
