// Commands on deadlines and on all keys: EXPIRE TTL PERSIST SCAN FLUSH.
#include <algorithm>

#include "kv/base/byte_buffer.hpp"
#include "kv/base/glob.hpp"

#include "command/command_row.hpp"

namespace kv::command {
namespace {

using engine::Change;
using engine::EntryView;

// A SCAN ends early, with a cursor to go on from, once its reply or its matching would take long.
constexpr std::size_t kScanReplyBytes = 1U << 20;
constexpr std::uint64_t kScanStepsMax = 10'000'000;

Result<void> expire(Context& context, Request& request) {
  bool found = false;
  context.engine().modify(request.key, context.call, [&](const EntryView* entry) {
    found = entry != nullptr;
    if (!found) return Change::keep();
    return request.ttl_ms == 0 ? Change::remove() : Change::set_deadline(context.deadline(request.ttl_ms));
  });
  context.reply.ok_bool(found);
  return {};
}

Result<void> ttl(Context& context, Request& request) {
  UnixMillis deadline = 0;
  if (!context.engine().read(request.key, context.call, [&](const EntryView& entry) { deadline = entry.deadline; })) {
    context.reply.null();
  } else {
    context.reply.ok_i64(deadline == 0 ? -1 : static_cast<std::int64_t>(deadline - context.call.now));
  }
  return {};
}

Result<void> persist(Context& context, Request& request) {
  bool removed = false;
  context.engine().modify(request.key, context.call, [&](const EntryView* entry) {
    removed = entry != nullptr && entry->deadline != 0;
    return removed ? Change::set_deadline(0) : Change::keep();
  });
  context.reply.ok_bool(removed);
  return {};
}

Result<void> scan(Context& context, Request& request) {
  const Glob glob(request.pattern);
  const std::size_t count = request.count == 0 ? kScanCountDefault : std::min(request.count, kScanCountMax);
  const std::size_t reply_bytes_max = std::min(kScanReplyBytes, context.reply.payload_bytes_max());
  ByteBuffer keys;
  std::uint32_t found = 0;
  std::uint64_t steps = 0;
  const std::uint64_t cursor = context.engine().scan(request.cursor, count, context.call, [&](ByteView key) {
    if ((request.pattern.empty() || glob.matches(key, steps)) && context.caller.may_read(key, steps)) {
      keys.append_big_endian(static_cast<std::uint16_t>(key.size()));
      keys.append(key);
      ++found;
    }
    // The next key may be as long as a key can be.
    return steps < kScanStepsMax && keys.size() + kKeyBytesMax < reply_bytes_max;
  });
  if (char* to = context.reply.open(sizeof(cursor) + sizeof(found) + keys.size())) {
    store_big_endian(to, cursor);
    store_big_endian(to + sizeof(cursor), found);
    if (!keys.empty()) std::memcpy(to + sizeof(cursor) + sizeof(found), keys.view().data(), keys.size());
  }
  return {};
}

Result<void> flush(Context& context, Request&) {
  context.reply.ok_u64(context.engine().flush(context.call));
  return {};
}

using enum protocol::Field;
using protocol::Command;

constexpr CommandRow kRows[] = {
    {Command::kExpire, "EXPIRE", {kKey, kTtl}, kWrite, "keyspace", expire},
    {Command::kTtl, "TTL", {kKeyRest}, kRead, "keyspace", ttl},
    {Command::kPersist, "PERSIST", {kKeyRest}, kWrite, "keyspace", persist},
    {Command::kScan, "SCAN", {kCursor, kCount, kPattern}, kRead, "keyspace", scan},
    {Command::kFlush, "FLUSH", {}, kWrite | kAdmin | kHeavy, "keyspace", flush},
};

}  // namespace

std::span<const CommandRow> keyspace_commands() {
  return kRows;
}

}  // namespace kv::command
