// From a payload's bytes to a request's fields, by the shape that the command table gives.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/base/clock.hpp"
#include "kv/base/limits.hpp"
#include "kv/base/result.hpp"
#include "kv/value/decode.hpp"
#include "kv/value/value_view.hpp"

namespace kv::protocol {

// One part of a payload. Integers are big-endian; a key or owner is a u16 length and its bytes unless said otherwise.
enum class Field : std::uint8_t {
  kEnd = 0,
  kKey,          // key
  kKeyRest,      // key: all the rest of the payload, without a length
  kOwner,        // owner
  kTtl,          // ttl_ms: u64
  kDelta,        // delta: i64
  kWait,         // wait_ms: u64
  kExpected,     // expected: a value
  kValue,        // value
  kKeys,         // keys: count u16, then that many keys
  kPairs,        // ttl_ms and pairs: count u16, ttl u64, then that many (key, value)
  kCursor,       // cursor: u64
  kCount,        // count: u32
  kPattern,      // pattern: u16 length, any bytes
  kMode,         // mode: u8, a SnapshotMode
  kFolder,       // folder: all the rest of the payload where the mode is kBackup, else nothing
  kClientCall,   // client_call: u8, a ClientCall; then what it takes: nothing, id: u64, or rest: a name
  kUser,         // user: u16 length, any bytes
  kPassword,     // password: likewise
  kAclCall,      // acl_call: u8, an AclCall; then what it takes: nothing, a user, or a user and rest: its rules
  kConfigCall,   // config_call: u8, a ConfigCall; then what it takes: a pattern, or count: u16 and rest: settings
  kSlowlogCall,  // slowlog_call: u8, a SlowlogCall; then what it takes: count: u32, or nothing
  kLatencyCall,  // latency_call: u8, a LatencyCall
  kMemoryCall,   // u8, 0
  kKeysCall,     // keys_call: u8, a KeysCall; then count: u32, and samples: u64 or wait_ms: u64
  kRest,         // rest: any bytes
};

ByteView field_name(Field field);

// What SNAPSHOT is to do.
enum class SnapshotMode : std::uint8_t {
  kWait = 0,        // answer when the snapshot is done
  kBackground = 1,  // answer at once
  kBackup = 2,      // link it, and the log that belongs to it, into a folder; answer when that is done
};

// What CLIENT is to do.
enum class ClientCall : std::uint8_t {
  kList = 0,
  kKill = 1,     // id: of the connection
  kSetName = 2,  // rest: the name
};

// What ACL is to do.
enum class AclCall : std::uint8_t {
  kList = 0,
  kSetUser = 1,     // user; rest: rules
  kDeleteUser = 2,  // user
  kLoad = 3,
  kSave = 4,
};

// What CONFIG is to do.
enum class ConfigCall : std::uint8_t {
  kGet = 0,  // pattern: of their names
  kSet = 1,  // count; rest: so many pairs of a name and a value, each for take_text()
};

// What SLOWLOG is to do.
enum class SlowlogCall : std::uint8_t {
  kGet = 0,  // count: at most
  kLen = 1,
  kReset = 2,
};

// What KEYS is to find.
enum class KeysCall : std::uint8_t {
  kBig = 0,
  kHot = 1,
};

// What LATENCY is to do.
enum class LatencyCall : std::uint8_t {
  kGet = 0,
  kReset = 1,
};

// The fields of a payload in their order.
struct Shape {
  static constexpr std::size_t kFieldsMax = 5;
  std::array<Field, kFieldsMax> fields{};

  constexpr Shape(std::initializer_list<Field> list) {
    std::size_t index = 0;
    for (const Field field : list) fields[index++] = field;
  }
  // A key and nothing else, as most requests have it.
  constexpr bool is_key_rest() const { return fields[0] == Field::kKeyRest && fields[1] == Field::kEnd; }
  constexpr bool has(Field field) const {
    for (const Field candidate : fields) {
      if (candidate == field) return true;
    }
    return false;
  }
};

// What a payload said. Only the fields of its shape mean anything. The views point into the payload, or into `scratch`
// where a value had to be made canonical; so neither may go away before the request has been carried out.
struct Request {
  ByteView key;
  ByteView owner;
  ByteView pattern;
  ByteView folder;  // an absolute path
  ByteView rest;
  ByteView user;
  ByteView password;
  value::ValueView value;
  value::ValueView expected;
  std::uint64_t ttl_ms = 0;
  std::uint64_t wait_ms = 0;
  std::uint64_t cursor = 0;
  std::uint64_t id = 0;
  std::uint64_t samples = 0;
  std::int64_t delta = 0;
  std::uint32_t count = 0;
  SnapshotMode mode = SnapshotMode::kWait;
  ClientCall client_call = ClientCall::kList;
  AclCall acl_call = AclCall::kList;
  ConfigCall config_call = ConfigCall::kGet;
  SlowlogCall slowlog_call = SlowlogCall::kGet;
  LatencyCall latency_call = LatencyCall::kGet;
  KeysCall keys_call = KeysCall::kBig;
  std::vector<ByteView> keys;
  std::vector<value::KeyValue> pairs;
  value::DecodeScratch scratch;
};

// The limits that a server may set tighter than the protocol does.
struct Limits {
  std::size_t payload_bytes_max = kPayloadBytesDefault;
  std::size_t key_bytes_max = kKeyBytesMax;
};

// Decodes `payload`, all of it, into the fields that `shape` names. `now` is what a ttl counts from: a deadline past
// the year 9999 is refused.
//
// Fails with kFrame, kKey, kValue or kArgument, whichever fault stands first in the bytes. `request` is then
// unspecified. Memory is taken in proportion to the payload, never to a count in it.
Result<void> decode_request(const Shape& shape, ByteView payload, const Limits& limits, UnixMillis now,
                            Request& request);

// Takes the next text, a u16 length and its bytes, off the front of `rest`. REQUIRES: decode_request() found it there.
ByteView take_text(ByteView& rest);

}  // namespace kv::protocol
