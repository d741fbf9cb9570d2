// Which keys there are and what each one's value must be. Key 42 of a million, 16 bytes long, is `key:000000000042`;
// its value is the key followed by the alphabet over and over, so any reply can be checked byte for byte by anyone who
// knows the two sizes. A value shorter than the key is the end of the key. Between two keys only their last digits
// differ, so a request that was written once is patched rather than written again.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "kv/base/bytes.hpp"

namespace kv::bench {

class Keyspace {
 public:
  struct Sizes {
    std::uint64_t keys;
    std::size_t key_bytes;
    std::size_t value_bytes;
  };

  // How many bytes the keys need at least.
  static std::size_t digits_of(std::uint64_t keys);

  // REQUIRES: keys >= 1 and key_bytes >= digits_of(keys).
  explicit Keyspace(const Sizes& sizes);

  std::string key(std::uint64_t index) const;
  std::string value(std::uint64_t index) const;

  // Turns the key at `key`, which may be any other key of this space, into key `index`.
  void patch_key(std::uint64_t index, char* key) const {
    char* at = key + key_bytes_;
    std::size_t left = digits_;
    for (; left >= 2; left -= 2, index /= 100) std::memcpy(at -= 2, &kPairs[index % 100 * 2], 2);
    if (left != 0) *--at = static_cast<char>('0' + index % 10);
  }
  // Turns the value at `value`, which may be any other value of this space, into the one that belongs to `key`.
  void patch_value(const char* key, char* value) const {
    std::memcpy(value, key + key_bytes_ - shared_bytes_, shared_bytes_);
  }

  // Whether `bytes` is the value of key `index`.
  bool is_value_of(std::uint64_t index, ByteView bytes) {
    patch_key(index, key_.data());
    patch_value(key_.data(), value_.data());
    return bytes == value_;
  }

 private:
  static constexpr std::array<char, 200> kPairs = [] {
    std::array<char, 200> pairs{};
    for (std::size_t i = 0; i < 100; ++i) {
      pairs[2 * i] = static_cast<char>('0' + i / 10);
      pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
    return pairs;
  }();

  std::size_t digits_;
  std::size_t key_bytes_;
  std::size_t shared_bytes_;  // how much of the value is taken from the key
  std::string key_;           // scratch: some key of the space, and its value
  std::string value_;
};

}  // namespace kv::bench
