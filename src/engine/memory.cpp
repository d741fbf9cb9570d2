#include "engine/memory.hpp"

#include <algorithm>
#include <chrono>
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
constexpr std::size_t kPagesInChunk = kChunkBytes / kPageBytes;
// Up to here data is small enough for the TLB as it is, and whole huge pages would be a waste.
constexpr std::size_t kPlainChunks = 4;
constexpr std::size_t kWarmPagesMax = 256;
constexpr int kNiceMax = 19;
// So few fresh pages are left when the next chunk is made ready: half of one chunk, which lasts longer than that takes.
constexpr std::size_t kPagesLeftForSpare = kPagesInChunk / 2;
// A spare is kept for as long as pages are asked for at least this often.
constexpr std::chrono::seconds kSpareKept{1};
constexpr std::size_t kMappedBytesMin = kPageBytes;

void* map(std::size_t bytes, int flags = 0) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
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

void* chunk_of(void* page) {
  return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(page) & ~(kChunkBytes - 1));
}

// How many of these sorted pages, from the first one on, lie side by side in one chunk.
std::size_t run_length(std::span<void* const> pages) {
  std::size_t length = 1;
  while (length < pages.size() && pages[length] == static_cast<char*>(pages[length - 1]) + kPageBytes &&
         chunk_of(pages[length]) == chunk_of(pages[0])) {
    ++length;
  }
  return length;
}

// Makes the chunk a huge page now. A wish: where it isn't granted, everything works as well. The page is asked for by
// touching it, because MADV_POPULATE_WRITE would keep every other thread from mapping memory meanwhile.
void make_huge(char* chunk) {
  madvise(chunk, kChunkBytes, MADV_HUGEPAGE);
  *static_cast<volatile char*>(chunk) = 0;
}

}  // namespace

// Pages of a table are read before they are written, all of them soon. Left to that, each would be a fault for the page
// of zeros, then another one for its copy; and taking the page of zeros away is a call to every processor that runs a
// thread of this process, of which one may just be with another machine.
void* allocate_block(std::size_t bytes) {
  void* block = bytes >= kMappedBytesMin ? map(bytes, MAP_POPULATE) : std::calloc(1, bytes);
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
  is_growing_ = true;
  if (cold_.size() <= kPagesLeftForSpare && chunks_.size() >= kPlainChunks && !spare_wanted_) ask_for_spare();
  return page;
}

void PageSource::add_chunk() {
  // Room for every page that a chunk has, so that taking pages back never has to allocate.
  const std::size_t pages = (chunks_.size() + 1) * kPagesInChunk;
  warm_.reserve(kWarmPagesMax);
  if (cold_.capacity() < pages) cold_.reserve(pages + pages / 2);
  chunks_.reserve(chunks_.size() + 1);
  char* chunk = std::exchange(spare_, nullptr);
  rest_is_warm_ = chunk != nullptr;
  if (chunk == nullptr) chunk = map_chunk();
  spare_wanted_ = false;
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
    while (!wait_until_wanted(lock)) give_rest_back(lock);
    if (stopping_) return;
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
    if (chunk != nullptr && is_spare_taken(lock)) continue;
    spare_wanted_ = false;
    chunk = std::exchange(spare_, nullptr);
    lock.unlock();
    if (chunk != nullptr) munmap(chunk, kChunkBytes);
    lock.lock();
  }
}

// False when nothing has grown for a while and there is something to give back.
bool PageSource::wait_until_wanted(std::unique_lock<std::mutex>& lock) {
  const auto is_wanted = [this] { return stopping_ || (spare_wanted_ && spare_ == nullptr); };
  while (rest_is_warm_) {
    is_growing_ = false;
    if (spare_changed_.wait_for(lock, kSpareKept, is_wanted)) return true;
    if (!is_growing_) return false;
  }
  spare_changed_.wait(lock, is_wanted);
  return true;
}

// The pages of the newest chunk that nobody has had since it was made.
void PageSource::give_rest_back(std::unique_lock<std::mutex>& lock) {
  rest_is_warm_ = false;
  std::vector<void*> rest;
  try {
    rest.reserve(kPagesInChunk);
  } catch (const std::bad_alloc&) {
    return;  // it stays, then
  }
  while (!cold_.empty() && !chunks_.empty() && chunk_of(cold_.back()) == chunks_.back()) {
    rest.push_back(cold_.back());
    cold_.pop_back();
  }
  lock.unlock();
  give_back(rest);
  lock.lock();
}

// Waits until it is; false once no pages are asked for any more.
bool PageSource::is_spare_taken(std::unique_lock<std::mutex>& lock) {
  do {
    is_growing_ = false;
    spare_changed_.wait_for(lock, kSpareKept, [this] { return stopping_ || spare_ == nullptr; });
  } while (is_growing_ && !stopping_ && spare_ != nullptr);
  return stopping_ || spare_ == nullptr;
}

void PageSource::free(std::span<void*> pages) {
  memory::add(memory::Use::kPages, -static_cast<std::int64_t>(pages.size() * kPageBytes));
  give_back(keep_warm(pages));
}

void PageSource::give_back(std::span<void*> pages) {
  std::ranges::sort(pages);
  while (!pages.empty()) {
    const std::size_t length = run_length(pages);
    give_run_back(pages.first(length));
    pages = pages.subspan(length);
  }
}

bool PageSource::has_spare() {
  const std::lock_guard lock(mutex_);
  return spare_ != nullptr;
}

// Puts aside what the reserve has room for; returns the others.
std::span<void*> PageSource::keep_warm(std::span<void*> pages) {
  const std::lock_guard lock(mutex_);
  for (; !pages.empty() && warm_.size() < kWarmPagesMax; pages = pages.first(pages.size() - 1)) {
    warm_.push_back(pages.back());
  }
  return pages;
}

// Pages of one chunk, side by side. The kernel is called without the lock: it may take long, and others need pages.
void PageSource::give_run_back(std::span<void*> run) {
  void* const chunk = chunk_of(run.front());
  if (run.size() == kPagesInChunk) {
    // What is mapped in its place will be a huge page again.
    {
      const std::lock_guard lock(mutex_);
      std::erase(chunks_, chunk);
    }
    munmap(chunk, kChunkBytes);
    return;
  }
  // The kernel must not make a huge page, and so memory, of the chunk again by itself.
  madvise(chunk, kChunkBytes, MADV_NOHUGEPAGE);
  madvise(run.front(), run.size() * kPageBytes, MADV_DONTNEED);
  const std::lock_guard lock(mutex_);
  cold_.insert(cold_.end(), run.rbegin(), run.rend());
}

}  // namespace kv::engine
