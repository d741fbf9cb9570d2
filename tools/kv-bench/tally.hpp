// What a run has counted.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "kv-bench/codec.hpp"
#include "kv-bench/histogram.hpp"

namespace kv::bench {

// Answers that were not what they should be, by kind: the stable word that a refusal starts with (`OOM`, `ERR`,
// `SERVER_ERROR`), or `wrong-value`. Only the error path comes here.
class ErrorCounts {
 public:
  static constexpr std::size_t kKindsMax = 32;

  void add(ByteView kind, ByteView sample);
  void merge(const ErrorCounts& other);

  std::uint64_t total() const;
  const std::map<std::string, std::uint64_t>& by_kind() const { return by_kind_; }
  // What the first of them said, in printable ASCII; empty when there was none.
  const std::string& first() const { return first_; }

 private:
  std::map<std::string, std::uint64_t> by_kind_;
  std::string first_;
};

struct Tally {
  std::array<std::uint64_t, 2> answered{};  // by Op, as is latency_ns
  std::array<Histogram, 2> latency_ns;      // of what was answered and what was given up
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t unanswered = 0;  // given up at the end of the run; in latency_ns with the age they had reached
  ErrorCounts errors;
  std::uint64_t last_reply_ns = 0;  // on the monotonic clock

  void merge(const Tally& other);
};

// Why a run could not go on.
struct Failure {
  enum class Kind {
    kConnection,  // couldn't connect, or lost it, or nothing came back
    kReply,       // what came back can't be understood
  };
  Kind kind;
  std::string message;
};

}  // namespace kv::bench
