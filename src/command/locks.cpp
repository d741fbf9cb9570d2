// Commands on locks: LOCK UNLOCK EXTEND ACQUIRE.
#include <algorithm>
#include <mutex>
#include <string>

#include "command/command_row.hpp"

namespace kv::command {
namespace {

using engine::Change;
using engine::Engine;
using engine::EntryView;
using Acquired = Engine::Acquired;

std::uint64_t lock_ttl(const Request& request) {
  return request.ttl_ms == 0 ? kLockTtlMsDefault : request.ttl_ms;
}

Result<void> lock(Context& context, Request& request) {
  const Acquired acquired =
      context.engine().acquire(request.key, request.owner, lock_ttl(request), context.call, nullptr);
  context.reply.ok_bool(acquired.state == Acquired::State::kHeld);
  return {};
}

// Changes a lock that `owner` holds as `change` says and answers 1; 0 where there is no such key.
Result<void> change_lock(Context& context, Request& request, const Change& change) {
  Result<void> result;
  bool held = false;
  context.engine().modify(request.key, context.call, [&](const EntryView* entry) {
    if (entry == nullptr) return Change::keep();
    if (!entry->is_lock) {
      result = Error{Errc::kWrongType, "expected a lock, found an ordinary value"};
    } else if (entry->value.data != request.owner) {
      result = Error{Errc::kLocked, "another owner holds the lock"};
    } else {
      held = true;
      return change;
    }
    return Change::keep();
  });
  if (result) context.reply.ok_bool(held);
  return result;
}

Result<void> unlock(Context& context, Request& request) {
  return change_lock(context, request, Change::remove());
}

Result<void> extend(Context& context, Request& request) {
  return change_lock(context, request, Change::set_deadline(context.call.now + lock_ttl(request)));
}

void reply_acquired(const Acquired& acquired, protocol::ReplyWriter& reply) {
  if (char* to = reply.open(1 + sizeof(std::uint64_t))) {
    const bool held = acquired.state == Acquired::State::kHeld;
    *to = held ? 1 : 0;
    store_big_endian(to + 1, held ? acquired.token : acquired.remaining_ms);
  }
}

// An ACQUIRE that stands in line.
class PendingAcquire final : public protocol::PendingReply, public engine::Waiter {
 public:
  PendingAcquire(const Services& services, ByteView key, std::uint64_t wait_ms)
      : services_(services),
        key_(key),
        wait_until_(std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms)) {}
  ~PendingAcquire() override {
    if (!in_line_) return;
    engine::Call call = call_now();
    leave(call);
    undeliverable();
  }

  // False when it was granted or refused at once, and complete() has the answer.
  void enter(ByteView owner, std::uint64_t ttl_ms, engine::Call& call) {
    outcome_ = services_.engine.acquire(key_, owner, ttl_ms, call, this);
    in_line_ = outcome_.state == Acquired::State::kQueued;
  }
  bool in_line() const { return in_line_; }

  void granted() override {
    const std::lock_guard guard(mutex_);
    is_granted_ = true;
    if (wake_) wake_();
  }

  void notify(std::function<void()> wake) override {
    const std::lock_guard guard(mutex_);
    wake_ = std::move(wake);
    if (is_granted_) wake_();
  }

  // A lock is not for somebody who can't say any more that it is free again.
  bool ends_with_peer() const override { return true; }

  std::chrono::milliseconds time_left() const override {
    const auto left = wait_until_ - std::chrono::steady_clock::now();
    return std::max(std::chrono::ceil<std::chrono::milliseconds>(left), std::chrono::milliseconds(0));
  }

  Lsn complete(ByteBuffer& out) override {
    engine::Call call = call_now();
    leave(call);
    reply(out);
    return call.lsn;
  }

  Lsn withdraw(ByteBuffer& out) override {
    engine::Call call = call_now();
    leave(call);
    if (outcome_.state == Acquired::State::kHeld) {
      undeliverable();
      // Who holds the key now, if anybody: the next in line.
      outcome_ = {Acquired::State::kRefused, 0, 0};
      call.now = services_.clock.now();
      services_.engine.read(key_, call, [&](const EntryView& entry) {
        outcome_.remaining_ms = entry.deadline == 0 ? ~std::uint64_t{0} : entry.deadline - call.now;
      });
    }
    reply(out);
    return call.lsn;
  }

  void undeliverable() override {
    if (outcome_.state == Acquired::State::kHeld) services_.engine.give_back(key_, *this, services_.clock.now());
  }

  const Acquired& outcome() const { return outcome_; }

 private:
  void reply(ByteBuffer& out) const {
    protocol::ReplyWriter writer(out, services_.limits.payload_bytes_max);
    reply_acquired(outcome_, writer);
    services_.counters.add_ok(static_cast<std::uint8_t>(protocol::Command::kAcquire));
  }

  engine::Call call_now() const { return {services_.clock.now()}; }

  void leave(engine::Call& call) {
    outcome_ = services_.engine.leave(key_, *this, call);
    in_line_ = false;
  }

  const Services& services_;
  const std::string key_;
  const std::chrono::steady_clock::time_point wait_until_;
  Acquired outcome_{};
  bool in_line_ = false;

  std::mutex mutex_;
  bool is_granted_ = false;     // guarded by mutex_
  std::function<void()> wake_;  // guarded by mutex_
};

Result<void> acquire(Context& context, Request& request) {
  if (request.wait_ms == 0) {
    reply_acquired(context.engine().acquire(request.key, request.owner, lock_ttl(request), context.call, nullptr),
                   context.reply);
    return {};
  }
  auto pending = std::make_unique<PendingAcquire>(context.services, request.key, request.wait_ms);
  pending->enter(request.owner, lock_ttl(request), context.call);
  if (pending->in_line()) {
    context.handled.pending = std::move(pending);
  } else {
    reply_acquired(pending->outcome(), context.reply);
  }
  return {};
}

using enum protocol::Field;
using protocol::Command;

constexpr CommandRow kRows[] = {
    {Command::kLock, "LOCK", {kKey, kOwner, kTtl}, kWrite | kGrows, "lock", lock},
    {Command::kUnlock, "UNLOCK", {kKey, kOwner}, kWrite, "lock", unlock},
    {Command::kExtend, "EXTEND", {kKey, kOwner, kTtl}, kWrite, "lock", extend},
    {Command::kAcquire, "ACQUIRE", {kKey, kOwner, kTtl, kWait}, kWrite | kWaits | kGrows, "lock", acquire},
};

}  // namespace

std::span<const CommandRow> lock_commands() {
  return kRows;
}

}  // namespace kv::command
