// Where the server gets the time from. Every user of time takes a Clock, so that tests move it by hand.
#pragma once

#include <atomic>
#include <cstdint>

namespace kv {

// Wall-clock milliseconds since 1970-01-01T00:00Z.
using UnixMillis = std::uint64_t;

// 9999-12-31T23:59:59.999Z, the last deadline the protocol allows.
inline constexpr UnixMillis kDeadlineMax = 253'402'300'799'999;

class Clock {
 public:
  virtual ~Clock() = default;
  // Thread-safe. Never goes back.
  virtual UnixMillis now() const = 0;
};

// The wall clock at construction plus CLOCK_BOOTTIME since then, so that neither a step of the wall clock nor a
// suspended machine expires or prolongs a lock wrongly.
class SystemClock final : public Clock {
 public:
  SystemClock();
  UnixMillis now() const override;

 private:
  std::int64_t offset_ms_;  // wall clock minus boot time
};

// A clock that stands still until it is told to move. For tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(UnixMillis start = 1'700'000'000'000) : now_(start) {}
  UnixMillis now() const override { return now_.load(std::memory_order_relaxed); }
  void advance(std::uint64_t milliseconds) { now_.fetch_add(milliseconds, std::memory_order_relaxed); }

 private:
  std::atomic<UnixMillis> now_;
};

}  // namespace kv
