// Commands that look at keys for whoever runs the server: MEMORY KEYS.
//
// The search for big keys walks the entries in the order of their hashes, so a part of the walk is as good a sample as
// any: it says nothing of the keys but their number.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "kv/engine/mutation.hpp"

#include "command/command_row.hpp"
#include "command/key_searches.hpp"

namespace kv::command {
namespace {

namespace json = boost::json;
using engine::Engine;

Result<void> memory(Context& context, Request& request) {
  std::size_t bytes = 0;
  const auto weigh = [&](const engine::EntryView& entry) { bytes = engine::entry_bytes(request.key, entry); };
  if (!context.engine().read(request.key, context.call, weigh)) {
    context.reply.null();
  } else {
    context.reply.ok_u64(bytes + context.engine().table_bytes_per_entry(request.key));
  }
  return {};
}

struct BigKey {
  std::size_t bytes;
  std::string key;
  value::ValueType type;
  UnixMillis deadline;
};

// The largest entries that it was shown.
class Largest {
 public:
  explicit Largest(std::size_t count) : count_(count) {}

  void look_at(const engine::Mutation& entry) {
    const std::size_t bytes = engine::entry_bytes(entry.key, {entry.value, entry.deadline, entry.is_lock, entry.large});
    if (keys_.size() == count_ && bytes <= keys_.front().bytes) return;
    if (keys_.size() == count_) {
      std::ranges::pop_heap(keys_, is_smaller_last);
      keys_.pop_back();
    }
    keys_.push_back({bytes, std::string(entry.key), entry.value.type, entry.deadline});
    std::ranges::push_heap(keys_, is_smaller_last);
  }
  // The largest first. A walk may show a key twice where its table grew meanwhile.
  std::vector<BigKey> take() {
    std::ranges::sort_heap(keys_, is_smaller_last);
    std::set<std::string> told;
    std::erase_if(keys_, [&](const BigKey& big) { return !told.insert(big.key).second; });
    return std::move(keys_);
  }

 private:
  static bool is_smaller_last(const BigKey& a, const BigKey& b) { return a.bytes > b.bytes; }

  const std::size_t count_;
  std::vector<BigKey> keys_;  // a heap with the smallest in front
};

// Walks `samples` entries (0: all) from some shard on, in steps, and returns how many it saw.
std::uint64_t walk(const Context& context, std::uint64_t samples, Largest& largest) {
  constexpr std::size_t kStep = 64;  // keys are copied under the shard's lock
  const UnixMillis now = context.call.now;
  const auto first = static_cast<std::uint32_t>(samples == 0 ? 0 : now % context.engine().shards());
  Engine::WalkCursor cursor{first, 0};
  std::uint64_t seen = 0;
  const auto look = [&](const engine::Mutation& entry) {
    ++seen;
    if (entry.deadline == 0 || entry.deadline > now) largest.look_at(entry);
  };
  bool from_the_start = first == 0;
  while (samples == 0 || seen < samples) {
    const std::size_t step = samples == 0 ? kStep : std::min<std::uint64_t>(kStep, samples - seen);
    const bool goes_on = context.engine().walk(cursor, step, look);
    if (!goes_on && from_the_start) break;
    if (!goes_on) {
      from_the_start = true;
      cursor = {};
    } else if (from_the_start && first != 0 && cursor.shard >= first) {
      break;
    }
  }
  return seen;
}

Result<void> find_big_keys(Context& context, Request& request) {
  Largest largest(request.count == 0 ? kBigKeysDefault : std::min(request.count, kBigKeysMax));
  const std::uint64_t seen = walk(context, request.samples, largest);
  json::array keys;
  std::size_t bytes = 0;
  std::uint64_t steps = 0;
  for (const BigKey& big : largest.take()) {
    if (!context.caller.may_read(big.key, steps)) continue;
    json::object key{{"key", big.key},
                     {"type", json::string_view(value::type_name(big.type))},
                     {"bytes", big.bytes},
                     {"ttl_ms", big.deadline == 0 ? -1 : static_cast<std::int64_t>(big.deadline - context.call.now)}};
    bytes += json::serialize(key).size() + 1;
    constexpr std::size_t kFrameBytes = 128;  // what stands around the list
    if (bytes + kFrameBytes > context.services.limits.payload_bytes_max) break;
    keys.push_back(std::move(key));
  }
  context.reply.ok(json::serialize(
      json::object{{"entries", context.engine().usage().entries}, {"seen", seen}, {"keys", std::move(keys)}}));
  return {};
}

Result<void> keys(Context& context, Request& request) {
  return request.keys_call == protocol::KeysCall::kBig ? find_big_keys(context, request)
                                                       : find_hot_keys(context, request);
}

using protocol::Command;
using protocol::Field;

constexpr CommandRow kRows[] = {
    {Command::kMemory, "MEMORY", {Field::kMemoryCall, Field::kKeyRest}, kRead | kAdmin, "server", memory},
    {Command::kKeys, "KEYS", {Field::kKeysCall}, kAdmin | kWaits, "server", keys},
};

}  // namespace

std::span<const CommandRow> memory_commands() {
  return kRows;
}

}  // namespace kv::command
