#include "kv/base/memory_account.hpp"

#include <array>
#include <atomic>
#include <fstream>
#include <unistd.h>

namespace kv::memory {
namespace {

std::array<std::atomic<std::int64_t>, kUses> shared{};

// Not yet passed on. Trivial, so that it is good for as long as the thread, whatever is destroyed in which order.
thread_local std::array<std::int64_t, kUses> uncounted{};

void pass_on(std::size_t use) noexcept {
  shared[use].fetch_add(uncounted[use], std::memory_order_relaxed);
  uncounted[use] = 0;
}

// Passes on what is left when its thread ends.
struct AtThreadEnd {
  bool is_used = false;
  ~AtThreadEnd() {
    for (std::size_t use = 0; use < kUses; ++use) pass_on(use);
  }
};
thread_local AtThreadEnd at_thread_end;

}  // namespace

void add(Use use, std::int64_t bytes) noexcept {
  const auto index = static_cast<std::size_t>(use);
  std::int64_t& sum = uncounted[index];
  sum += bytes;
  if (sum < kUncountedMax && sum > -kUncountedMax) {
    at_thread_end.is_used = true;
    return;
  }
  pass_on(index);
}

std::int64_t held(Use use) noexcept {
  const auto index = static_cast<std::size_t>(use);
  return shared[index].load(std::memory_order_relaxed) + uncounted[index];
}

std::int64_t held() noexcept {
  std::int64_t sum = 0;
  for (std::size_t use = 0; use < kUses; ++use) sum += held(static_cast<Use>(use));
  return sum;
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  file >> total_pages >> resident_pages;
  return resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace kv::memory
