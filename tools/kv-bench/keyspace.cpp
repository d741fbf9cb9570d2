#include "kv-bench/keyspace.hpp"

namespace kv::bench {

std::size_t Keyspace::digits_of(std::uint64_t keys) {
  return std::to_string(keys - 1).size();
}

Keyspace::Keyspace(const Sizes& sizes)
    : digits_(digits_of(sizes.keys)),
      key_bytes_(sizes.key_bytes),
      shared_bytes_(std::min(sizes.key_bytes, sizes.value_bytes)),
      key_(sizes.key_bytes, '0'),
      value_(sizes.value_bytes, '\0') {
  constexpr ByteView kPrefix = "key:";
  if (key_bytes_ >= digits_ + kPrefix.size()) key_.replace(0, kPrefix.size(), kPrefix);
  for (std::size_t i = 0; i < value_.size(); ++i) value_[i] = static_cast<char>('a' + i % 26);
  patch_value(key_.data(), value_.data());
}

std::string Keyspace::key(std::uint64_t index) const {
  std::string key = key_;
  patch_key(index, key.data());
  return key;
}

std::string Keyspace::value(std::uint64_t index) const {
  std::string value = value_;
  patch_value(key(index).data(), value.data());
  return value;
}

}  // namespace kv::bench
