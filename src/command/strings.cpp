// Commands on one value: GET SET DEL EXISTS TYPE SETNX SWAP TAKE CAS.
#include <memory>
#include <optional>
#include <utility>

#include "kv/value/compare.hpp"

#include "command/command_row.hpp"
#include "command/value_reply.hpp"

namespace kv::command {
namespace {

using engine::Change;
using engine::EntryView;
using observability::Counter;

Result<void> get(Context& context, Request& request) {
  const bool found = context.engine().read(request.key, context.call, [&](const EntryView& entry) {
    is_sent_as_tail(entry) ? reply_with_value(context, {}, entry) : context.reply.ok_value(entry.value);
  });
  context.services.counters.add(found ? Counter::kHits : Counter::kMisses);
  if (!found) context.reply.null();
  return {};
}

Result<void> set(Context& context, Request& request) {
  engine::PreparedValue prepared(request.key, request.value);
  const UnixMillis deadline = context.deadline(request.ttl_ms);
  context.engine().modify(
      request.key, context.call, [&](const EntryView*) { return Change::put(request.value, deadline); }, &prepared);
  context.reply.ok();
  return {};
}

Result<void> del(Context& context, Request& request) {
  bool found = false;
  context.engine().modify(request.key, context.call, [&](const EntryView* entry) {
    found = entry != nullptr;
    return found ? Change::remove() : Change::keep();
  });
  context.reply.ok_bool(found);
  return {};
}

Result<void> exists(Context& context, Request& request) {
  context.reply.ok_bool(context.engine().read(request.key, context.call, [](const EntryView&) {}));
  return {};
}

Result<void> type(Context& context, Request& request) {
  value::ValueType found{};
  if (context.engine().read(request.key, context.call, [&](const EntryView& entry) { found = entry.value.type; })) {
    const char byte = static_cast<char>(found);
    context.reply.ok({&byte, 1});
  } else {
    context.reply.null();
  }
  return {};
}

Result<void> setnx(Context& context, Request& request) {
  engine::PreparedValue prepared(request.key, request.value);
  const UnixMillis deadline = context.deadline(request.ttl_ms);
  bool was_set = false;
  context.engine().modify(
      request.key, context.call,
      [&](const EntryView* entry) {
        was_set = entry == nullptr;
        return was_set ? Change::put(request.value, deadline) : Change::keep();
      },
      &prepared);
  context.reply.ok_bool(was_set);
  return {};
}

// How much memory a reply with a large value takes, besides a PinnedTail.
std::size_t room_for(const EntryView& large) {
  return value::encoded_size(large.value) - (is_sent_as_tail(large) ? large.value.data.size() : 0);
}

void reply_with_pinned(Context& context, engine::Pin large, std::unique_ptr<PinnedTail> tail) {
  const EntryView entry = large.view();
  if (!is_sent_as_tail(entry)) return context.reply.ok_value(entry.value);
  tail->pin(std::move(large));
  reply_with_tail(context, {}, entry.value, std::move(tail));
}

// Answers with the value that the key had, and changes the key as `change` says. The reply with a large value is made
// after the lock is released, but the memory for it is taken before: what fails must have changed nothing.
void exchange(Context& context, Request& request, FunctionRef<Change(bool present)> change,
              engine::PreparedValue* prepared) {
  std::size_t room = 0;
  std::unique_ptr<PinnedTail> tail;
  for (bool done = false; !done;) {
    std::optional<engine::Pin> large;
    context.engine().modify(
        request.key, context.call,
        [&](const EntryView* entry) {
          if (entry != nullptr && entry->large != nullptr && room_for(*entry) > room) {
            room = room_for(*entry);
            return Change::keep();
          }
          done = true;
          if (entry == nullptr) {
            context.reply.null();
          } else if (entry->large != nullptr) {
            large.emplace(*entry);
          } else {
            context.reply.ok_value(entry->value);
          }
          return change(entry != nullptr);
        },
        prepared);
    if (!done) {
      context.reply.make_room(room);
      if (tail == nullptr) tail = std::make_unique<PinnedTail>();
    }
    if (large) reply_with_pinned(context, *std::move(large), std::move(tail));
  }
}

Result<void> swap(Context& context, Request& request) {
  engine::PreparedValue prepared(request.key, request.value);
  const UnixMillis deadline = context.deadline(request.ttl_ms);
  exchange(
      context, request, [&](bool) { return Change::put(request.value, deadline); }, &prepared);
  return {};
}

Result<void> take(Context& context, Request& request) {
  exchange(
      context, request, [](bool present) { return present ? Change::remove() : Change::keep(); }, nullptr);
  return {};
}

void reply_not_swapped(Context& context, const EntryView& current) {
  static constexpr char kNo = 0;
  reply_with_value(context, {&kNo, 1}, current);
}

// The swap of a CAS that matched: ttl 0 keeps the deadline that there is.
Change swapped(const Context& context, const Request& request, const EntryView* entry) {
  const bool keeps_deadline = request.ttl_ms == 0 && entry != nullptr;
  return Change::put(request.value, keeps_deadline ? entry->deadline : context.deadline(request.ttl_ms));
}

// Compares with a large entry while it is pinned, with no lock held, and swaps if the key still has that very entry.
// False when it has to be tried again, because the key changed meanwhile.
bool try_cas_large(Context& context, Request& request, engine::PreparedValue& prepared) {
  bool done = false;
  context.engine().read(request.key, context.call, [&](const EntryView& pinned) {
    if (pinned.large == nullptr) return;
    done = true;
    if (!value::equal(request.expected, pinned.value)) return reply_not_swapped(context, pinned);
    context.engine().modify(
        request.key, context.call,
        [&](const EntryView* entry) {
          done = entry != nullptr && entry->large == pinned.large;
          return done ? swapped(context, request, entry) : Change::keep();
        },
        &prepared);
    if (done) context.reply.ok_bool(true);
  });
  return done;
}

Result<void> cas(Context& context, Request& request) {
  engine::PreparedValue prepared(request.key, request.value);
  for (bool done = false; !done;) {
    bool is_large = false;
    context.engine().modify(
        request.key, context.call,
        [&](const EntryView* entry) {
          if (entry == nullptr && request.expected.type != value::ValueType::kNull) {
            context.reply.null();
          } else if (entry != nullptr && entry->large != nullptr) {
            is_large = true;
          } else if (entry != nullptr && !value::equal(request.expected, entry->value)) {
            reply_not_swapped(context, *entry);
          } else {
            context.reply.ok_bool(true);
            return swapped(context, request, entry);
          }
          return Change::keep();
        },
        &prepared);
    done = !is_large || try_cas_large(context, request, prepared);
  }
  return {};
}

using enum protocol::Field;
using protocol::Command;

constexpr CommandRow kRows[] = {
    {Command::kGet, "GET", {kKeyRest}, kRead, "string", get},
    {Command::kSet, "SET", {kKey, kTtl, kValue}, kWrite | kGrows, "string", set},
    {Command::kDel, "DEL", {kKeyRest}, kWrite, "keyspace", del},
    {Command::kExists, "EXISTS", {kKeyRest}, kRead, "keyspace", exists},
    {Command::kCas, "CAS", {kKey, kExpected, kValue, kTtl}, kRead | kWrite | kGrows, "string", cas},
    {Command::kSetnx, "SETNX", {kKey, kTtl, kValue}, kWrite | kGrows, "string", setnx},
    {Command::kSwap, "SWAP", {kKey, kTtl, kValue}, kRead | kWrite | kGrows, "string", swap},
    {Command::kTake, "TAKE", {kKeyRest}, kRead | kWrite, "string", take},
    {Command::kType, "TYPE", {kKeyRest}, kRead, "keyspace", type},
};

}  // namespace

std::span<const CommandRow> string_commands() {
  return kRows;
}

}  // namespace kv::command
