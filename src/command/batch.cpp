// Commands on several keys at once, each atomic: MGET MSET MDEL MEXISTS.
#include <algorithm>
#include <vector>

#include "command/command_row.hpp"

namespace kv::command {
namespace {

using engine::EntryView;
using observability::Counter;
using Views = std::span<const std::optional<EntryView>>;

// Absent keys answer with Null.
const value::ValueView& value_or_null(const std::optional<EntryView>& view) {
  static constexpr value::ValueView kNull;
  return view ? view->value : kNull;
}

// A value that is copied after the locks are released, and where to.
struct Postponed {
  char* to;
  engine::Pin value;
};

// The size comes first: the sum of the values may be far over what a reply, or memory, can hold.
std::size_t reply_size(Views views) {
  std::size_t size = sizeof(std::uint16_t);
  for (const auto& view : views) size += value::encoded_size(value_or_null(view));
  return size;
}

Result<void> mget(Context& context, Request& request) {
  std::uint64_t hits = 0;
  std::vector<Postponed> large;
  context.engine().read_many(request.keys, context.call, [&](Views views) {
    const std::size_t size = reply_size(views);
    if (size >= kHeavyPayloadBytes && context.weight == protocol::Weight::kLight) {
      context.handled.is_heavy = true;
      return;
    }
    hits = static_cast<std::uint64_t>(std::ranges::count_if(views, [](const auto& view) { return view.has_value(); }));
    char* to = context.reply.open(size);
    if (to == nullptr) return;
    store_big_endian(to, static_cast<std::uint16_t>(views.size()));
    to += sizeof(std::uint16_t);
    for (const auto& view : views) {
      if (view && view->large != nullptr) {
        large.push_back({to, engine::Pin(*view)});
        to += value::encoded_size(view->value);
      } else {
        to = value::encode(value_or_null(view), to);
      }
    }
  });
  if (context.handled.is_heavy) return {};
  for (const Postponed& postponed : large) value::encode(postponed.value.view().value, postponed.to);
  context.services.counters.add(Counter::kHits, hits);
  context.services.counters.add(Counter::kMisses, request.keys.size() - hits);
  return {};
}

Result<void> mset(Context& context, Request& request) {
  context.engine().put_many(request.pairs, context.deadline(request.ttl_ms), context.call);
  context.reply.ok();
  return {};
}

Result<void> mdel(Context& context, Request& request) {
  context.reply.ok_u32(context.engine().remove_many(request.keys, context.call));
  return {};
}

Result<void> mexists(Context& context, Request& request) {
  context.engine().read_many(request.keys, context.call, [&](Views views) {
    char* to = context.reply.open(sizeof(std::uint16_t) + views.size());
    if (to == nullptr) return;
    store_big_endian(to, static_cast<std::uint16_t>(views.size()));
    to += sizeof(std::uint16_t);
    for (const auto& view : views) *to++ = view ? 1 : 0;
  });
  return {};
}

using enum protocol::Field;
using protocol::Command;

constexpr CommandRow kRows[] = {
    {Command::kMget, "MGET", {kKeys}, kRead | kBatch, "batch", mget},
    {Command::kMset, "MSET", {kPairs}, kWrite | kBatch | kGrows, "batch", mset},
    {Command::kMdel, "MDEL", {kKeys}, kWrite | kBatch, "batch", mdel},
    {Command::kMexists, "MEXISTS", {kKeys}, kRead | kBatch, "batch", mexists},
};

}  // namespace

std::span<const CommandRow> batch_commands() {
  return kRows;
}

}  // namespace kv::command
