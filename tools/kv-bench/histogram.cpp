#include "kv-bench/histogram.hpp"

#include <cmath>

namespace kv::bench {

void Histogram::merge(const Histogram& other) {
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) counts_[bucket] += other.counts_[bucket];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

std::uint64_t Histogram::highest_in(std::size_t bucket) {
  if (bucket < 2 * kSteps) return bucket;
  const std::size_t shift = bucket / kSteps - 1;
  const std::uint64_t step = bucket - shift * kSteps;
  return ((step + 1) << shift) - 1;  // the last bucket wraps to the highest value there is
}

std::uint64_t Histogram::percentile(double percent) const {
  // The small allowance keeps 99.9 % of 1,000 at rank 999 although 99.9 has no exact binary form.
  const double wanted = std::ceil(percent / 100 * static_cast<double>(count_) - 1e-6);
  const std::uint64_t rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::max(0.0, wanted)));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[bucket];
    if (seen >= rank) return std::min(highest_in(bucket), max_);
  }
  return max_;
}

}  // namespace kv::bench
