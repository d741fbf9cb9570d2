// A histogram of latencies whose error is relative: buckets are 128 equal steps within each power of two, so any figure
// read back is at most 1/128 (0.8 %) above the value that was recorded, from a nanosecond to centuries. Recording is a
// shift and an addition; the size is fixed (58 KiB), so nothing is allocated while a run is going on.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace kv::bench {

class Histogram {
 public:
  // Counts `value` `times` times.
  void record(std::uint64_t value, std::uint64_t times = 1) {
    if (times == 0) return;
    counts_[bucket_of(value)] += times;
    count_ += times;
    sum_ += static_cast<double>(value) * static_cast<double>(times);
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  // All of these are 0 when nothing was recorded. min, max and mean are exact.
  std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
  std::uint64_t max() const { return max_; }
  double mean() const { return count_ == 0 ? 0.0 : sum_ / static_cast<double>(count_); }
  // A value that `percent` % of the recorded ones do not exceed; never below the true one and less than 0.8 % above it.
  std::uint64_t percentile(double percent) const;

 private:
  static constexpr int kStepBits = 7;
  static constexpr std::size_t kSteps = std::size_t{1} << kStepBits;
  // Values below 2 * kSteps have a bucket each; every further power of two adds kSteps buckets.
  static constexpr std::size_t kBuckets = (64 - kStepBits - 1) * kSteps + 2 * kSteps;

  static std::size_t bucket_of(std::uint64_t value) {
    const int shift = static_cast<int>(std::bit_width(value | (2 * kSteps - 1))) - (kStepBits + 1);
    return static_cast<std::size_t>(shift) * kSteps + static_cast<std::size_t>(value >> shift);
  }
  static std::uint64_t highest_in(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0};
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace kv::bench
