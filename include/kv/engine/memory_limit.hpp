// Keeps the memory of the process within a limit.
//
// What counts is what the process has resident, whatever for: that is looked at every so often, and between two looks
// what has been counted since (base/memory_account.hpp) is added.
//
//   used = resident at the last look + (held now - held at the last look) + promised to writes under way
//
// Checks of passwords take much memory for a moment, and anybody may ask for them. So that they evict nobody, what they
// may take is set aside for as long as there are passwords, whether or not one is being checked.
//
// Whoever is about to need memory asks for room first; over the limit that evicts, by the engine's policy, before
// anything is changed or locked. One request evicts little more than it takes, so that none waits long; what is over
// for another reason, as when replies pile up, is evicted at the next look. Where nobody may be evicted there is no
// room, and then none until a little more than enough has become free, so that not every other write fails.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "kv/base/clock.hpp"
#include "kv/engine/engine.hpp"

namespace kv::engine {

// The memory of the process, as the system sees it. Called from any thread, one at a time.
class ProcessMemory {
 public:
  virtual ~ProcessMemory() = default;
  virtual std::uint64_t resident_bytes() = 0;
  // Has the allocator give back what it keeps for later. May take milliseconds.
  virtual void trim() = 0;
};

// From here on the allocator gives back what is large as soon as it is freed.
std::unique_ptr<ProcessMemory> memory_of_this_process();

class MemoryLimit {
 public:
  // How much is to be set aside for checks of passwords, in bytes; asked at each look. An empty one: nothing.
  using SetAside = std::function<std::size_t()>;
  // The engine must outlive this object, and so must what `set_aside` uses.
  MemoryLimit(Engine& engine, std::uint64_t bytes, std::unique_ptr<ProcessMemory> process, SetAside set_aside = {});
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;

  // Room that was found, or not. What is promised counts as used until this goes.
  class Room {
   public:
    Room() = default;
    Room(Room&& other) noexcept
        : limit_(std::exchange(other.limit_, nullptr)),
          promised_(std::exchange(other.promised_, 0)),
          is_found_(other.is_found_) {}
    Room& operator=(Room&&) = delete;
    ~Room();
    explicit operator bool() const { return is_found_; }

   private:
    friend class MemoryLimit;
    Room(MemoryLimit* limit, std::int64_t promised) : limit_(limit), promised_(promised), is_found_(true) {}
    MemoryLimit* limit_ = nullptr;
    std::int64_t promised_ = 0;
    bool is_found_ = false;
  };
  // Finds room for so many bytes more, evicting where need be. What is evicted raises the call's LSN. Thread-safe;
  // REQUIRES: no shard lock is held. Throws std::bad_alloc.
  Room make_room(std::size_t bytes, Call& call);

  // As make_room(), for `bytes` more of a large buffer (Use::kLargeBuffers), which are counted once they are there. So
  // that requests that read or delete come in even where nothing may be evicted, such buffers may take a sixteenth of
  // the limit beside it.
  bool make_room_for_buffer(std::size_t bytes, Call& call);

  // Whether a large buffer of so many bytes, which is there and counted, may stay: where all others take no more than
  // their sixteenth, or it has room, if need be once everything is evicted. Thread-safe.
  bool may_stay(std::size_t buffer);

  // Looks at the process, and evicts what is over the limit. Breaks off while the log is full, and at stop(). Called by
  // one thread at a time. Throws std::bad_alloc.
  void look(UnixMillis now);
  // Ends a look() that is under way, soon, and makes later ones short. Thread-safe.
  void stop() { stopping_ = true; }

  // What is over it goes by and by: at the next look, and as room is asked for. Thread-safe.
  void set_limit(std::uint64_t bytes) { limit_.store(static_cast<std::int64_t>(bytes), std::memory_order_relaxed); }

  bool is_over() const { return used() > limit(); }
  // Whether it is over by more than what is granted to large buffers: something else takes memory that nobody asked
  // for.
  bool is_far_over() const { return used() > limit() + limit() / kBuffersPart; }

  struct Status {
    std::uint64_t limit = 0;
    std::uint64_t used = 0;
    std::uint64_t refused = 0;  // requests that found no room
  };
  Status status() const;

 private:
  std::int64_t used() const;
  void measure();
  std::int64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  std::int64_t slack() const { return limit() / kSlackPart; }
  bool evicts() const { return engine_.eviction().kind != Eviction::kNone; }
  bool fits(std::int64_t bytes);
  // Whether it would, with everything evicted.
  bool could_fit(std::int64_t bytes) const;
  Room promise(std::int64_t bytes);
  Room refuse(std::int64_t bytes);

  Engine& engine_;
  const std::unique_ptr<ProcessMemory> process_;
  const SetAside set_aside_;
  static constexpr std::int64_t kSlackPart = 64;
  static constexpr std::int64_t kBuffersPart = 16;
  static constexpr std::int64_t kKeptPart = 8;

  std::atomic<std::int64_t> limit_;
  std::atomic<std::int64_t> unheld_{0};  // resident but not counted, at the last look; may be negative
  std::atomic<std::int64_t> promised_{0};
  std::atomic<std::int64_t> aside_{0};
  std::atomic<bool> exhausted_{false};  // since the last look nobody was left to be evicted
  std::atomic<bool> refusing_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> refused_{0};
  std::int64_t least_unheld_;         // since the last trim
  std::uint64_t refused_before_ = 0;  // the last look
};

// Looks, on a thread of its own, every kMemoryLookPeriod.
class MemoryKeeper {
 public:
  // Both must outlive this object.
  MemoryKeeper(MemoryLimit& limit, const Clock& clock);
  ~MemoryKeeper();
  MemoryKeeper(const MemoryKeeper&) = delete;
  MemoryKeeper& operator=(const MemoryKeeper&) = delete;

 private:
  void run();

  MemoryLimit& limit_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace kv::engine
