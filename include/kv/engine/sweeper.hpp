// The thread that sees to deadlines which nobody touches: it hands keys that are waited for over the moment they
// expire, and gives the memory of expired entries back.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "kv/base/clock.hpp"
#include "kv/engine/engine.hpp"

namespace kv::engine {

class Sweeper final : public DeadlineAlarm {
 public:
  // Becomes `engine`'s deadline alarm and starts the thread. Both arguments must outlive this object.
  Sweeper(Engine& engine, const Clock& clock);
  // Stops the thread and waits for it; takes as long as the sweep of one shard at most.
  ~Sweeper() override;
  Sweeper(const Sweeper&) = delete;
  Sweeper& operator=(const Sweeper&) = delete;

  void wake_by(UnixMillis deadline) override;

 private:
  using SteadyClock = std::chrono::steady_clock;

  void run();
  void hand_over();
  bool hand_over_is_due();
  void sweep();
  bool sleep_until(SteadyClock::time_point until);

  Engine& engine_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  UnixMillis wake_at_ = ~UnixMillis{0};  // the next hand-over that is known of
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace kv::engine
