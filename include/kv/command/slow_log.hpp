// The slow log: which requests took long, the last so many of them, for SLOWLOG.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/base/clock.hpp"
#include "kv/base/limits.hpp"
#include "kv/protocol/caller.hpp"
#include "kv/protocol/frame.hpp"
#include "kv/protocol/request.hpp"

namespace kv::command {

class SlowLog {
 public:
  struct Settings {
    std::chrono::microseconds threshold = kSlowlogThresholdDefault;  // what takes longer is kept; 0: nothing is
    std::size_t length = kSlowlogLengthDefault;                      // so many are kept, the last ones
  };
  struct Entry {
    std::uint64_t id = 0;  // they count from 0
    UnixMillis time = 0;   // when it was done
    std::chrono::microseconds took{0};
    std::size_t requests = 1;  // that were run together and only timed so; it is told of the first
    std::uint64_t connection = 0;
    std::string address{};
    std::string user{};
    ByteView command{};
    std::string key{};     // the first, as people are shown it
    std::size_t keys = 0;  // how many there are
  };

  // `clock` must outlive this object.
  SlowLog(const Settings& settings, const protocol::Limits& limits, const Clock& clock);

  // All thread-safe.
  void set(const Settings& settings);
  // What takes longer than this is slow. Asked often.
  std::chrono::nanoseconds threshold() const { return threshold_.load(std::memory_order_relaxed); }
  // These, mostly a single one, took `time` together, one after the other. What they hold goes away afterwards.
  void add(std::span<const protocol::Frame> frames, const protocol::Caller& caller, std::chrono::nanoseconds time);
  // The last `count`, the newest first.
  std::vector<Entry> last(std::size_t count) const;
  std::size_t size() const;
  // Forgets all; ids go on.
  void clear();

 private:
  const protocol::Limits limits_;
  const Clock& clock_;
  std::atomic<std::chrono::nanoseconds> threshold_;
  mutable std::mutex mutex_;  // guards all of these
  std::size_t length_;
  std::deque<Entry> entries_;  // the oldest first
  std::uint64_t next_id_ = 0;
};

}  // namespace kv::command
