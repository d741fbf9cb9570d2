// Request frames from C++ data, one function a command. Keys and owners go out as they are, so that a test can send
// wrong ones; values come from kv/value/build.hpp or are any bytes. Where an argument is a std::string, std::lock and
// std::swap are found as well: write test::lock() then.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/protocol/command.hpp"
#include "kv/value/build.hpp"

namespace kv::test {

// Tests write the bytes of a value just as plainly.
using value::encode_bool;
using value::encode_bytes;
using value::encode_decimal;
using value::encode_float;
using value::encode_int;
using value::encode_null;
using value::encode_string;

using Keys = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

// Any command byte with any payload.
std::string frame(std::uint8_t command, ByteView payload = {});
inline std::string frame(protocol::Command command, ByteView payload = {}) {
  return frame(static_cast<std::uint8_t>(command), payload);
}
// A header alone, which claims a payload of that size.
std::string header(std::uint8_t command, std::uint32_t payload_size);

// The pieces of payloads.
std::string u16(std::uint16_t value);
std::string u32(std::uint32_t value);
std::string u64(std::uint64_t value);
std::string sized(ByteView key_or_owner);  // with its u16 length

std::string get(ByteView key);
std::string set(ByteView key, ByteView value, std::uint64_t ttl_ms = 0);
std::string del(ByteView key);
std::string exists(ByteView key);
std::string incr(ByteView key, std::int64_t delta = 1);
std::string decr(ByteView key, std::int64_t delta = 1);
std::string cas(ByteView key, ByteView expected, ByteView value, std::uint64_t ttl_ms = 0);
std::string ping(ByteView payload = {});
std::string info(ByteView section = {});
std::string setnx(ByteView key, ByteView value, std::uint64_t ttl_ms = 0);
std::string lock(ByteView key, ByteView owner, std::uint64_t ttl_ms = 0);
std::string unlock(ByteView key, ByteView owner);
std::string extend(ByteView key, ByteView owner, std::uint64_t ttl_ms = 0);
std::string mget(const Keys& keys);
std::string mset(const Pairs& pairs, std::uint64_t ttl_ms = 0);
std::string mdel(const Keys& keys);
std::string mexists(const Keys& keys);
std::string expire(ByteView key, std::uint64_t ttl_ms);
std::string ttl(ByteView key);
std::string persist(ByteView key);
std::string swap(ByteView key, ByteView value, std::uint64_t ttl_ms = 0);
std::string take(ByteView key);
std::string scan(std::uint64_t cursor, std::uint32_t count = 0, ByteView pattern = {});
std::string type(ByteView key);
std::string add(ByteView key, ByteView value);
std::string acquire(ByteView key, ByteView owner, std::uint64_t ttl_ms = 0, std::uint64_t wait_ms = 0);
std::string flush();
std::string snapshot(std::uint8_t mode = 0, ByteView folder = {});
std::string lastsave();
std::string auth(ByteView user, ByteView password);
std::string whoami();
std::string acl_list();
std::string acl_setuser(ByteView user, ByteView rules);
std::string acl_deluser(ByteView user);
std::string acl_load();
std::string acl_save();
std::string client_list();
std::string client_kill(std::uint64_t id);
std::string client_set_name(ByteView name);
std::string config_get(ByteView pattern = "*");
std::string config_set(const Pairs& names_and_values);
std::string slowlog_get(std::uint32_t count = 0);
std::string slowlog_len();
std::string slowlog_reset();
std::string monitor(std::uint64_t wait_ms = 0);
std::string memory_usage(ByteView key);
std::string latency();
std::string latency_reset();
std::string bigkeys(std::uint32_t count = 0, std::uint64_t samples = 0);
std::string hotkeys(std::uint32_t count = 0, std::uint64_t wait_ms = 0);

// Lists and Maps written in place: list_of({encode_int(1), encode_null()}).
std::string list_of(std::initializer_list<std::string> items);
std::string map_of(std::initializer_list<std::pair<std::string, std::string>> pairs);

}  // namespace kv::test
