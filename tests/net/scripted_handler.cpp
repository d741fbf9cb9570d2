#include "net/scripted_handler.hpp"

#include <algorithm>
#include <stdexcept>

#include "kv/base/limits.hpp"
#include "kv/protocol/reply_writer.hpp"

#include "support/process/wait.hpp"

namespace kv::test {
namespace {

enum : std::uint8_t {
  kAction = 'a',
  kAdmit = 'd',
  kEcho = 'e',
  kFill = 'f',
  kLeave = 'g',
  kHeavyEcho = 'h',
  kDepend = 'l',
  kLateHeavyEcho = 'm',
  kTail = 't',
  kWait = 'w',
  kWaitOn = 'v',
  kWriteEcho = 'u',
  kFail = 'x',
  kFailHeavily = 'y'
};

void reply(ByteBuffer& out, ByteView payload) {
  protocol::ReplyWriter(out, kPayloadBytesCeiling).ok(payload);
}

}  // namespace

std::string echo(ByteView payload) {
  return frame(kEcho, payload);
}
std::string fill(std::uint32_t size) {
  return frame(kFill, u32(size));
}
std::string depend_on(std::uint32_t lsn) {
  return frame(kDepend, u32(lsn));
}
std::string write_echo(ByteView payload) {
  return frame(kWriteEcho, payload);
}
std::string heavy_echo(ByteView payload) {
  return frame(kHeavyEcho, payload);
}
std::string tail(std::uint32_t size) {
  return frame(kTail, u32(size));
}
std::string tail_payload(std::uint32_t size) {
  std::string payload;
  while (payload.size() < size) payload += std::to_string(payload.size()) + " ";
  payload.resize(size);
  return payload;
}
std::string late_heavy_echo(ByteView payload) {
  return frame(kLateHeavyEcho, payload);
}
std::string wait_for(std::uint32_t milliseconds, ByteView name) {
  return frame(kWait, u32(milliseconds).append(name));
}
std::string leave() {
  return frame(kLeave);
}
std::string admit() {
  return frame(kAdmit);
}
std::string wait_on(std::uint32_t milliseconds, ByteView name) {
  return frame(kWaitOn, u32(milliseconds).append(name));
}
std::string run_action() {
  return frame(kAction);
}
std::string fail() {
  return frame(kFail);
}
std::string fail_heavily() {
  return frame(kFailHeavily);
}

std::vector<std::string> PendingRecord::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

bool PendingRecord::has(ByteView event) const {
  return std::ranges::count(events(), event) != 0;
}

void PendingRecord::wake() {
  const std::lock_guard lock(mutex_);
  wake_();
}

void PendingRecord::on_complete(std::function<void()> action) {
  const std::lock_guard lock(mutex_);
  on_complete_ = std::move(action);
}

void PendingRecord::complete_with(std::size_t payload_bytes) {
  const std::lock_guard lock(mutex_);
  payload_.assign(payload_bytes, 'x');
}

void PendingRecord::note(const char* event) {
  const std::lock_guard lock(mutex_);
  events_.emplace_back(event);
}

class ScriptedPending final : public protocol::PendingReply {
 public:
  struct Script {
    std::chrono::milliseconds patience;
    bool is_granted;
    bool ends_with_peer;
    Lsn lsn;
  };
  ScriptedPending(std::shared_ptr<PendingRecord> record, const Script& script)
      : record_(std::move(record)), script_(script), until_(std::chrono::steady_clock::now() + script.patience) {}
  ~ScriptedPending() override { record_->note("gone"); }

  void notify(std::function<void()> wake) override {
    {
      const std::lock_guard lock(record_->mutex_);
      record_->wake_ = std::move(wake);
    }
    record_->note("notify");
    if (script_.is_granted) record_->wake();
  }
  bool ends_with_peer() const override { return script_.ends_with_peer; }
  std::chrono::milliseconds time_left() const override {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - std::chrono::steady_clock::now());
    return std::max(left, std::chrono::milliseconds(0));
  }
  Lsn complete(ByteBuffer& out) override {
    record_->note("complete");
    if (record_->on_complete_) record_->on_complete_();
    reply(out, record_->payload_);
    return script_.lsn;
  }
  Lsn withdraw(ByteBuffer& out) override {
    record_->note("withdraw");
    reply(out, "withdrawn");
    return kNoLsn;
  }
  void undeliverable() override { record_->note("undeliverable"); }

 private:
  const std::shared_ptr<PendingRecord> record_;
  const Script script_;
  const std::chrono::steady_clock::time_point until_;
};

std::unique_ptr<protocol::Caller> ScriptedHandler::connect(protocol::Peer peer) {
  {
    const std::lock_guard lock(mutex_);
    last_peer_ = peer;
  }
  auto caller = std::make_unique<protocol::Caller>(std::move(peer));
  caller->set_admitted(admits_);
  return caller;
}

protocol::Peer ScriptedHandler::last_peer() const {
  const std::lock_guard lock(mutex_);
  return last_peer_;
}

protocol::Weight ScriptedHandler::weigh(const protocol::Frame& frame) const {
  const bool heavy = frame.tag == kHeavyEcho || frame.tag == kFailHeavily;
  return heavy ? protocol::Weight::kHeavy : protocol::Weight::kBrief;
}

bool ScriptedHandler::may_write(const protocol::Frame& frame) const {
  return frame.tag == kWriteEcho;
}

// All but the first byte of a payload.
class ScriptedTail final : public protocol::ReplyTail {
 public:
  ScriptedTail(std::string payload, std::atomic<std::size_t>& count) : payload_(std::move(payload)), count_(count) {
    ++count_;
  }
  ~ScriptedTail() override { --count_; }
  ByteView bytes() const override { return ByteView(payload_).substr(1); }

 private:
  const std::string payload_;
  std::atomic<std::size_t>& count_;
};

protocol::Handled ScriptedHandler::handle(const protocol::Frame& frame, protocol::Caller& caller, UnixMillis now,
                                          protocol::Weight weight, ByteBuffer& out) {
  if (frame.tag == kLateHeavyEcho && weight == protocol::Weight::kLight) return {.is_heavy = true};
  ++handled_;
  last_now_ = now;
  switch (frame.tag) {
    case kEcho:
    case kWriteEcho:
      reply(out, frame.payload);
      return {};
    case kDepend:
      reply(out, frame.payload);
      return {nullptr, Lsn{load_big_endian<std::uint32_t>(frame.payload.data())}};
    case kAction:
      reply(out, {});
      action_();
      return {};
    case kLeave:
      caller.end_after_reply();
      reply(out, {});
      return {};
    case kAdmit:
      caller.set_admitted(true);
      reply(out, {});
      return {};
    case kTail: {
      const auto size = load_big_endian<std::uint32_t>(frame.payload.data());
      std::string payload = tail_payload(size);
      *protocol::ReplyWriter(out, kPayloadBytesCeiling).open_head(size, 1) = payload.front();
      return {.tail = std::make_unique<ScriptedTail>(std::move(payload), tails_)};
    }
    case kHeavyEcho:
    case kLateHeavyEcho:
      pass_gate();
      reply(out, frame.payload);
      return {};
    case kFill:
      reply(out, std::string(load_big_endian<std::uint32_t>(frame.payload.data()), 'x'));
      return {};
    case kWait:
    case kWaitOn: {
      const std::chrono::milliseconds patience(load_big_endian<std::uint32_t>(frame.payload.data()));
      const std::string name(frame.payload.substr(4));
      const auto record = std::make_shared<PendingRecord>();
      const std::lock_guard lock(mutex_);
      pending_.emplace_back(name, record);
      const ScriptedPending::Script script{.patience = patience,
                                           .is_granted = name == granted_at_once_,
                                           .ends_with_peer = frame.tag == kWait,
                                           .lsn = pending_lsn_};
      return {std::make_unique<ScriptedPending>(record, script)};
    }
    default:
      throw std::runtime_error("as the test asked for");
  }
}

// REQUIRES: leave_room_for() is not called meanwhile.
bool ScriptedHandler::make_room(std::size_t bytes) {
  std::size_t left = room_;
  while (left >= bytes) {
    if (room_.compare_exchange_weak(left, left - bytes)) return true;
  }
  return false;
}

void ScriptedHandler::refuse(const Error& error, ByteBuffer& out) {
  protocol::ReplyWriter(out, kPayloadBytesCeiling).error(error);
}

void ScriptedHandler::prefetch(std::span<const protocol::Frame> frames) {
  const std::lock_guard lock(mutex_);
  for (const protocol::Frame& frame : frames) announced_.emplace_back(frame.payload);
}

void ScriptedHandler::shut_gate() {
  const std::lock_guard lock(mutex_);
  gate_is_open_ = false;
}

void ScriptedHandler::open_gate() {
  const std::lock_guard lock(mutex_);
  gate_is_open_ = true;
  gate_opens_.notify_all();
}

void ScriptedHandler::pass_gate() {
  std::unique_lock lock(mutex_);
  gate_opens_.wait(lock, [&] { return gate_is_open_; });
}

void ScriptedHandler::timed(std::span<const protocol::Frame> frames, const protocol::Caller& caller,
                            std::chrono::nanoseconds time) {
  const std::lock_guard lock(mutex_);
  for (const protocol::Frame& frame : frames) {
    timed_.push_back(
        {std::string(frame.payload.substr(0, TimedFrame::kPayloadBytesKept)), caller.peer().id, frames.size(), time});
  }
}

std::vector<TimedFrame> ScriptedHandler::timed() const {
  const std::lock_guard lock(mutex_);
  return timed_;
}

std::vector<std::string> ScriptedHandler::announced() const {
  const std::lock_guard lock(mutex_);
  return announced_;
}

std::shared_ptr<PendingRecord> ScriptedHandler::pending(const std::string& name) const {
  std::shared_ptr<PendingRecord> found;
  const bool waits = eventually([&] {
    const std::lock_guard lock(mutex_);
    for (const auto& [pending_name, record] : pending_) {
      if (pending_name == name) found = record;
    }
    return found != nullptr && found->has("notify");
  });
  if (!waits) throw std::runtime_error("no session waits for " + name);
  return found;
}

}  // namespace kv::test
