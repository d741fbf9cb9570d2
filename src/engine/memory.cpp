#include "engine/memory.hpp"

#include <cstdint>
#include <cstdlib>
#include <new>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <system_error>
#include <utility>

#include "kv/base/memory_account.hpp"

namespace kv::engine {
namespace {

// A huge page: one entry of the TLB reaches all of it, where 4 KiB pages cost a random access a miss more.
constexpr std::size_t kChunkBytes = std::size_t{2} << 20;
// Up to here data is small enough for the TLB as it is, and whole huge pages would be a waste.
constexpr std::size_t kPlainChunks = 4;
constexpr std::size_t kWarmPagesMax = 256;
constexpr int kNiceMax = 19;
// So few fresh pages are left when the next chunk is made ready: half of one chunk, which lasts longer than that takes.
constexpr std::size_t kPagesLeftForSpare = kChunkBytes / kPageBytes / 2;
constexpr std::size_t kMappedBytesMin = 2 * kPageBytes;

void* map(std::size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

// A chunk at an address that is a multiple of its size.
char* map_chunk() {
  auto* const twice = static_cast<char*>(map(2 * kChunkBytes));
  char* const chunk = twice + (-reinterpret_cast<std::uintptr_t>(twice) & (kChunkBytes - 1));
  if (chunk != twice) munmap(twice, static_cast<std::size_t>(chunk - twice));
  if (char* const end = chunk + kChunkBytes; end != twice + 2 * kChunkBytes) {
    munmap(end, static_cast<std::size_t>(twice + 2 * kChunkBytes - end));
  }
  return chunk;
}

// Makes the chunk a huge page now. A wish: where it isn't granted, everything works as well. The page is asked for by
// touching it, because MADV_POPULATE_WRITE would keep every other thread from mapping memory meanwhile.
void make_huge(char* chunk) {
  madvise(chunk, kChunkBytes, MADV_HUGEPAGE);
  *static_cast<volatile char*>(chunk) = 0;
}

}  // namespace

void* allocate_block(std::size_t bytes) {
  void* block = bytes >= kMappedBytesMin ? map(bytes) : std::calloc(1, bytes);
  if (block == nullptr) throw std::bad_alloc();
  memory::add(memory::Use::kTables, static_cast<std::int64_t>(bytes));
  return block;
}

void free_block(void* block, std::size_t bytes) {
  if (block == nullptr) return;
  memory::add(memory::Use::kTables, -static_cast<std::int64_t>(bytes));
  if (bytes >= kMappedBytesMin) {
    munmap(block, bytes);
  } else {
    std::free(block);
  }
}

PageSource::~PageSource() {
  if (preparer_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    spare_changed_.notify_one();
    preparer_.join();
  }
  for (void* chunk : chunks_) munmap(chunk, kChunkBytes);
  if (spare_ != nullptr) munmap(spare_, kChunkBytes);
}

void* PageSource::allocate() {
  const std::lock_guard lock(mutex_);
  if (warm_.empty() && cold_.empty()) add_chunk();
  std::vector<void*>& pages = warm_.empty() ? cold_ : warm_;
  void* page = pages.back();
  pages.pop_back();
  memory::add(memory::Use::kPages, kPageBytes);
  if (cold_.size() == kPagesLeftForSpare && chunks_.size() >= kPlainChunks) ask_for_spare();
  return page;
}

void PageSource::add_chunk() {
  // Room for every page that a chunk has, so that taking pages back never has to allocate.
  const std::size_t pages = (chunks_.size() + 1) * (kChunkBytes / kPageBytes);
  warm_.reserve(kWarmPagesMax);
  if (cold_.capacity() < pages) cold_.reserve(pages + pages / 2);
  chunks_.reserve(chunks_.size() + 1);
  char* chunk = std::exchange(spare_, nullptr);
  if (chunk == nullptr) chunk = map_chunk();
  chunks_.push_back(chunk);
  for (std::size_t at = kChunkBytes; at != 0; at -= kPageBytes) cold_.push_back(chunk + at - kPageBytes);
}

void PageSource::ask_for_spare() {
  spare_wanted_ = true;
  if (preparer_.joinable()) return spare_changed_.notify_one();
  try {
    preparer_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "kv-memory");
      // It is ahead of need, so whoever serves a request goes first. On Linux this is of the calling thread alone.
      setpriority(PRIO_PROCESS, 0, kNiceMax);
      prepare_spares();
    });
  } catch (const std::system_error&) {
    // Without a thread there are no huge pages; the next chunk asks again.
  }
}

void PageSource::prepare_spares() {
  std::unique_lock lock(mutex_);
  while (true) {
    spare_changed_.wait(lock, [this] { return stopping_ || (spare_wanted_ && spare_ == nullptr); });
    if (stopping_) return;
    spare_wanted_ = false;
    lock.unlock();
    char* chunk = nullptr;
    try {
      chunk = map_chunk();
      make_huge(chunk);
    } catch (const std::bad_alloc&) {
      // Whoever needs the memory will fail, and say so.
    }
    lock.lock();
    spare_ = chunk;
  }
}

void PageSource::free(void* page) {
  const std::lock_guard lock(mutex_);
  free_locked(page);
}

void PageSource::free_all(const std::vector<void*>& pages) {
  const std::lock_guard lock(mutex_);
  for (void* page : pages) free_locked(page);
}

void PageSource::free_locked(void* page) {
  memory::add(memory::Use::kPages, -static_cast<std::int64_t>(kPageBytes));
  if (warm_.size() < kWarmPagesMax) {
    warm_.push_back(page);
    return;
  }
  // The kernel must not make a huge page, and so memory, of the chunk again by itself.
  auto* const chunk = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(page) & ~(kChunkBytes - 1));
  madvise(chunk, kChunkBytes, MADV_NOHUGEPAGE);
  madvise(page, kPageBytes, MADV_DONTNEED);
  cold_.push_back(page);
}

}  // namespace kv::engine
