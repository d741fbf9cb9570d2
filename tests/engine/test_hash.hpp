// Hash functions for tests, in the place of the seeded one: they say where a key goes.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>

#include "kv/base/bytes.hpp"

namespace kv::test {

// A key's hash is the hex number that it starts with: "00000000ffff0001 any more".
inline std::uint64_t hash_in_key(ByteView key) {
  std::uint64_t hash = 0;
  std::from_chars(key.data(), key.data() + key.size(), hash, 16);
  return hash;
}

// A key with this hash; `number` tells keys of one hash apart.
inline std::string key_with_hash(std::uint64_t hash, int number = 0) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string key;
  for (int shift = 60; shift >= 0; shift -= 4) key += kDigits[hash >> shift & 15];
  return key + " " + std::to_string(number);
}

// The parts of a hash, as src/engine/hash.hpp lays them out.
constexpr std::uint64_t hash_at(std::uint32_t position, std::uint16_t rest = 0, std::uint16_t shard = 0) {
  return std::uint64_t{position} << 32 | std::uint64_t{rest} << 16 | shard;
}

// All keys in one place.
inline std::uint64_t one_hash(ByteView) {
  return hash_at(0x8000'0000, 7, 0x4000);
}

// Few places, some of them next to the end of the range, for keys of any kind.
inline std::uint64_t few_hashes(ByteView key) {
  std::uint64_t sum = 0;
  for (const char c : key) sum = sum * 31 + static_cast<unsigned char>(c);
  constexpr std::uint32_t kPositions[] = {0, 1, 0x7FFF'FFFF, 0xFFFF'FFFE, 0xFFFF'FFFF};
  return hash_at(kPositions[sum % 5], static_cast<std::uint16_t>(sum / 5 % 3),
                 static_cast<std::uint16_t>(sum % 4 << 14));
}

}  // namespace kv::test
