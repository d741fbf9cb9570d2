// The slow log, and the command on it: SLOWLOG.
#include "kv/command/slow_log.hpp"

#include <algorithm>
#include <utility>

#include <boost/json.hpp>

#include "command/command_row.hpp"
#include "command/observers.hpp"

namespace kv::command {
namespace {

constexpr std::chrono::nanoseconds kNothingIsSlow = std::chrono::nanoseconds::max();

std::chrono::nanoseconds threshold_of(const SlowLog::Settings& settings) {
  return settings.threshold.count() == 0 ? kNothingIsSlow : std::chrono::nanoseconds(settings.threshold);
}

}  // namespace

SlowLog::SlowLog(const Settings& settings, const protocol::Limits& limits, const Clock& clock)
    : limits_(limits), clock_(clock), threshold_(threshold_of(settings)), length_(settings.length) {}

void SlowLog::set(const Settings& settings) {
  threshold_.store(threshold_of(settings), std::memory_order_relaxed);
  const std::lock_guard guard(mutex_);
  length_ = settings.length;
  while (entries_.size() > length_) entries_.pop_front();
}

void SlowLog::add(std::span<const protocol::Frame> frames, const protocol::Caller& caller,
                  std::chrono::nanoseconds time) {
  Entry entry{.time = clock_.now(),
              .took = std::chrono::duration_cast<std::chrono::microseconds>(time),
              .requests = frames.size(),
              .connection = caller.peer().id,
              .address = caller.peer().address,
              .user = caller.user()};
  const protocol::Frame& frame = frames.front();
  if (const CommandRow* row = find_command(frame.tag)) {
    entry.command = row->name;
    protocol::Request request;
    if (protocol::decode_request(row->shape, frame.payload, limits_, entry.time, request)) {
      const std::vector<ByteView> keys = keys_of(*row, request);
      if (!keys.empty()) entry.key = shown_key(keys.front());
      entry.keys = keys.size();
    }
  }
  const std::lock_guard guard(mutex_);
  entry.id = next_id_++;
  entries_.push_back(std::move(entry));
  if (entries_.size() > length_) entries_.pop_front();
}

std::vector<SlowLog::Entry> SlowLog::last(std::size_t count) const {
  const std::lock_guard guard(mutex_);
  count = std::min(count, entries_.size());
  return {entries_.rbegin(), entries_.rbegin() + static_cast<std::ptrdiff_t>(count)};
}

std::size_t SlowLog::size() const {
  const std::lock_guard guard(mutex_);
  return entries_.size();
}

void SlowLog::clear() {
  const std::lock_guard guard(mutex_);
  entries_.clear();
}

namespace {

namespace json = boost::json;
using protocol::SlowlogCall;

constexpr std::size_t kEntriesDefault = 10;

// To a user that may not read all keys none is shown.
json::object as_json(const SlowLog::Entry& entry, bool shows_keys) {
  json::object object{{"id", entry.id},
                      {"time_ms", entry.time},
                      {"us", entry.took.count()},
                      {"requests", entry.requests},
                      {"connection", entry.connection},
                      {"address", entry.address},
                      {"user", entry.user},
                      {"command", json::string_view(entry.command)}};
  if (entry.keys != 0) {
    if (shows_keys) object["key"] = entry.key;
    object["keys"] = entry.keys;
  }
  return object;
}

void get(Context& context, std::size_t count) {
  constexpr std::size_t kFrameBytes = 64;  // what stands around the list
  const SlowLog& log = *context.services.slow_log;
  std::string list;
  for (const SlowLog::Entry& entry : log.last(count == 0 ? kEntriesDefault : count)) {
    const std::string one = json::serialize(as_json(entry, context.caller.may_read_all()));
    if (list.size() + one.size() + kFrameBytes > context.services.limits.payload_bytes_max) break;
    if (!list.empty()) list += ',';
    list += one;
  }
  context.reply.ok("{\"total\":" + std::to_string(log.size()) + ",\"entries\":[" + list + "]}");
}

Result<void> slowlog(Context& context, Request& request) {
  SlowLog* log = context.services.slow_log;
  if (log == nullptr) return Error{Errc::kInternal, "there is no slow log"};
  switch (request.slowlog_call) {
    case SlowlogCall::kGet:
      get(context, request.count);
      break;
    case SlowlogCall::kLen:
      context.reply.ok_u64(log->size());
      break;
    case SlowlogCall::kReset:
      log->clear();
      context.reply.ok();
      break;
  }
  return {};
}

using enum protocol::Field;
using protocol::Command;

// A long log takes a while to be written down.
constexpr CommandRow kRows[] = {
    {Command::kSlowlog, "SLOWLOG", {kSlowlogCall}, kAdmin | kHeavy, "server", slowlog},
};

}  // namespace

std::span<const CommandRow> slow_log_commands() {
  return kRows;
}

}  // namespace kv::command
