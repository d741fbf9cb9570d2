#include "kv-bench/tally.hpp"

namespace kv::bench {

namespace {

std::string printable(ByteView text) {
  constexpr std::size_t kTextMax = 200;
  std::string out(text.substr(0, kTextMax));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

}  // namespace

void ErrorCounts::add(ByteView kind, ByteView sample) {
  if (by_kind_.empty()) first_ = printable(sample);
  std::string name = printable(kind);
  if (by_kind_.size() >= kKindsMax && !by_kind_.contains(name)) name = "other";
  ++by_kind_[name];
}

void ErrorCounts::merge(const ErrorCounts& other) {
  if (by_kind_.empty()) first_ = other.first_;
  for (const auto& [kind, count] : other.by_kind_) by_kind_[kind] += count;
}

std::uint64_t ErrorCounts::total() const {
  std::uint64_t total = 0;
  for (const auto& [kind, count] : by_kind_) total += count;
  return total;
}

void Tally::merge(const Tally& other) {
  for (std::size_t op = 0; op < answered.size(); ++op) {
    answered[op] += other.answered[op];
    latency_ns[op].merge(other.latency_ns[op]);
  }
  hits += other.hits;
  misses += other.misses;
  unanswered += other.unanswered;
  errors.merge(other.errors);
  last_reply_ns = std::max(last_reply_ns, other.last_reply_ns);
}

}  // namespace kv::bench
