// kv::SharedMutex: the lock in front of every shard.
//
// Held for well under a microsecond, by readers and writers from a handful of threads. So: one word of state, one
// atomic operation to take or release it uncontended, a bounded spin where it is taken, then sleep in the kernel.
// A waiting writer goes before readers that arrive after it, so a stream of readers can't starve it; and a writer that
// leaves hands the lock to the readers that wait asleep, before another writer gets it, so writers can't starve them.
//
// State: bit 31 a writer holds it; bits 20-29 how many writers wait; bits 10-19 how many readers wait asleep;
//        bits 0-9 how many readers hold it. So at most kThreadsMax threads may use one lock.
//
//   lock           held, when it is free; else writers waiting + 1, and later held with writers waiting - 1
//   unlock         held -> free, and all readers that wait asleep become holders: each of them takes one of the grants
//   lock_shared    readers + 1, when no writer holds or waits; else, after a spin, readers waiting + 1 and a grant
//   unlock_shared  readers - 1
//
// It is SharedLockable, so std::shared_lock and std::unique_lock work on it; SharedGuard and ExclusiveGuard below are
// the same, annotated for Clang's thread-safety analysis.
#pragma once

#include <atomic>
#include <cstdint>

#include "kv/base/thread_annotations.hpp"

namespace kv {

class KV_CAPABILITY("mutex") SharedMutex {
 public:
  SharedMutex() = default;
  SharedMutex(const SharedMutex&) = delete;
  SharedMutex& operator=(const SharedMutex&) = delete;

  void lock() KV_ACQUIRE() {
    std::uint32_t free = 0;
    if (!state_.compare_exchange_strong(free, kHeld, std::memory_order_acquire, std::memory_order_relaxed)) lock_slow();
  }
  bool try_lock() KV_TRY_ACQUIRE(true) {
    std::uint32_t free = 0;
    return state_.compare_exchange_strong(free, kHeld, std::memory_order_acquire, std::memory_order_relaxed);
  }
  void unlock() KV_RELEASE() {
    std::uint32_t alone = kHeld;
    if (!state_.compare_exchange_strong(alone, 0, std::memory_order_seq_cst, std::memory_order_relaxed)) unlock_slow();
  }

  void lock_shared() KV_ACQUIRE_SHARED() {
    if (!try_lock_shared()) lock_shared_slow();
  }
  bool try_lock_shared() KV_TRY_ACQUIRE_SHARED(true) {
    std::uint32_t seen = state_.load(std::memory_order_relaxed);
    while ((seen & (kHeld | kWritersWaiting)) == 0) {
      if (state_.compare_exchange_weak(seen, seen + kReader, std::memory_order_acquire, std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  void unlock_shared() KV_RELEASE_SHARED() {
    const std::uint32_t before = state_.fetch_sub(kReader, std::memory_order_seq_cst);
    // Only a writer can wait for readers to leave, and only the last one lets it in.
    if ((before & kReaders) == kReader && before != kReader) wake_writers();
  }

  // As many threads as may use one lock at a time: what a field of the state can count.
  static constexpr std::uint32_t kThreadsMax = 1'023;

 private:
  static constexpr std::uint32_t kReader = 1;
  static constexpr std::uint32_t kReaders = kThreadsMax * kReader;
  static constexpr std::uint32_t kReaderWaits = 1U << 10;
  static constexpr std::uint32_t kReadersWaiting = kThreadsMax * kReaderWaits;
  static constexpr std::uint32_t kWriterWaits = 1U << 20;
  static constexpr std::uint32_t kWritersWaiting = kThreadsMax * kWriterWaits;
  static constexpr std::uint32_t kHeld = 1U << 31;

  void lock_slow() KV_NO_THREAD_SAFETY_ANALYSIS;
  void unlock_slow() KV_NO_THREAD_SAFETY_ANALYSIS;
  void lock_shared_slow() KV_NO_THREAD_SAFETY_ANALYSIS;
  void take_grant();
  void wake_writers() { state_.notify_all(); }

  std::atomic<std::uint32_t> state_{0};
  std::atomic<std::uint32_t> grants_{0};  // readers that hold the lock and don't know it yet
};

class KV_SCOPED_CAPABILITY ExclusiveGuard {
 public:
  explicit ExclusiveGuard(SharedMutex& mutex) KV_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~ExclusiveGuard() KV_RELEASE() { mutex_.unlock(); }
  ExclusiveGuard(const ExclusiveGuard&) = delete;
  ExclusiveGuard& operator=(const ExclusiveGuard&) = delete;

 private:
  SharedMutex& mutex_;
};

class KV_SCOPED_CAPABILITY SharedGuard {
 public:
  explicit SharedGuard(SharedMutex& mutex) KV_ACQUIRE_SHARED(mutex) : mutex_(mutex) { mutex_.lock_shared(); }
  ~SharedGuard() KV_RELEASE_GENERIC() { mutex_.unlock_shared(); }
  SharedGuard(const SharedGuard&) = delete;
  SharedGuard& operator=(const SharedGuard&) = delete;

 private:
  SharedMutex& mutex_;
};

}  // namespace kv
