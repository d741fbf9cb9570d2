#include "kv/base/shared_mutex.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace kv {
namespace {

// Long enough for a holder on another core to finish its hundred nanoseconds, short enough not to burn the time slice
// that a preempted holder needs.
constexpr int kSpins = 128;

void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace

void SharedMutex::lock_slow() {
  state_.fetch_add(kWriterWaits, std::memory_order_relaxed);
  for (int spins = 0;; ++spins) {
    std::uint32_t seen = state_.load(std::memory_order_relaxed);
    if ((seen & (kHeld | kReaders)) == 0) {
      const std::uint32_t taken = (seen - kWriterWaits) | kHeld;
      if (state_.compare_exchange_weak(seen, taken, std::memory_order_acquire, std::memory_order_relaxed)) return;
    } else if (spins < kSpins) {
      pause_briefly();
    } else {
      state_.wait(seen, std::memory_order_seq_cst);
    }
  }
}

void SharedMutex::unlock_slow() {
  std::uint32_t seen = state_.load(std::memory_order_relaxed);
  std::uint32_t readers = 0;
  std::uint32_t left = 0;
  do {
    readers = (seen & kReadersWaiting) / kReaderWaits;
    left = (seen & kWritersWaiting) + readers * kReader;
  } while (!state_.compare_exchange_weak(seen, left, std::memory_order_seq_cst, std::memory_order_relaxed));
  if (readers != 0) {
    grants_.fetch_add(readers, std::memory_order_seq_cst);
    grants_.notify_all();
  } else {
    wake_writers();
  }
}

void SharedMutex::lock_shared_slow() {
  for (int spins = 0; spins < kSpins; ++spins) {
    if (try_lock_shared()) return;
    pause_briefly();
  }
  std::uint32_t seen = state_.load(std::memory_order_relaxed);
  while (true) {
    const bool blocked = (seen & (kHeld | kWritersWaiting)) != 0;
    const std::uint32_t next = seen + (blocked ? kReaderWaits : kReader);
    if (state_.compare_exchange_weak(seen, next, std::memory_order_acquire, std::memory_order_relaxed)) {
      if (blocked) take_grant();
      return;
    }
  }
}

// Whoever waits here was counted while a writer held the lock or waited for it, and that writer's unlock grants. Which
// reader takes which grant doesn't matter: each stands for one reader in the state, which keeps writers out until that
// reader has come and gone.
void SharedMutex::take_grant() {
  std::uint32_t grants = grants_.load();
  while (grants == 0 || !grants_.compare_exchange_weak(grants, grants - 1)) {
    if (grants != 0) continue;
    grants_.wait(0);
    grants = grants_.load();
  }
}

}  // namespace kv
