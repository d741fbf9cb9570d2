// The keys of one map, sorted: what finding duplicates and comparing maps have in common.
#pragma once

#include <cstdint>
#include <vector>

#include "kv/base/bytes.hpp"

namespace kv::value {

// Keys are held as their first eight bytes, their length and where they stand, so that most comparisons touch nothing
// else. Sorting takes O(n log n) comparisons and, because keys are compared up to the shorter one's end, O(b log n)
// byte comparisons for b bytes of keys: long common prefixes make it no worse. 16 bytes a key.
class KeyIndex {
 public:
  // `base` is the buffer that all keys point into, at most 4 GiB of it.
  explicit KeyIndex(const char* base) : base_(base) {}

  void reserve(std::size_t keys) { keys_.reserve(keys); }
  void add(ByteView key);
  void sort();

  std::size_t size() const { return keys_.size(); }
  ByteView key(std::size_t index) const { return {base_ + keys_[index].offset, keys_[index].length()}; }

  // Whether two keys are equal. Sorts where there are more than a few.
  bool has_duplicates();

 private:
  struct Key {
    std::uint64_t prefix;  // first eight bytes, big-endian, zero-filled
    std::uint32_t offset;
    std::uint16_t size;
    std::uint16_t unused;
    std::size_t length() const { return size; }
  };
  bool less(const Key& left, const Key& right) const;
  ByteView view(const Key& key) const { return {base_ + key.offset, key.length()}; }

  const char* base_;
  std::vector<Key> keys_;
};

}  // namespace kv::value
