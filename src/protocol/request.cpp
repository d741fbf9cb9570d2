#include "kv/protocol/request.hpp"

#include <algorithm>
#include <optional>

#include "kv/base/utf8.hpp"

namespace kv::protocol {
namespace {

using MaybeError = std::optional<Error>;

constexpr std::size_t kReplyOverhead = 16;  // what a reply adds to a value at most

Error cut_short() {
  return {Errc::kFrame, "the payload is cut short"};
}

MaybeError check_key_size(std::size_t size, const Limits& limits) {
  if (size == 0) return Error{Errc::kKey, "a key is empty"};
  if (size > limits.key_bytes_max) return Error{Errc::kKey, "a key is over the length limit"};
  return {};
}

MaybeError check_key(ByteView key, const Limits& limits) {
  if (auto error = check_key_size(key.size(), limits)) return error;
  if (!is_utf8(key)) return Error{Errc::kKey, "a key is not valid UTF-8"};
  return {};
}

class PayloadDecoder {
 public:
  PayloadDecoder(ByteView payload, const Limits& limits, UnixMillis now, Request& request)
      : rest_(payload), limits_(limits), now_(now), request_(request) {}

  MaybeError decode(Field field);
  bool has_left_over() const { return !rest_.empty(); }

 private:
  MaybeError decode_key(ByteView& key);
  MaybeError decode_key_rest();
  MaybeError decode_owner();
  MaybeError decode_ttl();
  MaybeError decode_wait();
  MaybeError decode_value(value::ValueView& value);
  MaybeError decode_keys();
  MaybeError decode_pairs();
  MaybeError decode_pattern();
  MaybeError decode_mode();
  MaybeError decode_folder();
  MaybeError decode_client_call();
  MaybeError decode_text(ByteView& text);
  MaybeError decode_acl_call();
  MaybeError decode_keys_call();
  MaybeError decode_config_call();
  MaybeError decode_slowlog_call();
  MaybeError decode_latency_call();
  MaybeError decode_memory_call();

  template <typename T>
  MaybeError decode_integer(T& value) {
    using Unsigned = std::make_unsigned_t<T>;
    if (rest_.size() < sizeof(T)) return cut_short();
    value = static_cast<T>(load_big_endian<Unsigned>(rest_.data()));
    rest_.remove_prefix(sizeof(T));
    return {};
  }
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
};

MaybeError PayloadDecoder::decode(Field field) {
  switch (field) {
    case Field::kEnd:
      return {};
    case Field::kKey:
      return decode_key(request_.key);
    case Field::kKeyRest:
      return decode_key_rest();
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
      return {};
  }
  return {};
}

MaybeError PayloadDecoder::decode_key(ByteView& key) {
  std::uint16_t size = 0;
  if (auto error = decode_integer(size)) return error;
  // Of a key whose length is no key's, it doesn't matter how much of it is there.
  if (auto error = check_key_size(size, limits_)) return error;
  if (!take(size, key)) return cut_short();
  return check_key(key, limits_);
}

MaybeError PayloadDecoder::decode_key_rest() {
  take(rest_.size(), request_.key);
  return check_key(request_.key, limits_);
}

MaybeError PayloadDecoder::decode_owner() {
  std::uint16_t size = 0;
  if (auto error = decode_integer(size)) return error;
  if (size == 0) return Error{Errc::kArgument, "the owner is empty"};
  if (!take(size, request_.owner)) return cut_short();
  if (!is_utf8(request_.owner)) return Error{Errc::kArgument, "the owner is not valid UTF-8"};
  return {};
}

MaybeError PayloadDecoder::decode_ttl() {
  if (auto error = decode_integer(request_.ttl_ms)) return error;
  if (request_.ttl_ms > kDeadlineMax - now_) return Error{Errc::kArgument, "the ttl ends after the year 9999"};
  return {};
}

MaybeError PayloadDecoder::decode_wait() {
  if (auto error = decode_integer(request_.wait_ms)) return error;
  if (request_.wait_ms > kAcquireWaitMsMax) return Error{Errc::kArgument, "the wait is longer than a day"};
  return {};
}

MaybeError PayloadDecoder::decode_value(value::ValueView& value) {
  auto decoded = value::decode_value(rest_, request_.scratch);
  if (!decoded) return std::move(decoded).error();
  value = *decoded;
  return {};
}

MaybeError PayloadDecoder::decode_keys() {
  std::uint16_t count = 0;
  if (auto error = decode_integer(count)) return error;
  request_.keys.clear();
  constexpr std::size_t kKeyBytesLeast = 3;
  request_.keys.reserve(std::min<std::size_t>(count, rest_.size() / kKeyBytesLeast));
  for (; count != 0; --count) {
    if (auto error = decode_key(request_.keys.emplace_back())) return error;
  }
  return {};
}

MaybeError PayloadDecoder::decode_pairs() {
  std::uint16_t count = 0;
  if (auto error = decode_integer(count)) return error;
  if (auto error = decode_ttl()) return error;
  request_.pairs.clear();
  constexpr std::size_t kPairBytesLeast = 4;
  request_.pairs.reserve(std::min<std::size_t>(count, rest_.size() / kPairBytesLeast));
  for (; count != 0; --count) {
    value::KeyValue& pair = request_.pairs.emplace_back();
    if (auto error = decode_key(pair.key)) return error;
    if (auto error = decode_value(pair.value)) return error;
  }
  return {};
}

MaybeError PayloadDecoder::decode_pattern() {
  std::uint16_t size = 0;
  if (auto error = decode_integer(size)) return error;
  if (!take(size, request_.pattern)) return cut_short();
  return {};
}

MaybeError PayloadDecoder::decode_mode() {
  std::uint8_t mode = 0;
  if (auto error = decode_integer(mode)) return error;
  if (mode > static_cast<std::uint8_t>(SnapshotMode::kBackup)) {
    return Error{Errc::kArgument, "the mode is not 0, 1 or 2"};
  }
  request_.mode = static_cast<SnapshotMode>(mode);
  return {};
}

MaybeError PayloadDecoder::decode_folder() {
  if (request_.mode != SnapshotMode::kBackup) return {};
  take(rest_.size(), request_.folder);
  const ByteView folder = request_.folder;
  if (!folder.starts_with('/')) return Error{Errc::kArgument, "the folder is not an absolute path"};
  if (folder.size() > kFolderBytesMax) return Error{Errc::kArgument, "the folder's path is over the length limit"};
  if (folder.find('\0') != folder.npos) return Error{Errc::kArgument, "the folder's path has a NUL in it"};
  if (!is_utf8(folder)) return Error{Errc::kArgument, "the folder's path is not valid UTF-8"};
  return {};
}

MaybeError PayloadDecoder::decode_client_call() {
  std::uint8_t call = 0;
  if (auto error = decode_integer(call)) return error;
  request_.client_call = static_cast<ClientCall>(call);
  switch (request_.client_call) {
    case ClientCall::kList:
      return {};
    case ClientCall::kKill:
      return decode_integer(request_.id);
    case ClientCall::kSetName:
      take(rest_.size(), request_.rest);
      if (request_.rest.size() > kClientNameBytesMax)
        return Error{Errc::kArgument, "the name is over the length limit"};
      if (!is_utf8(request_.rest)) return Error{Errc::kArgument, "the name is not valid UTF-8"};
      return {};
  }
  return Error{Errc::kArgument, "CLIENT has no such call"};
}

MaybeError PayloadDecoder::decode_text(ByteView& text) {
  std::uint16_t size = 0;
  if (auto error = decode_integer(size)) return error;
  if (!take(size, text)) return cut_short();
  return {};
}

MaybeError PayloadDecoder::decode_acl_call() {
  std::uint8_t call = 0;
  if (auto error = decode_integer(call)) return error;
  request_.acl_call = static_cast<AclCall>(call);
  switch (request_.acl_call) {
    case AclCall::kList:
    case AclCall::kLoad:
    case AclCall::kSave:
      return {};
    case AclCall::kSetUser:
      if (auto error = decode_text(request_.user)) return error;
      take(rest_.size(), request_.rest);
      return {};
    case AclCall::kDeleteUser:
      return decode_text(request_.user);
  }
  return Error{Errc::kArgument, "ACL has no such call"};
}

MaybeError PayloadDecoder::decode_config_call() {
  std::uint8_t call = 0;
  if (auto error = decode_integer(call)) return error;
  request_.config_call = static_cast<ConfigCall>(call);
  switch (request_.config_call) {
    case ConfigCall::kGet:
      return decode_text(request_.pattern);
    case ConfigCall::kSet: {
      std::uint16_t count = 0;
      if (auto error = decode_integer(count)) return error;
      request_.count = count;
      request_.rest = rest_;
      ByteView text;
      for (unsigned texts = 2U * count; texts != 0; --texts) {
        if (auto error = decode_text(text)) return error;
      }
      return {};
    }
  }
  return Error{Errc::kArgument, "CONFIG has no such call"};
}

MaybeError PayloadDecoder::decode_slowlog_call() {
  std::uint8_t call = 0;
  if (auto error = decode_integer(call)) return error;
  request_.slowlog_call = static_cast<SlowlogCall>(call);
  switch (request_.slowlog_call) {
    case SlowlogCall::kGet:
      return decode_integer(request_.count);
    case SlowlogCall::kLen:
    case SlowlogCall::kReset:
      return {};
  }
  return Error{Errc::kArgument, "SLOWLOG has no such call"};
}

MaybeError PayloadDecoder::decode_latency_call() {
  std::uint8_t call = 0;
  if (auto error = decode_integer(call)) return error;
  if (call > static_cast<std::uint8_t>(LatencyCall::kReset)) return Error{Errc::kArgument, "LATENCY has no such call"};
  request_.latency_call = static_cast<LatencyCall>(call);
  return {};
}

MaybeError PayloadDecoder::decode_memory_call() {
  std::uint8_t call = 0;
  if (auto error = decode_integer(call)) return error;
  if (call != 0) return Error{Errc::kArgument, "MEMORY has no such call"};
  return {};
}

MaybeError PayloadDecoder::decode_keys_call() {
  std::uint8_t call = 0;
  if (auto error = decode_integer(call)) return error;
  if (call > static_cast<std::uint8_t>(KeysCall::kHot)) return Error{Errc::kArgument, "KEYS has no such call"};
  request_.keys_call = static_cast<KeysCall>(call);
  if (auto error = decode_integer(request_.count)) return error;
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
  if (shape.is_key_rest()) {
    if (auto error = check_key(payload, limits)) return *std::move(error);
    request.key = payload;
    return {};
  }
  // A stored value must fit a reply, which adds a few bytes to it.
  request.scratch.start_anew(limits.payload_bytes_max - std::min(limits.payload_bytes_max, kReplyOverhead));
  PayloadDecoder decoder(payload, limits, now, request);
  for (const Field field : shape.fields) {
    if (field == Field::kEnd) break;
    if (auto error = decoder.decode(field)) return *std::move(error);
  }
  if (decoder.has_left_over()) return Error{Errc::kFrame, "the payload has bytes left over"};
  return {};
}

ByteView take_text(ByteView& rest) {
  const std::size_t size = load_big_endian<std::uint16_t>(rest.data());
  const ByteView text = rest.substr(2, size);
  rest.remove_prefix(2 + size);
  return text;
}

}  // namespace kv::protocol
