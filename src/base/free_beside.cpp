#include "kv/base/free_beside.hpp"

#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <exception>
#include <mutex>
#include <pthread.h>
#include <sys/mman.h>
#include <thread>

#include "kv/base/limits.hpp"
#include "kv/base/memory_account.hpp"

namespace kv {
namespace {

struct Block {
  void* memory;
  std::size_t bytes;
};

// Gives the pages inside the block back step by step, then the block. In one step, malloc and the kernel would hold
// locks for as long as it takes, and any other thread that asks for memory then would wait after all.
void free_in_steps(const Block& block) {
  constexpr std::uintptr_t kPageBytes = 4096;
  constexpr std::size_t kStepBytes = 1U << 20;
  auto* const begin = static_cast<char*>(block.memory);
  char* at = begin + (-reinterpret_cast<std::uintptr_t>(begin) & (kPageBytes - 1));
  for (; at + kStepBytes <= begin + block.bytes; at += kStepBytes) madvise(at, kStepBytes, MADV_DONTNEED);
  std::free(block.memory);
}

class Reclaimer {
 public:
  Reclaimer() = default;
  // What still waits is freed first.
  ~Reclaimer() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;

  // False when it doesn't take it.
  bool take(const Block& block) noexcept {
    try {
      const std::lock_guard lock(mutex_);
      if (bytes_ + block.bytes > kFreedBesideBytesMax) return false;
      if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
      blocks_.push_back(block);
      bytes_ += block.bytes;
      memory::add(memory::Use::kBuffers, static_cast<std::int64_t>(block.bytes));
    } catch (const std::exception&) {
      return false;
    }
    changed_.notify_one();
    return true;
  }

 private:
  void run() {
    pthread_setname_np(pthread_self(), "kv-reclaim");
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || !blocks_.empty(); });
      if (blocks_.empty()) return;
      const Block block = blocks_.front();
      blocks_.pop_front();
      lock.unlock();
      free_in_steps(block);
      memory::add(memory::Use::kBuffers, -static_cast<std::int64_t>(block.bytes));
      lock.lock();
      bytes_ -= block.bytes;
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> blocks_;
  std::size_t bytes_ = 0;  // of those, and of the one in hand
  bool stopping_ = false;
  std::thread thread_;  // started when there is something to do
};

}  // namespace

void free_beside(void* block, std::size_t bytes) noexcept {
  if (bytes >= kFreedBesideBytesMin) {
    static Reclaimer reclaimer;
    if (reclaimer.take({block, bytes})) return;
  }
  std::free(block);
}

}  // namespace kv
