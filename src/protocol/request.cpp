#include "kv/protocol/request.hpp"

#include <algorithm>
#include <optional>

#include "kv/base/utf8.hpp"

namespace kv::protocol {
namespace {

constexpr std::size_t kReplyOverhead = 16;  // what a reply adds to a value at most

class PayloadDecoder {
 public:
  PayloadDecoder(ByteView payload, const Limits& limits, UnixMillis now, Request& request)
      : rest_(payload), limits_(limits), now_(now), request_(request) {}

  // All of these are false where the payload is no good, and then error() says why.
  bool decode(Field field);
  bool decode_all_as_key();
  bool end() { return rest_.empty() || fail(Errc::kFrame, "the payload has bytes left over"); }

  Error error() { return *std::move(error_); }

 private:
  bool decode_key(ByteView& key);
  bool decode_owner();
  bool decode_ttl();
  bool decode_wait();
  bool decode_value(value::ValueView& value);
  bool decode_keys();
  bool decode_pairs();
  bool decode_pattern();
  bool decode_mode();
  bool decode_folder();
  bool decode_client_call();
  bool decode_text(ByteView& text);
  bool decode_acl_call();
  bool decode_keys_call();
  bool decode_config_call();
  bool decode_slowlog_call();
  bool decode_latency_call();
  bool decode_memory_call();

  template <typename T>
  bool decode_integer(T& value) {
    using Unsigned = std::make_unsigned_t<T>;
    if (rest_.size() < sizeof(T)) return fail_cut_short();
    value = static_cast<T>(load_big_endian<Unsigned>(rest_.data()));
    rest_.remove_prefix(sizeof(T));
    return true;
  }
  [[gnu::cold]] bool fail(Errc code, const char* message) {
    error_ = Error{code, message};
    return false;
  }
  bool fail_cut_short() { return fail(Errc::kFrame, "the payload is cut short"); }
  bool is_key_size(std::size_t size) {
    if (size == 0) return fail(Errc::kKey, "a key is empty");
    return size <= limits_.key_bytes_max || fail(Errc::kKey, "a key is over the length limit");
  }
  bool is_text(ByteView key) { return is_utf8(key) || fail(Errc::kKey, "a key is not valid UTF-8"); }
  bool take(std::size_t size, ByteView& bytes) {
    if (rest_.size() < size) return false;
    bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  ByteView rest_;
  const Limits& limits_;
  UnixMillis now_;
  Request& request_;
  std::optional<Error> error_;
};

bool PayloadDecoder::decode(Field field) {
  switch (field) {
    case Field::kEnd:
      return true;
    case Field::kKey:
      return decode_key(request_.key);
    case Field::kKeyRest:
      return decode_all_as_key();
    case Field::kOwner:
      return decode_owner();
    case Field::kTtl:
      return decode_ttl();
    case Field::kDelta:
      return decode_integer(request_.delta);
    case Field::kWait:
      return decode_wait();
    case Field::kExpected:
      return decode_value(request_.expected);
    case Field::kValue:
      return decode_value(request_.value);
    case Field::kKeys:
      return decode_keys();
    case Field::kPairs:
      return decode_pairs();
    case Field::kCursor:
      return decode_integer(request_.cursor);
    case Field::kCount:
      return decode_integer(request_.count);
    case Field::kPattern:
      return decode_pattern();
    case Field::kMode:
      return decode_mode();
    case Field::kFolder:
      return decode_folder();
    case Field::kClientCall:
      return decode_client_call();
    case Field::kUser:
      return decode_text(request_.user);
    case Field::kPassword:
      return decode_text(request_.password);
    case Field::kAclCall:
      return decode_acl_call();
    case Field::kConfigCall:
      return decode_config_call();
    case Field::kSlowlogCall:
      return decode_slowlog_call();
    case Field::kLatencyCall:
      return decode_latency_call();
    case Field::kMemoryCall:
      return decode_memory_call();
    case Field::kKeysCall:
      return decode_keys_call();
    case Field::kRest:
      take(rest_.size(), request_.rest);
      return true;
  }
  return true;
}

bool PayloadDecoder::decode_key(ByteView& key) {
  std::uint16_t size = 0;
  if (!decode_integer(size)) return false;
  // Of a key whose length is no key's, it doesn't matter how much of it is there.
  if (!is_key_size(size)) return false;
  if (!take(size, key)) return fail_cut_short();
  return is_text(key);
}

bool PayloadDecoder::decode_all_as_key() {
  take(rest_.size(), request_.key);
  return is_key_size(request_.key.size()) && is_text(request_.key);
}

bool PayloadDecoder::decode_owner() {
  std::uint16_t size = 0;
  if (!decode_integer(size)) return false;
  if (size == 0) return fail(Errc::kArgument, "the owner is empty");
  if (!take(size, request_.owner)) return fail_cut_short();
  if (!is_utf8(request_.owner)) return fail(Errc::kArgument, "the owner is not valid UTF-8");
  return true;
}

bool PayloadDecoder::decode_ttl() {
  if (!decode_integer(request_.ttl_ms)) return false;
  if (request_.ttl_ms > kDeadlineMax - now_) return fail(Errc::kArgument, "the ttl ends after the year 9999");
  return true;
}

bool PayloadDecoder::decode_wait() {
  if (!decode_integer(request_.wait_ms)) return false;
  if (request_.wait_ms > kAcquireWaitMsMax) return fail(Errc::kArgument, "the wait is longer than a day");
  return true;
}

bool PayloadDecoder::decode_value(value::ValueView& value) {
  auto decoded = value::decode_value(rest_, request_.scratch);
  if (!decoded) {
    error_ = std::move(decoded).error();
    return false;
  }
  value = *decoded;
  return true;
}

bool PayloadDecoder::decode_keys() {
  std::uint16_t count = 0;
  if (!decode_integer(count)) return false;
  request_.keys.clear();
  constexpr std::size_t kKeyBytesLeast = 3;
  request_.keys.reserve(std::min<std::size_t>(count, rest_.size() / kKeyBytesLeast));
  for (; count != 0; --count) {
    if (!decode_key(request_.keys.emplace_back())) return false;
  }
  return true;
}

bool PayloadDecoder::decode_pairs() {
  std::uint16_t count = 0;
  if (!decode_integer(count)) return false;
  if (!decode_ttl()) return false;
  request_.pairs.clear();
  constexpr std::size_t kPairBytesLeast = 4;
  request_.pairs.reserve(std::min<std::size_t>(count, rest_.size() / kPairBytesLeast));
  for (; count != 0; --count) {
    value::KeyValue& pair = request_.pairs.emplace_back();
    if (!decode_key(pair.key)) return false;
    if (!decode_value(pair.value)) return false;
  }
  return true;
}

bool PayloadDecoder::decode_pattern() {
  std::uint16_t size = 0;
  if (!decode_integer(size)) return false;
  if (!take(size, request_.pattern)) return fail_cut_short();
  return true;
}

bool PayloadDecoder::decode_mode() {
  std::uint8_t mode = 0;
  if (!decode_integer(mode)) return false;
  if (mode > static_cast<std::uint8_t>(SnapshotMode::kBackup)) {
    return fail(Errc::kArgument, "the mode is not 0, 1 or 2");
  }
  request_.mode = static_cast<SnapshotMode>(mode);
  return true;
}

bool PayloadDecoder::decode_folder() {
  if (request_.mode != SnapshotMode::kBackup) return true;
  take(rest_.size(), request_.folder);
  const ByteView folder = request_.folder;
  if (!folder.starts_with('/')) return fail(Errc::kArgument, "the folder is not an absolute path");
  if (folder.size() > kFolderBytesMax) return fail(Errc::kArgument, "the folder's path is over the length limit");
  if (folder.find('\0') != folder.npos) return fail(Errc::kArgument, "the folder's path has a NUL in it");
  if (!is_utf8(folder)) return fail(Errc::kArgument, "the folder's path is not valid UTF-8");
  return true;
}

bool PayloadDecoder::decode_client_call() {
  std::uint8_t call = 0;
  if (!decode_integer(call)) return false;
  request_.client_call = static_cast<ClientCall>(call);
  switch (request_.client_call) {
    case ClientCall::kList:
      return true;
    case ClientCall::kKill:
      return decode_integer(request_.id);
    case ClientCall::kSetName:
      take(rest_.size(), request_.rest);
      if (request_.rest.size() > kClientNameBytesMax) return fail(Errc::kArgument, "the name is over the length limit");
      if (!is_utf8(request_.rest)) return fail(Errc::kArgument, "the name is not valid UTF-8");
      return true;
  }
  return fail(Errc::kArgument, "CLIENT has no such call");
}

bool PayloadDecoder::decode_text(ByteView& text) {
  std::uint16_t size = 0;
  if (!decode_integer(size)) return false;
  if (!take(size, text)) return fail_cut_short();
  return true;
}

bool PayloadDecoder::decode_acl_call() {
  std::uint8_t call = 0;
  if (!decode_integer(call)) return false;
  request_.acl_call = static_cast<AclCall>(call);
  switch (request_.acl_call) {
    case AclCall::kList:
    case AclCall::kLoad:
    case AclCall::kSave:
      return true;
    case AclCall::kSetUser:
      if (!decode_text(request_.user)) return false;
      take(rest_.size(), request_.rest);
      return true;
    case AclCall::kDeleteUser:
      return decode_text(request_.user);
  }
  return fail(Errc::kArgument, "ACL has no such call");
}

bool PayloadDecoder::decode_config_call() {
  std::uint8_t call = 0;
  if (!decode_integer(call)) return false;
  request_.config_call = static_cast<ConfigCall>(call);
  switch (request_.config_call) {
    case ConfigCall::kGet:
      return decode_text(request_.pattern);
    case ConfigCall::kSet: {
      std::uint16_t count = 0;
      if (!decode_integer(count)) return false;
      request_.count = count;
      request_.rest = rest_;
      ByteView text;
      for (unsigned texts = 2U * count; texts != 0; --texts) {
        if (!decode_text(text)) return false;
      }
      return true;
    }
  }
  return fail(Errc::kArgument, "CONFIG has no such call");
}

bool PayloadDecoder::decode_slowlog_call() {
  std::uint8_t call = 0;
  if (!decode_integer(call)) return false;
  request_.slowlog_call = static_cast<SlowlogCall>(call);
  switch (request_.slowlog_call) {
    case SlowlogCall::kGet:
      return decode_integer(request_.count);
    case SlowlogCall::kLen:
    case SlowlogCall::kReset:
      return true;
  }
  return fail(Errc::kArgument, "SLOWLOG has no such call");
}

bool PayloadDecoder::decode_latency_call() {
  std::uint8_t call = 0;
  if (!decode_integer(call)) return false;
  if (call > static_cast<std::uint8_t>(LatencyCall::kReset)) return fail(Errc::kArgument, "LATENCY has no such call");
  request_.latency_call = static_cast<LatencyCall>(call);
  return true;
}

bool PayloadDecoder::decode_memory_call() {
  std::uint8_t call = 0;
  if (!decode_integer(call)) return false;
  if (call != 0) return fail(Errc::kArgument, "MEMORY has no such call");
  return true;
}

bool PayloadDecoder::decode_keys_call() {
  std::uint8_t call = 0;
  if (!decode_integer(call)) return false;
  if (call > static_cast<std::uint8_t>(KeysCall::kHot)) return fail(Errc::kArgument, "KEYS has no such call");
  request_.keys_call = static_cast<KeysCall>(call);
  if (!decode_integer(request_.count)) return false;
  return request_.keys_call == KeysCall::kBig ? decode_integer(request_.samples) : decode_wait();
}

}  // namespace

ByteView field_name(Field field) {
  constexpr ByteView kNames[] = {"",          "key",      "key_rest",    "owner",        "ttl",          "delta",
                                 "wait",      "expected", "value",       "keys",         "pairs",        "cursor",
                                 "count",     "pattern",  "mode",        "folder",       "client_call",  "user",
                                 "password",  "acl_call", "config_call", "slowlog_call", "latency_call", "memory_call",
                                 "keys_call", "rest"};
  return kNames[static_cast<std::size_t>(field)];
}

Result<void> decode_request(const Shape& shape, ByteView payload, const Limits& limits, UnixMillis now,
                            Request& request) {
  PayloadDecoder decoder(payload, limits, now, request);
  if (shape.is_key_rest()) {
    if (!decoder.decode_all_as_key()) return decoder.error();
    return {};
  }
  // A stored value must fit a reply, which adds a few bytes to it.
  request.scratch.start_anew(limits.payload_bytes_max - std::min(limits.payload_bytes_max, kReplyOverhead));
  for (const Field field : shape.fields) {
    if (field == Field::kEnd) break;
    if (!decoder.decode(field)) return decoder.error();
  }
  if (!decoder.end()) return decoder.error();
  return {};
}

ByteView take_text(ByteView& rest) {
  const std::size_t size = load_big_endian<std::uint16_t>(rest.data());
  const ByteView text = rest.substr(2, size);
  rest.remove_prefix(2 + size);
  return text;
}

}  // namespace kv::protocol
