#include "support/base/allocation_meter.hpp"

#include <atomic>
#include <cstdlib>
#include <malloc.h>
#include <new>

namespace {

std::atomic<std::size_t> bytes_now{0};
std::atomic<std::size_t> bytes_peak{0};
std::atomic<std::size_t> allocation_count{0};

}  // namespace

void* operator new(std::size_t size) {
  void* block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  const std::size_t now = bytes_now += malloc_usable_size(block);
  std::size_t peak = bytes_peak;
  while (peak < now && !bytes_peak.compare_exchange_weak(peak, now)) {
  }
  ++allocation_count;
  return block;
}

void operator delete(void* block) noexcept {
  if (block != nullptr) bytes_now -= malloc_usable_size(block);
  std::free(block);
}

void operator delete(void* block, std::size_t) noexcept {
  operator delete(block);
}

namespace kv::test {

AllocationMeter::AllocationMeter() : bytes_before_(bytes_now), allocations_before_(allocation_count) {
  bytes_peak = bytes_before_;
}

std::size_t AllocationMeter::peak_bytes() const {
  return bytes_peak - bytes_before_;
}

std::size_t AllocationMeter::allocations() const {
  return allocation_count - allocations_before_;
}

}  // namespace kv::test
