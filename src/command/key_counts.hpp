// Which keys come most often, in a bounded amount of memory (Misra and Gries, "Finding repeated elements", 1982).
//
// So many keys are counted. When another one comes and there is no place for it, all that are there lose as much weight
// as the least of them has (or the newcomer brings, if that is less), and whoever has none left goes. So a key is there
// in the end if it came more often than one in capacity + 1, and its weight is too low by at most lost().
//
// Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "kv/base/bytes.hpp"

namespace kv::command {

class KeyCounts {
 public:
  // REQUIRES: capacity >= 1.
  explicit KeyCounts(std::size_t capacity) : capacity_(capacity) {}

  // What is known of a key: how often it came since it has had its place. One that reads and writes counts as both.
  struct Uses {
    std::uint64_t reads = 0;
    std::uint64_t writes = 0;
    std::uint64_t weight = 0;  // that it still has
  };
  // The key came `times` times. It makes a difference what it is used for, and it must be something.
  void add(ByteView key, bool reads, bool writes, std::uint32_t times);

  // The keys with the most uses first.
  struct Counted {
    std::string key;
    Uses uses;
  };
  std::vector<Counted> most(std::size_t count) const;
  // What every key may have had more at most.
  std::uint64_t lost() const { return lost_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(ByteView key) const { return std::hash<ByteView>()(key); }
  };
  // What is left of `times` when room was made by taking weight from all.
  std::uint32_t make_room(std::uint32_t times);

  const std::size_t capacity_;
  std::unordered_map<std::string, Uses, Hash, std::equal_to<>> keys_;
  std::uint64_t lost_ = 0;
};

}  // namespace kv::command
