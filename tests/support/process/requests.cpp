#include "support/process/requests.hpp"

#include "kv/protocol/frame.hpp"
#include "kv/value/build.hpp"

namespace kv::test {
namespace {

using protocol::Command;

template <typename... Parts>
std::string join(Command command, const Parts&... parts) {
  std::string payload;
  (payload.append(parts), ...);
  return frame(command, payload);
}

std::string keys_frame(Command command, const Keys& keys) {
  std::string payload = u16(static_cast<std::uint16_t>(keys.size()));
  for (const std::string& key : keys) payload += sized(key);
  return frame(command, payload);
}

template <std::unsigned_integral T>
std::string big_endian(T value) {
  std::string bytes;
  append_big_endian(bytes, value);
  return bytes;
}

}  // namespace

std::string u16(std::uint16_t value) {
  return big_endian(value);
}
std::string u32(std::uint32_t value) {
  return big_endian(value);
}
std::string u64(std::uint64_t value) {
  return big_endian(value);
}
std::string sized(ByteView key_or_owner) {
  return u16(static_cast<std::uint16_t>(key_or_owner.size())).append(key_or_owner);
}

std::string header(std::uint8_t command, std::uint32_t payload_size) {
  std::string bytes(protocol::kHeaderBytes, '\0');
  protocol::encode_header(command, payload_size, bytes.data());
  return bytes;
}

std::string frame(std::uint8_t command, ByteView payload) {
  return header(command, static_cast<std::uint32_t>(payload.size())).append(payload);
}

std::string get(ByteView key) {
  return frame(Command::kGet, key);
}
std::string set(ByteView key, ByteView value, std::uint64_t ttl_ms) {
  return join(Command::kSet, sized(key), u64(ttl_ms), value);
}
std::string del(ByteView key) {
  return frame(Command::kDel, key);
}
std::string exists(ByteView key) {
  return frame(Command::kExists, key);
}
std::string incr(ByteView key, std::int64_t delta) {
  return join(Command::kIncr, sized(key), u64(static_cast<std::uint64_t>(delta)));
}
std::string decr(ByteView key, std::int64_t delta) {
  return join(Command::kDecr, sized(key), u64(static_cast<std::uint64_t>(delta)));
}
std::string cas(ByteView key, ByteView expected, ByteView value, std::uint64_t ttl_ms) {
  return join(Command::kCas, sized(key), expected, value, u64(ttl_ms));
}
std::string ping(ByteView payload) {
  return frame(Command::kPing, payload);
}
std::string info(ByteView section) {
  return frame(Command::kInfo, section);
}
std::string setnx(ByteView key, ByteView value, std::uint64_t ttl_ms) {
  return join(Command::kSetnx, sized(key), u64(ttl_ms), value);
}
std::string lock(ByteView key, ByteView owner, std::uint64_t ttl_ms) {
  return join(Command::kLock, sized(key), sized(owner), u64(ttl_ms));
}
std::string unlock(ByteView key, ByteView owner) {
  return join(Command::kUnlock, sized(key), sized(owner));
}
std::string extend(ByteView key, ByteView owner, std::uint64_t ttl_ms) {
  return join(Command::kExtend, sized(key), sized(owner), u64(ttl_ms));
}
std::string mget(const Keys& keys) {
  return keys_frame(Command::kMget, keys);
}
std::string mset(const Pairs& pairs, std::uint64_t ttl_ms) {
  std::string payload = u16(static_cast<std::uint16_t>(pairs.size())) + u64(ttl_ms);
  for (const auto& [key, value] : pairs) payload += sized(key) + value;
  return frame(Command::kMset, payload);
}
std::string mdel(const Keys& keys) {
  return keys_frame(Command::kMdel, keys);
}
std::string mexists(const Keys& keys) {
  return keys_frame(Command::kMexists, keys);
}
std::string expire(ByteView key, std::uint64_t ttl_ms) {
  return join(Command::kExpire, sized(key), u64(ttl_ms));
}
std::string ttl(ByteView key) {
  return frame(Command::kTtl, key);
}
std::string persist(ByteView key) {
  return frame(Command::kPersist, key);
}
std::string swap(ByteView key, ByteView value, std::uint64_t ttl_ms) {
  return join(Command::kSwap, sized(key), u64(ttl_ms), value);
}
std::string take(ByteView key) {
  return frame(Command::kTake, key);
}
std::string scan(std::uint64_t cursor, std::uint32_t count, ByteView pattern) {
  return join(Command::kScan, u64(cursor), u32(count), sized(pattern));
}
std::string type(ByteView key) {
  return frame(Command::kType, key);
}
std::string add(ByteView key, ByteView value) {
  return join(Command::kAdd, sized(key), value);
}
std::string acquire(ByteView key, ByteView owner, std::uint64_t ttl_ms, std::uint64_t wait_ms) {
  return join(Command::kAcquire, sized(key), sized(owner), u64(ttl_ms), u64(wait_ms));
}
std::string flush() {
  return frame(Command::kFlush);
}
std::string snapshot(std::uint8_t mode, ByteView folder) {
  return join(Command::kSnapshot, std::string(1, static_cast<char>(mode)), folder);
}
std::string lastsave() {
  return frame(Command::kLastsave);
}
std::string auth(ByteView user, ByteView password) {
  return join(Command::kAuth, sized(user), sized(password));
}
std::string whoami() {
  return frame(Command::kWhoami);
}
std::string acl_list() {
  return frame(Command::kAcl, std::string(1, '\0'));
}
std::string acl_setuser(ByteView user, ByteView rules) {
  return join(Command::kAcl, "\1", sized(user), rules);
}
std::string acl_deluser(ByteView user) {
  return join(Command::kAcl, "\2", sized(user));
}
std::string acl_load() {
  return frame(Command::kAcl, "\3");
}
std::string acl_save() {
  return frame(Command::kAcl, "\4");
}
std::string client_list() {
  return frame(Command::kClient, std::string(1, '\0'));
}
std::string client_kill(std::uint64_t id) {
  return join(Command::kClient, "\1", u64(id));
}
std::string client_set_name(ByteView name) {
  return join(Command::kClient, "\2", name);
}
std::string config_get(ByteView pattern) {
  return join(Command::kConfig, std::string(1, '\0'), sized(pattern));
}
std::string config_set(const Pairs& names_and_values) {
  std::string payload = "\1" + u16(static_cast<std::uint16_t>(names_and_values.size()));
  for (const auto& [name, value] : names_and_values) payload += sized(name) + sized(value);
  return frame(Command::kConfig, payload);
}
std::string slowlog_get(std::uint32_t count) {
  return join(Command::kSlowlog, std::string(1, '\0'), u32(count));
}
std::string slowlog_len() {
  return frame(Command::kSlowlog, "\1");
}
std::string slowlog_reset() {
  return frame(Command::kSlowlog, "\2");
}
std::string monitor(std::uint64_t wait_ms) {
  return frame(Command::kMonitor, u64(wait_ms));
}
std::string latency() {
  return join(Command::kLatency, std::string(1, '\0'));
}
std::string latency_reset() {
  return join(Command::kLatency, "\1");
}
std::string memory_usage(ByteView key) {
  return join(Command::kMemory, std::string(1, '\0'), key);
}
std::string bigkeys(std::uint32_t count, std::uint64_t samples) {
  return join(Command::kKeys, std::string(1, '\0'), u32(count), u64(samples));
}
std::string hotkeys(std::uint32_t count, std::uint64_t wait_ms) {
  return join(Command::kKeys, std::string(1, '\1'), u32(count), u64(wait_ms));
}

std::string list_of(std::initializer_list<std::string> items) {
  return value::encode_list(std::span(items.begin(), items.size()));
}
std::string map_of(std::initializer_list<std::pair<std::string, std::string>> pairs) {
  return value::encode_map(std::span(pairs.begin(), pairs.size()));
}

}  // namespace kv::test
