// Who looks at the requests of all connections while they are carried out: monitors, and those who look for hot keys.
//
// While there is nobody, all that this costs is one relaxed load for each group of requests that a session runs
// together. While somebody is there the requests are decoded once more, with no lock held, and shown to all observers
// in turn.
//
// An observer belongs to whoever asked for it; here it is known weakly, so it has gone once its owner has.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/base/clock.hpp"
#include "kv/protocol/frame.hpp"
#include "kv/protocol/request.hpp"

#include "command/command_row.hpp"

namespace kv::command {

// How closely observers look.
enum class Attention : std::uint8_t {
  kNone,
  kSample,  // at one request of each group, which stands for all of it
  kAll,
};

// A request with a command byte and a payload that make sense; whether it was refused for another reason isn't known.
// Good during the call that shows it.
struct SeenRequest {
  const CommandRow* row = nullptr;
  std::vector<ByteView> keys{};  // that it names
  std::uint32_t stands_for = 1;  // so many requests
};

struct SeenGroup {
  const Connection& caller;
  UnixMillis now;
  std::span<const SeenRequest> requests;
};

class Observer {
 public:
  virtual ~Observer() = default;
  // Always the same.
  virtual Attention attention() const = 0;
  // From any thread, one at a time; must not block. False when it is to be shown nothing any more.
  virtual bool see(const SeenGroup& group) = 0;
};

class Observers {
 public:
  explicit Observers(const protocol::Limits& limits) : limits_(limits) {}

  // Both are thread-safe.
  void add(const std::shared_ptr<Observer>& observer);
  // These were carried out.
  void show(std::span<const protocol::Frame> frames, const Connection& caller, const Clock& clock) {
    if (const Attention attention = attention_.load(std::memory_order_relaxed); attention != Attention::kNone) {
      show(frames, caller, clock.now(), attention);
    }
  }

 private:
  void show(std::span<const protocol::Frame> frames, const Connection& caller, UnixMillis now, Attention attention);

  const protocol::Limits& limits_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<Observer>> observers_;      // guarded by mutex_
  std::atomic<Attention> attention_{Attention::kNone};  // the closest of any; written under mutex_
};

// The keys that a request names, by its row. REQUIRES: it was decoded by that row.
std::vector<ByteView> keys_of(const CommandRow& row, const protocol::Request& request);

// A key as people are shown it: on one line, and not endless.
std::string shown_key(ByteView key);

}  // namespace kv::command
