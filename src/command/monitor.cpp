// The command that shows what others ask for: MONITOR.
//
// Whoever asks is a monitor from then on. What others ask for is kept for it, up to a limit, and each MONITOR answers
// what has come since the last one. It is none any more once it asks for anything else, or for nothing for long.
#include <algorithm>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include <boost/json.hpp>

#include "kv/base/limits.hpp"

#include "command/command_row.hpp"
#include "command/observers.hpp"

namespace kv::command {
namespace {

namespace json = boost::json;
using protocol::Command;
using std::chrono::milliseconds;

// So many are told at once, which takes a millisecond or two.
constexpr std::size_t kToldAtOnceMax = 1'024;

// Who may not read all keys is shown none.
enum class Keys { kShown, kHidden };

class Monitor final : public Observer {
 public:
  Monitor(const Services& services, std::uint64_t id) : services_(services), id_(id), asked_at_(services.clock.now()) {}

  Attention attention() const override { return Attention::kAll; }
  bool see(const SeenGroup& group) override;

  // It is none any more: what comes is not kept.
  bool has_ended() const {
    const std::lock_guard guard(mutex_);
    return has_ended_;
  }
  // `wake` is called when enough has come to be told, at once where it has already.
  void on_plenty(std::function<void()> wake) {
    const std::lock_guard guard(mutex_);
    wake_ = std::move(wake);
    wake_if_plenty();
  }
  // What has come, as far as it fits an answer.
  std::string take(Keys keys);

 private:
  struct Record {
    UnixMillis time;
    std::uint64_t connection;
    std::string address;
    std::string user;
    ByteView command;
    std::string key;   // the first
    std::size_t keys;  // how many there are
  };

  void wake_if_plenty() {
    if (wake_ && records_.size() >= kToldAtOnceMax) std::exchange(wake_, nullptr)();
  }
  static json::object as_json(const Record& record, Keys keys);

  const Services& services_;
  const std::uint64_t id_;
  mutable std::mutex mutex_;  // guards all of these
  std::deque<Record> records_;
  std::uint64_t dropped_ = 0;
  std::function<void()> wake_;
  UnixMillis asked_at_;
  bool has_ended_ = false;
};

bool Monitor::see(const SeenGroup& group) {
  const std::lock_guard guard(mutex_);
  const bool is_own = group.caller.peer().id == id_;
  const bool is_silent = !wake_ && group.now > asked_at_ + std::chrono::milliseconds(kMonitorSilenceMax).count();
  if (is_silent) has_ended_ = true;
  for (const SeenRequest& request : group.requests) {
    const bool asks = request.row->byte == Command::kMonitor;
    if (is_own && !asks) has_ended_ = true;
    if (has_ended_ || is_own || asks) continue;
    if (records_.size() >= kMonitorRecordsMax) {
      ++dropped_;
      continue;
    }
    records_.push_back({.time = group.now,
                        .connection = group.caller.peer().id,
                        .address = group.caller.peer().address,
                        .user = group.caller.user(),
                        .command = request.row->name,
                        .key = request.keys.empty() ? "" : shown_key(request.keys.front()),
                        .keys = request.keys.size()});
  }
  if (has_ended_) records_.clear();
  wake_if_plenty();
  return !has_ended_;
}

json::object Monitor::as_json(const Record& record, Keys keys) {
  json::object object{{"time_ms", record.time},
                      {"connection", record.connection},
                      {"address", record.address},
                      {"user", record.user},
                      {"command", json::string_view(record.command)}};
  if (record.keys != 0) {
    if (keys == Keys::kShown) object["key"] = record.key;
    object["keys"] = record.keys;
  }
  return object;
}

std::string Monitor::take(Keys keys) {
  constexpr std::size_t kFrameBytes = 64;  // what stands around the list
  const std::lock_guard guard(mutex_);
  wake_ = nullptr;
  asked_at_ = services_.clock.now();
  std::string list;
  for (std::size_t count = 0; !records_.empty() && count < kToldAtOnceMax; ++count) {
    const std::string one = json::serialize(as_json(records_.front(), keys));
    if (list.size() + one.size() + kFrameBytes > services_.limits.payload_bytes_max && !list.empty()) break;
    if (!list.empty()) list += ',';
    list += one;
    records_.pop_front();
  }
  return "{\"dropped\":" + std::to_string(std::exchange(dropped_, 0)) + ",\"commands\":[" + list + "]}";
}

Keys keys_for(const Connection& caller) {
  return caller.may_read_all() ? Keys::kShown : Keys::kHidden;
}

// A MONITOR that gives others time to do something.
class PendingMonitor final : public protocol::PendingReply {
 public:
  PendingMonitor(const Services& services, const Connection& caller, std::shared_ptr<Monitor> monitor,
                 milliseconds wait)
      : services_(services),
        caller_(caller),
        monitor_(std::move(monitor)),
        until_(services.clock.now() + static_cast<std::uint64_t>(wait.count())) {}
  ~PendingMonitor() override { monitor_->on_plenty(nullptr); }

  void notify(std::function<void()> wake) override { monitor_->on_plenty(std::move(wake)); }
  bool ends_with_peer() const override { return true; }
  milliseconds time_left() const override {
    const UnixMillis now = services_.clock.now();
    return milliseconds(until_ > now ? until_ - now : 0);
  }
  Lsn complete(ByteBuffer& out) override {
    protocol::ReplyWriter(out, services_.limits.payload_bytes_max).ok(monitor_->take(keys_for(caller_)));
    services_.counters.add_ok(static_cast<std::uint8_t>(Command::kMonitor));
    return kNoLsn;
  }
  Lsn withdraw(ByteBuffer& out) override { return complete(out); }
  void undeliverable() override {}

 private:
  const Services& services_;
  const Connection& caller_;
  const std::shared_ptr<Monitor> monitor_;
  const UnixMillis until_;
};

Result<void> monitor(Context& context, Request& request) {
  auto mine = std::static_pointer_cast<Monitor>(context.caller.monitor());
  if (mine == nullptr || mine->has_ended()) {
    mine = std::make_shared<Monitor>(context.services, context.caller.peer().id);
    context.caller.set_monitor(mine);
    context.observers.add(mine);
  }
  const milliseconds wait(std::min<std::uint64_t>(request.wait_ms, milliseconds(kMonitorWaitMax).count()));
  if (wait.count() == 0) {
    context.reply.ok(mine->take(keys_for(context.caller)));
  } else {
    context.handled.pending = std::make_unique<PendingMonitor>(context.services, context.caller, std::move(mine), wait);
  }
  return {};
}

using enum protocol::Field;

constexpr CommandRow kRows[] = {
    {Command::kMonitor, "MONITOR", {kWait}, kAdmin | kWaits, "server", monitor},
};

}  // namespace

std::span<const CommandRow> monitor_commands() {
  return kRows;
}

}  // namespace kv::command
