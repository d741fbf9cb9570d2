// Decides what is asked next: every key once, in order, to load them; or keys and kinds at random, for as long as the
// budget lasts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

#include "kv-bench/random.hpp"
#include "kv-bench/request_batch.hpp"

namespace kv::bench {

class RequestSource {
 public:
  static constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();

  struct Mix {
    std::uint64_t keys;  // at most 2^32
    double get_share;    // 0 to 1: how many of the requests are GETs
    std::uint64_t seed;
    std::uint64_t budget = kUnlimited;  // how many requests that count
  };
  static RequestSource random(const Mix& mix) {
    RequestSource source(mix.seed, mix.budget);
    source.keys_ = mix.keys;
    source.get_below_ = static_cast<std::uint64_t>(mix.get_share * 0x1p32);
    return source;
  }
  // SETs of the keys from `first` up to, but without, `last`.
  static RequestSource load(std::uint64_t first, std::uint64_t last) {
    RequestSource source(0, last - first);
    source.next_key_ = first;
    return source;
  }

  // Fills the front of `requests` and returns how many; 0 at the end. Only what is `counted` uses up the budget.
  std::size_t fill(std::span<Request> requests, bool counted) {
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(requests.size(), budget_));
    for (Request& request : requests.first(size)) request = keys_ == 0 ? load_next() : choose();
    if (counted && budget_ != kUnlimited) budget_ -= size;
    return size;
  }

 private:
  RequestSource(std::uint64_t seed, std::uint64_t budget) : random_(seed), budget_(budget) {}

  Request load_next() { return {static_cast<std::uint32_t>(next_key_++), Op::kSet}; }
  Request choose() {
    const std::uint64_t bits = random_.next();
    const auto key = static_cast<std::uint32_t>((bits >> 32) * keys_ >> 32);
    return {key, (bits & 0xFFFF'FFFFU) < get_below_ ? Op::kGet : Op::kSet};
  }

  Random random_;
  std::uint64_t budget_;
  std::uint64_t keys_ = 0;  // 0: load
  std::uint64_t get_below_ = 0;
  std::uint64_t next_key_ = 0;
};

}  // namespace kv::bench
