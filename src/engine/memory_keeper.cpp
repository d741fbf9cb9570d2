#include <new>
#include <pthread.h>

#include "kv/base/limits.hpp"
#include "kv/engine/memory_limit.hpp"

namespace kv::engine {

MemoryKeeper::MemoryKeeper(MemoryLimit& limit, const Clock& clock) : limit_(limit), clock_(clock) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "kv-limit");
    run();
  });
}

MemoryKeeper::~MemoryKeeper() {
  limit_.stop();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void MemoryKeeper::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    try {
      limit_.look(clock_.now());
    } catch (const std::bad_alloc&) {
      // Evicting takes a little memory at times. The next look tries again.
    }
    lock.lock();
    changed_.wait_for(lock, kMemoryLookPeriod, [this] { return stopping_; });
  }
}

}  // namespace kv::engine
