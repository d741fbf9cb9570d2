#include "kv/engine/sweeper.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <pthread.h>

namespace kv::engine {
namespace {

using std::chrono::milliseconds;

constexpr UnixMillis kNoDeadline = ~UnixMillis{0};
constexpr UnixMillis kLongSleepMs = 60'000;

// Looking for expired entries takes at most one part in ten of a processor: after a sweep that took long, the next one
// comes later.
constexpr milliseconds kSweepPause{100};
constexpr int kPausePerSweepTime = 9;

}  // namespace

Sweeper::Sweeper(Engine& engine, const Clock& clock) : engine_(engine), clock_(clock) {
  engine_.set_deadline_alarm(this);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "kv-sweeper");
    run();
  });
}

Sweeper::~Sweeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
  engine_.set_deadline_alarm(nullptr);
}

void Sweeper::wake_by(UnixMillis deadline) {
  const std::lock_guard lock(mutex_);
  if (deadline >= wake_at_) return;
  wake_at_ = deadline;
  changed_.notify_one();
}

// Hands over what has expired, and notes when the next hand-over is due.
void Sweeper::hand_over() {
  {
    // Forgotten before looking, so that a deadline that is set meanwhile is not.
    const std::lock_guard lock(mutex_);
    wake_at_ = kNoDeadline;
  }
  const UnixMillis next = engine_.hand_over_expired(clock_.now());
  const std::lock_guard lock(mutex_);
  wake_at_ = std::min(wake_at_, next);
}

bool Sweeper::hand_over_is_due() {
  const std::lock_guard lock(mutex_);
  return wake_at_ <= clock_.now();
}

void Sweeper::sweep() {
  for (std::uint32_t shard = 0; shard < engine_.shards(); ++shard) {
    engine_.sweep(shard, clock_.now());
    if (hand_over_is_due()) hand_over();
  }
}

// Sleeps until `until`, the next hand-over or the end, whichever comes first. False at the end.
bool Sweeper::sleep_until(SteadyClock::time_point until) {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const UnixMillis now = clock_.now();
    if (wake_at_ <= now || SteadyClock::now() >= until) return true;
    const milliseconds until_hand_over(std::min(wake_at_ - now, kLongSleepMs));
    changed_.wait_until(lock, std::min(until, SteadyClock::now() + until_hand_over));
  }
  return false;
}

void Sweeper::run() {
  SteadyClock::time_point next_sweep = SteadyClock::now();
  do {
    const auto begin = SteadyClock::now();
    try {
      hand_over();
      if (begin < next_sweep) continue;
      sweep();
    } catch (const std::bad_alloc&) {
      // Handing a key over takes a little memory. What is left to do is done after the pause.
    }
    const auto end = SteadyClock::now();
    next_sweep = end + std::max<SteadyClock::duration>(kSweepPause, kPausePerSweepTime * (end - begin));
  } while (sleep_until(next_sweep));
}

}  // namespace kv::engine
