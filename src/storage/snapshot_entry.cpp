#include "storage/snapshot_entry.hpp"

#include "kv/base/assert.hpp"
#include "kv/base/limits.hpp"

#include "storage/value_size.hpp"

namespace kv::storage::snapshot {
namespace {

constexpr std::uint8_t kHasDeadline = 0x01;
constexpr std::uint8_t kIsLock = 0x02;

}  // namespace

char* encode_entry_head(const engine::Mutation& put, char* to) {
  KV_ASSERT(put.kind == engine::Mutation::Kind::kPut && put.key.size() <= kKeyBytesMax);
  *to++ = static_cast<char>((put.deadline != 0 ? kHasDeadline : 0) | (put.is_lock ? kIsLock : 0));
  if (put.deadline != 0) {
    store_big_endian(to, put.deadline);
    to += sizeof(put.deadline);
  }
  store_big_endian(to, static_cast<std::uint16_t>(put.key.size()));
  to += sizeof(std::uint16_t);
  to += put.key.copy(to, put.key.size());
  *to++ = static_cast<char>(put.value.type);
  store_big_endian(to, static_cast<std::uint32_t>(put.value.data.size()));
  return to + sizeof(std::uint32_t);
}

char* encode_entry(const engine::Mutation& put, char* to) {
  to = encode_entry_head(put, to);
  return to + put.value.data.copy(to, put.value.data.size());
}

bool try_decode_entry(ByteView& rest, engine::Mutation& put) {
  const char* at = rest.data();
  const char* const end = at + rest.size();
  const auto left = [&] { return static_cast<std::size_t>(end - at); };
  if (left() < 1) return false;
  const auto flags = static_cast<std::uint8_t>(*at++);
  if ((flags & ~(kHasDeadline | kIsLock)) != 0) return false;
  put.kind = engine::Mutation::Kind::kPut;
  put.is_lock = (flags & kIsLock) != 0;
  put.deadline = 0;
  if ((flags & kHasDeadline) != 0) {
    if (left() < sizeof(UnixMillis)) return false;
    put.deadline = load_big_endian<UnixMillis>(at);
    if (put.deadline == 0) return false;
    at += sizeof(UnixMillis);
  }

  if (left() < sizeof(std::uint16_t)) return false;
  const std::size_t key_size = load_big_endian<std::uint16_t>(at);
  at += sizeof(std::uint16_t);
  constexpr std::size_t kTypeAndLength = 1 + sizeof(std::uint32_t);
  if (left() < key_size + kTypeAndLength) return false;
  put.key = {at, key_size};
  at += key_size;

  const auto type = static_cast<std::uint8_t>(*at++);
  const std::size_t data_size = load_big_endian<std::uint32_t>(at);
  at += sizeof(std::uint32_t);
  if (left() < data_size || type > value::kValueTypeLast) return false;
  put.value = {static_cast<value::ValueType>(type), {at, data_size}};
  rest.remove_prefix(static_cast<std::size_t>(at - rest.data()) + data_size);
  return size_fits(put.value.type, data_size);
}

}  // namespace kv::storage::snapshot
