// How long something took, as a distribution: buckets of an eighth of an octave, so that any figure taken from them is
// at most an eighth too high, from 64 nanoseconds up to 68 seconds, in two kilobytes.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace kv::observability {

using Nanoseconds = std::chrono::nanoseconds;

// The first bucket takes all that is shorter than the range, the last all that is longer.
inline constexpr int kOctaveFirst = 6;  // 2^6 ns
inline constexpr int kOctaves = 30;
inline constexpr std::size_t kBucketsInOctave = 8;
inline constexpr std::size_t kBuckets = 1 + kOctaves * kBucketsInOctave;

// The bucket that counts times of `time`.
std::size_t bucket_of(Nanoseconds time);
// What every time in the bucket is shorter than; but for the last bucket, which has no end.
Nanoseconds end_of_bucket(std::size_t bucket);

// What a Histogram held when it was asked.
struct Distribution {
  std::array<std::uint64_t, kBuckets> buckets{};
  std::uint64_t sum_ns = 0;

  std::uint64_t count() const;
  // How many were shorter than 2^`octave` ns. REQUIRES: within the range.
  std::uint64_t count_below(int octave) const;
  // A time that no more than the share 1 - `share` were longer than: the end of their bucket. 0 where there are none.
  Nanoseconds quantile(double share) const;
  Nanoseconds max() const { return quantile(1); }

  // One more that took `time`.
  void add(Nanoseconds time);
  Distribution& operator+=(const Distribution& other);
  // REQUIRES: `earlier` is what the same histograms held before.
  Distribution& operator-=(const Distribution& earlier);
};

class Histogram {
 public:
  // `times` times took `each`. One thread at a time.
  void add(Nanoseconds each, std::uint64_t times = 1) {
    bump(buckets_[bucket_of(each)], times);
    bump(sum_ns_, static_cast<std::uint64_t>(each.count()) * times);
  }
  // Any thread; others may be adding meanwhile.
  Distribution read() const;

 private:
  using Cell = std::atomic<std::uint64_t>;
  static void bump(Cell& cell, std::uint64_t amount) {
    cell.store(cell.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }

  std::array<Cell, kBuckets> buckets_{};
  Cell sum_ns_{};
};

// Tells how long things take that come one after the other, with one reading of the clock for each.
class Stopwatch {
 public:
  void start() { since_ = Clock::now(); }
  // The time since start(), or since the last lap.
  Nanoseconds lap() {
    const auto before = since_;
    since_ = Clock::now();
    return since_ - before;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point since_;
};

}  // namespace kv::observability
