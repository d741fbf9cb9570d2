// Memory straight from the kernel, for what must be given back to it.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

namespace kv::engine {

inline constexpr std::size_t kPageBytes = 4096;

// Zeroed memory. Small blocks come from the heap; large ones are mapped, so freeing them gives them back at once.
// Throws std::bad_alloc. free_block() takes the size that was asked for.
void* allocate_block(std::size_t bytes);
void free_block(void* block, std::size_t bytes);

// Hands out 4 KiB pages to the slabs of all shards and takes them back, in any order. A page that comes back keeps its
// address; beyond a small reserve its memory goes back to the kernel at once. Thread-safe.
class PageSource {
 public:
  PageSource() = default;
  ~PageSource();
  PageSource(const PageSource&) = delete;
  PageSource& operator=(const PageSource&) = delete;

  // Throws std::bad_alloc.
  void* allocate();
  void free(void* page);
  void free_all(const std::vector<void*>& pages);

 private:
  void free_locked(void* page);

  std::mutex mutex_;
  std::vector<void*> chunks_;
  std::vector<void*> warm_;  // free pages that still have memory
  std::vector<void*> cold_;  // free pages without
};

}  // namespace kv::engine
