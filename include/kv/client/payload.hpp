// Building a request's payload, field by field:
//
//   connection.call(Command::kSet, Payload().key("foo").u64(ttl_ms).raw(value::encode_int(42)).bytes())
#pragma once

#include <cstdint>
#include <string>

#include "kv/base/bytes.hpp"

namespace kv::client {

class Payload {
 public:
  // A key or owner: its length in 16 bits, then its bytes. REQUIRES: at most 65,535 bytes.
  Payload& key(ByteView text) { return u16(static_cast<std::uint16_t>(text.size())).raw(text); }
  // Bytes as they stand: an encoded value, or a key that is the rest of the payload.
  Payload& raw(ByteView bytes) {
    bytes_ += bytes;
    return *this;
  }
  Payload& u16(std::uint16_t value) { return integer(value); }
  Payload& u32(std::uint32_t value) { return integer(value); }
  Payload& u64(std::uint64_t value) { return integer(value); }

  const std::string& bytes() const { return bytes_; }
  // Starts anew, keeping the memory.
  void clear() { bytes_.clear(); }

 private:
  template <std::unsigned_integral T>
  Payload& integer(T value) {
    append_big_endian(bytes_, value);
    return *this;
  }

  std::string bytes_;
};

}  // namespace kv::client
