// What its thread does with a session that is suspended: ends it, looks at its time limits, and tells of it.
#include <algorithm>

#include "net/session.hpp"

namespace kv::net {

using observability::Counter;

namespace {

// Without input for this long a session gives its buffers back.
constexpr std::chrono::seconds kQuietAfter{1};

}  // namespace

void Session::stop() {
  stopping_ = true;
  if (activity_ == Activity::kReading || activity_ == Activity::kHandshaking) socket_.cancel();
  if (activity_ == Activity::kWaiting) wake();
}

void Session::abort() {
  broken_ = true;
  if (activity_ == Activity::kWaiting) wake();
  socket_.cancel();
}

// How long its peer may take before it asks for anything, where it hasn't come so far.
SteadyClock::duration Session::time_before_service() const {
  if (activity_ == Activity::kHandshaking) {
    const bool are_many = context_.handshakes > context_.options.handshakes_max;
    return context_.options.handshake_timeout / (are_many ? 10 : 1);
  }
  if (caller_ != nullptr && !caller_->is_admitted()) return context_.options.authentication_timeout;
  return SteadyClock::duration::max();
}

// With a peer that makes the session hold memory meanwhile; 0: for ever.
std::chrono::milliseconds Session::patience(std::chrono::milliseconds limit) const {
  if (!context_.handler.is_short_of_memory()) return limit;
  return limit.count() == 0 ? kPatienceWhenShort : std::min<std::chrono::milliseconds>(limit, kPatienceWhenShort);
}

void Session::sweep(SteadyClock::time_point now, SteadyClock::duration deaf) {
  coarse_now_ = now;
  awaited_since_ += deaf;
  last_active_ = std::min(last_active_ + deaf, now);
  linger_until_ += deaf;
  if (now - awaited_since_ >= time_before_service()) {
    context_.counters.add(Counter::kTimeouts);
    return abort();
  }
  if (activity_ == Activity::kLingering && now >= linger_until_) return abort();
  if (activity_ == Activity::kWriting) {
    const auto limit = patience(context_.limits.reply_timeout());
    if (limit.count() > 0 && now - last_active_ >= limit + kSweepPeriod) {
      context_.counters.add(Counter::kTimeouts);
      return abort();
    }
  }
  if (activity_ != Activity::kReading) return;
  const auto quiet_for = now - last_active_;
  const bool has_begun = !input_.empty() || unwanted_ != 0;
  const auto limit = has_begun ? patience(context_.limits.request_timeout()) : context_.limits.idle_timeout();
  // The time of the last activity is known to one period, and nobody is to be cut off early.
  if (limit.count() > 0 && quiet_for >= limit + kSweepPeriod) {
    context_.counters.add(Counter::kTimeouts);
    return abort();
  }
  // The pending read holds a buffer that is to shrink, so it has to begin anew.
  const bool is_large = input_.capacity() > kInputBytesIdle || output_.buffer().capacity() > 0;
  if (quiet_for >= kQuietAfter && is_large && input_.size() <= kInputBytesIdle / 2) socket_.cancel();
}

// What a heavy request works with belongs to its thread meanwhile: input and output are not looked at then.
protocol::ConnectionInfo Session::describe() const {
  static constexpr std::string_view kStates[] = {"running", "handshaking", "reading", "committing",
                                                 "writing", "waiting",     "heavy",   "lingering"};
  const auto ms = [this](SteadyClock::time_point since) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(coarse_now_ - since);
  };
  const bool is_heavy = activity_ == Activity::kHeavy;
  return {.id = id(),
          .address = peer().address,
          .is_encrypted = tls_ != nullptr,
          .is_admitted = caller_ != nullptr && caller_->is_admitted(),
          .name = caller_ == nullptr ? "" : caller_->name(),
          .user = caller_ == nullptr ? "" : caller_->user(),
          .age = ms(began_),
          .idle = ms(last_active_),
          .state = kStates[static_cast<std::size_t>(activity_)],
          .input_bytes = is_heavy ? 0 : input_.capacity(),
          .output_bytes = is_heavy ? 0 : output_.buffer().capacity(),
          .last_command = last_command_};
}

}  // namespace kv::net
