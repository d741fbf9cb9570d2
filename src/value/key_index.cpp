#include "value/key_index.hpp"

#include <algorithm>

namespace kv::value {
namespace {

// Up to here comparing every pair is cheaper than sorting.
constexpr std::size_t kPairwiseMax = 12;

std::uint64_t prefix_of(ByteView key) {
  char bytes[8] = {};
  std::memcpy(bytes, key.data(), std::min<std::size_t>(key.size(), 8));
  return load_big_endian<std::uint64_t>(bytes);
}

}  // namespace

void KeyIndex::add(ByteView key) {
  keys_.push_back(
      {prefix_of(key), static_cast<std::uint32_t>(key.data() - base_), static_cast<std::uint16_t>(key.size()), 0});
}

bool KeyIndex::less(const Key& left, const Key& right) const {
  if (left.prefix != right.prefix) return left.prefix < right.prefix;
  return view(left) < view(right);
}

void KeyIndex::sort() {
  std::sort(keys_.begin(), keys_.end(), [this](const Key& left, const Key& right) { return less(left, right); });
}

bool KeyIndex::has_duplicates() {
  if (keys_.size() <= kPairwiseMax) {
    for (std::size_t i = 1; i < keys_.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (keys_[i].prefix == keys_[j].prefix && key(i) == key(j)) return true;
      }
    }
    return false;
  }
  sort();
  for (std::size_t i = 1; i < keys_.size(); ++i) {
    if (keys_[i].prefix == keys_[i - 1].prefix && key(i) == key(i - 1)) return true;
  }
  return false;
}

}  // namespace kv::value
