// What changes in the engine, as outcomes: not "add 3" but "the key now holds 45". So applying one twice does no harm,
// and applying needs neither the time nor chance. This is the one place where changes leave the engine, for the log and
// later for replicas, and the one form in which they come back.
#pragma once

#include <cstdint>
#include <span>

#include "kv/base/bytes.hpp"
#include "kv/base/clock.hpp"
#include "kv/base/lsn.hpp"
#include "kv/value/value_view.hpp"

namespace kv::engine {

class Entry;

struct Mutation {
  enum class Kind : std::uint8_t {
    kPut = 1,          // `key` now holds `value`, until `deadline`
    kDelete = 2,       // `key` is absent; that it was there before is not said
    kSetDeadline = 3,  // `key`, where it is present, now has `deadline`
    kClear = 4,        // every key is absent
  };
  Kind kind = Kind::kPut;
  ByteView key{};                // all but kClear
  value::ValueView value{};      // kPut
  UnixMillis deadline = 0;       // kPut, kSetDeadline; 0: none
  bool is_lock = false;          // kPut
  std::uint64_t token = 0;       // kPut of a lock that was just acquired: its fencing token; else 0
  const Entry* large = nullptr;  // kPut: set where the value stands in a large entry, which a Pin can keep
};

// Told of every change, in the order in which the changes of each key happen.
class MutationSink {
 public:
  virtual ~MutationSink() = default;

  // These changes happen as one: all of them or none will be there after a restart. Called under the exclusive locks of
  // all keys concerned, from any thread, so it must neither block nor call the engine; the views are good during the
  // call only. Returns the number of the record, larger than any it returned before.
  virtual Lsn record(std::span<const Mutation> mutations) noexcept = 0;

  // Whether a call that only looked has to name the last record of the keys that it saw, too. Constant.
  virtual bool reads_depend_on_log() const = 0;

  // Up to here records are safe, so nothing depends on them any more. Need not be the last of them. Called under locks.
  virtual Lsn settled() const { return kNoLsn; }

  // Whether there is room for what nobody waits for: while not, expired entries stay where they are until a call comes
  // upon them. Keys that are waited for are handed over all the same. Called from any thread, without a lock.
  virtual bool accepts_upkeep() const { return true; }
};

}  // namespace kv::engine
