// Memory straight from the kernel, for what must be given back to it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace kv::engine {

inline constexpr std::size_t kPageBytes = 4096;

// Zeroed memory, for tables. Small blocks come from the heap; those of a page or more are mapped, so freeing them gives
// them back at once. Throws std::bad_alloc. free_block() takes the size that was asked for.
void* allocate_block(std::size_t bytes);
void free_block(void* block, std::size_t bytes);

// Hands out 4 KiB pages to the slabs of all shards and takes them back, in any order. Beyond a small reserve the memory
// of a page that comes back goes back to the kernel at once, while its address is kept for the next one; where a whole
// chunk comes back together it goes altogether. Thread-safe.
//
// Pages are cut from chunks of 2 MiB, each one huge page where the kernel has one. To find or make one may take it many
// milliseconds, so a thread of its own sees to it that the next chunk is there before it is needed; where it isn't yet,
// a chunk of ordinary pages is taken instead. What was made ready and isn't needed, since nothing grows, goes again:
// the next chunk, and what is left of the last one.
class PageSource {
 public:
  PageSource() = default;
  ~PageSource();
  PageSource(const PageSource&) = delete;
  PageSource& operator=(const PageSource&) = delete;

  // Throws std::bad_alloc.
  void* allocate();
  void free(void* page) { free({&page, 1}); }
  // Sorts `pages`. The more of them at a time the better: what lies side by side goes back in one call to the kernel.
  void free(std::span<void*> pages);

  // Whether a chunk is ready that nobody needs yet.
  bool has_spare();

 private:
  std::span<void*> keep_warm(std::span<void*> pages);
  void give_back(std::span<void*> pages);
  void give_run_back(std::span<void*> run);
  void give_rest_back(std::unique_lock<std::mutex>& lock);
  bool wait_until_wanted(std::unique_lock<std::mutex>& lock);
  void add_chunk();
  void ask_for_spare();
  void prepare_spares();
  bool is_spare_taken(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::vector<void*> chunks_;
  std::vector<void*> warm_;  // free pages that still have memory
  std::vector<void*> cold_;  // free pages without

  char* spare_ = nullptr;      // a chunk that is ready
  bool spare_wanted_ = false;  // asked for, and then until it is taken or goes
  bool rest_is_warm_ = false;  // what is left of the newest chunk has memory
  bool is_growing_ = false;    // pages were asked for since this was looked at last
  bool stopping_ = false;
  std::condition_variable spare_changed_;
  std::thread preparer_;  // started when the first huge page is wanted
};

}  // namespace kv::engine
