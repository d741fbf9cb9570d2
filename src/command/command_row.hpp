// A row of the command table, and what a command's function gets to work with.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "kv/base/result.hpp"
#include "kv/command/dispatcher.hpp"
#include "kv/protocol/command.hpp"
#include "kv/protocol/reply_writer.hpp"
#include "kv/protocol/request.hpp"

#include "command/connection.hpp"

namespace kv::command {

struct Context {
  const Services& services;
  Observers& observers;
  Connection& caller;
  engine::Call& call;  // when this happens, and what its reply depends on
  protocol::ReplyWriter reply;
  // Where it runs. A reply that would take long to copy must not be made as kLight: `handled.is_heavy` is set instead.
  protocol::Weight weight;
  // For a command that waits `handled.pending` is set instead of appending a reply. For a reply of which only the
  // beginning is appended `handled.tail` is set, last of all.
  protocol::Handled& handled;

  engine::Engine& engine() const { return services.engine; }
  // The deadline that a ttl means; 0 (none) for a ttl of 0.
  UnixMillis deadline(std::uint64_t ttl_ms) const { return ttl_ms == 0 ? 0 : call.now + ttl_ms; }
};

using Request = protocol::Request;

// Appends exactly one reply, or sets what Context says instead, or returns an error having changed nothing.
using Function = Result<void> (*)(Context& context, Request& request);

enum Flag : std::uint8_t {
  kRead = 1,    // reads keys
  kWrite = 2,   // may change keys
  kAdmin = 4,   // for administrators
  kWaits = 8,   // may answer later
  kHeavy = 16,  // always takes long
  kBatch = 32,  // takes time in proportion to its payload
  kGrows = 64,  // may need memory that stays taken, so it gets OOM when there is no room for that
  kOpen = 128,  // for whoever has authenticated, whatever the rules
};

struct CommandRow {
  protocol::Command byte;
  ByteView name;
  protocol::Shape shape;
  std::uint8_t flags;
  ByteView category;
  Function function;
};

// Whether `is_good` says so of every key that a request names, by its row; asks no further after one of which it
// doesn't. REQUIRES: the request was decoded by that row.
template <typename Predicate>
bool every_key(const CommandRow& row, const Request& request, Predicate is_good) {
  using protocol::Field;
  for (const Field field : row.shape.fields) {
    if (field == Field::kKey || field == Field::kKeyRest) {
      if (!is_good(request.key)) return false;
    } else if (field == Field::kKeys) {
      if (!std::ranges::all_of(request.keys, is_good)) return false;
    } else if (field == Field::kPairs) {
      if (!std::ranges::all_of(request.pairs, is_good, &value::KeyValue::key)) return false;
    }
  }
  return true;
}

// Each family's rows, at the foot of its file.
std::span<const CommandRow> string_commands();
std::span<const CommandRow> counter_commands();
std::span<const CommandRow> batch_commands();
std::span<const CommandRow> keyspace_commands();
std::span<const CommandRow> lock_commands();
std::span<const CommandRow> server_commands();
std::span<const CommandRow> persistence_commands();
std::span<const CommandRow> client_commands();
std::span<const CommandRow> user_commands();
std::span<const CommandRow> config_commands();
std::span<const CommandRow> memory_commands();
std::span<const CommandRow> monitor_commands();
std::span<const CommandRow> slow_log_commands();
std::span<const CommandRow> latency_commands();

// By command byte; nullptr where there is no command.
using CommandTable = std::array<const CommandRow*, 256>;
extern const CommandTable kCommandTable;

// The row of a command byte; nullptr where there is none.
inline const CommandRow* find_command(std::uint8_t byte) {
  return kCommandTable[byte];
}

}  // namespace kv::command
