#include "support/heap/heap.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <malloc.h>
#include <new>
#include <sys/mman.h>

namespace {

std::atomic<std::size_t> bytes_now{0};

constexpr std::size_t kNever = SIZE_MAX;
thread_local std::size_t allocations_left = kNever;
thread_local std::size_t bytes_refused = kNever;

// Whether this allocation is one that has to fail.
bool fails(std::size_t bytes) {
  if (bytes >= bytes_refused) return true;
  return allocations_left != kNever && allocations_left != 0 && --allocations_left == 0;
}

void* counted(void* block) {
  if (block != nullptr) bytes_now += malloc_usable_size(block);
  return block;
}

}  // namespace

// The linker puts __wrap_malloc() where malloc() was asked for, and the real one where __real_malloc() is.
extern "C" {
void* __real_malloc(std::size_t size);
void* __real_calloc(std::size_t count, std::size_t size);
void* __real_realloc(void* block, std::size_t size);
void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
void __real_free(void* block);
void* __real_mmap(void* address, std::size_t size, int protection, int flags, int fd, off_t offset);

void* __wrap_malloc(std::size_t size) {
  return fails(size) ? nullptr : counted(__real_malloc(size));
}

void* __wrap_calloc(std::size_t count, std::size_t size) {
  return fails(count * size) ? nullptr : counted(__real_calloc(count, size));
}

void* __wrap_realloc(void* block, std::size_t size) {
  if (fails(size)) return nullptr;
  const std::size_t before = block == nullptr ? 0 : malloc_usable_size(block);
  void* moved = __real_realloc(block, size);
  if (moved != nullptr || size == 0) bytes_now -= before;
  return counted(moved);
}

void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  return fails(size) ? nullptr : counted(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void* block) {
  if (block != nullptr) bytes_now -= malloc_usable_size(block);
  __real_free(block);
}

void* __wrap_mmap(void* address, std::size_t size, int protection, int flags, int fd, off_t offset) {
  return fails(size) ? MAP_FAILED : __real_mmap(address, size, protection, flags, fd, offset);
}
}

void* operator new(std::size_t size) {
  void* block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size == 0 ? 1 : size);
}

void operator delete(void* block) noexcept {
  std::free(block);
}

void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}

namespace kv::test {

std::size_t heap_bytes() {
  return bytes_now;
}

void fail_large_allocations(std::size_t bytes) {
  bytes_refused = bytes == 0 ? kNever : bytes;
}

FailingAllocation::FailingAllocation(std::size_t nth) {
  allocations_left = nth + 1;
}

FailingAllocation::~FailingAllocation() {
  allocations_left = kNever;
}

bool FailingAllocation::happened() const {
  return allocations_left == 0;
}

}  // namespace kv::test
