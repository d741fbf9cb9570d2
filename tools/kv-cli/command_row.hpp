// The commands of the protocol, as kv-cli offers them: a row each. The shape of its payload is also what a command
// takes on the command line (arguments.hpp), and the form of its answer says how that is read and printed (answer.hpp).
#pragma once

#include <cstdint>
#include <span>

#include "kv/base/bytes.hpp"
#include "kv/protocol/command.hpp"
#include "kv/protocol/request.hpp"

namespace kv::cli {

// What an OK reply brings.
enum class Answer : std::uint8_t {
  kNothing,
  kBool,
  kInt,       // i64
  kCount32,   // u32
  kCount64,   // u64
  kValue,     // a value
  kValues,    // count u16, values
  kBools,     // count u16, Bools
  kSwapped,   // Bool, and after a 0 the current value
  kText,      // any bytes
  kDocument,  // JSON text
  kLines,     // lines of text
  kType,      // a type byte
  kAcquired,  // 1 and a token u64, or 0 and the milliseconds left u64
  kSavedAt,   // when it was written to disk: milliseconds since 1970 u64, 0 for never
  kSettings,  // JSON text: settings
  kBigKeys,   // JSON text: the largest keys
  kHotKeys,   // JSON text: the keys used most
  kLatency,   // JSON text: latencies by command
  kSlowlog,   // JSON text: requests that took long
  kKeys,      // cursor u64, count u32, keys: SCAN, which goes on until the cursor is 0
};

struct CommandRow {
  protocol::Command byte;
  ByteView name;
  protocol::Shape shape;
  Answer answer;
  ByteView help;
};

// In the order of their bytes.
std::span<const CommandRow> commands();

}  // namespace kv::cli
