#include "kv/observability/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace kv::observability {
namespace {

constexpr int kSubBits = std::countr_zero(kBucketsInOctave);

}  // namespace

std::size_t bucket_of(Nanoseconds time) {
  const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0));
  if (ns < std::uint64_t{1} << kOctaveFirst) return 0;
  const int octave = static_cast<int>(std::bit_width(ns)) - 1;
  const std::size_t eighth = (ns >> (octave - kSubBits)) % kBucketsInOctave;
  return std::min(1 + static_cast<std::size_t>(octave - kOctaveFirst) * kBucketsInOctave + eighth, kBuckets - 1);
}

Nanoseconds end_of_bucket(std::size_t bucket) {
  const auto octave = kOctaveFirst + static_cast<int>(bucket / kBucketsInOctave);
  const std::uint64_t eighths = kBucketsInOctave + bucket % kBucketsInOctave;
  return Nanoseconds(static_cast<std::int64_t>(eighths << (octave - kSubBits)));
}

std::uint64_t Distribution::count() const {
  return std::accumulate(buckets.begin(), buckets.end(), std::uint64_t{0});
}

std::uint64_t Distribution::count_below(int octave) const {
  const auto end = 1 + (octave - kOctaveFirst) * static_cast<int>(kBucketsInOctave);
  return std::accumulate(buckets.begin(), buckets.begin() + end, std::uint64_t{0});
}

Nanoseconds Distribution::quantile(double share) const {
  const std::uint64_t all = count();
  if (all == 0) return Nanoseconds(0);
  const double wanted = std::clamp(share, 0.0, 1.0) * static_cast<double>(all);
  const std::uint64_t rank = std::clamp(static_cast<std::uint64_t>(std::ceil(wanted)), std::uint64_t{1}, all);
  std::uint64_t below = 0;
  std::size_t bucket = 0;
  while ((below += buckets[bucket]) < rank) ++bucket;
  return end_of_bucket(bucket);
}

void Distribution::add(Nanoseconds time) {
  ++buckets[bucket_of(time)];
  sum_ns += static_cast<std::uint64_t>(time.count());
}

Distribution& Distribution::operator+=(const Distribution& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets[i] += other.buckets[i];
  sum_ns += other.sum_ns;
  return *this;
}

Distribution& Distribution::operator-=(const Distribution& earlier) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets[i] -= earlier.buckets[i];
  sum_ns -= earlier.sum_ns;
  return *this;
}

Distribution Histogram::read() const {
  Distribution distribution;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    distribution.buckets[i] = buckets_[i].load(std::memory_order_relaxed);
  }
  distribution.sum_ns = sum_ns_.load(std::memory_order_relaxed);
  return distribution;
}

}  // namespace kv::observability
