#include "kv/engine/memory_limit.hpp"

#include <algorithm>
#include <limits>
#include <malloc.h>
#include <utility>

#include "kv/base/memory_account.hpp"

namespace kv::engine {
namespace {

using memory::Use;

// What a small request takes beside its payload: an entry's header, its part of the table and of a page.
constexpr std::int64_t kBesidePayload = 128;
// Less is not worth a promise, which all threads would have to agree on.
constexpr std::int64_t kPromiseMin = std::int64_t{16} << 10;
// One request evicts until there is room, or until it has evicted so many times what it takes, and this much: then
// memory falls all the same, and no request waits for what others have taken.
constexpr std::int64_t kEvictedPerByte = 2;
constexpr std::int64_t kEvictedMin = std::int64_t{16} << 10;
// A look evicts in steps of this.
constexpr std::int64_t kLookStep = std::int64_t{64} << 10;

// With malloc: larger blocks are mapped one by one, so that they are gone once they are freed. Left to itself it raises
// that threshold to the size of what it sees freed, up to 32 MiB, and keeps what lies below.
constexpr int kMappedBlockMin = 128 << 10;
// Leaves half of the mappings that Linux allows a process (vm.max_map_count, 65,530) to everything else.
constexpr int kMappedBlocksMax = 32'768;

// All but what checks of passwords take, each use by itself: in the difference of two sums a check that begins or ends
// between them would be missing, or there twice.
std::int64_t held_beside_passwords() {
  std::int64_t sum = 0;
  for (std::size_t use = 0; use < memory::kUses; ++use) {
    if (static_cast<Use>(use) != Use::kPasswords) sum += memory::held(static_cast<Use>(use));
  }
  return sum;
}

class SystemMemory final : public ProcessMemory {
 public:
  SystemMemory() {
    mallopt(M_MMAP_THRESHOLD, kMappedBlockMin);
    mallopt(M_MMAP_MAX, kMappedBlocksMax);
  }

  std::uint64_t resident_bytes() override { return memory::resident_bytes(); }

  void trim() override { malloc_trim(0); }
};

}  // namespace

std::unique_ptr<ProcessMemory> memory_of_this_process() {
  return std::make_unique<SystemMemory>();
}

MemoryLimit::Room::~Room() {
  if (promised_ != 0) limit_->promised_.fetch_sub(promised_, std::memory_order_relaxed);
}

MemoryLimit::MemoryLimit(Engine& engine, std::uint64_t bytes, std::unique_ptr<ProcessMemory> process,
                         SetAside set_aside)
    : engine_(engine),
      process_(std::move(process)),
      set_aside_(std::move(set_aside)),
      limit_(static_cast<std::int64_t>(bytes)),
      unheld_(std::numeric_limits<std::int64_t>::min()),
      least_unheld_(std::numeric_limits<std::int64_t>::max()) {
  measure();
}

void MemoryLimit::measure() {
  if (set_aside_) aside_.store(static_cast<std::int64_t>(set_aside_()), std::memory_order_relaxed);
  const std::int64_t before = memory::held(Use::kPasswords);
  const auto resident = static_cast<std::int64_t>(process_->resident_bytes());
  const std::int64_t after = memory::held(Use::kPasswords);
  const std::int64_t unheld = resident - held_beside_passwords();
  if (before == 0 && after == 0) {
    unheld_.store(unheld, std::memory_order_relaxed);
    return;
  }
  // What a check has asked for becomes resident by and by, and is gone when it ends, so nobody knows how much of it was
  // there at that instant. At most this; so the difference may say too little, and never says too much.
  const std::int64_t passwords = std::max({aside_.load(std::memory_order_relaxed), before, after});
  if (unheld - passwords > unheld_) unheld_.store(unheld - passwords, std::memory_order_relaxed);
}

std::int64_t MemoryLimit::used() const {
  const std::int64_t passwords = std::max(aside_.load(std::memory_order_relaxed), memory::held(Use::kPasswords));
  return unheld_.load(std::memory_order_relaxed) + held_beside_passwords() + passwords +
         promised_.load(std::memory_order_relaxed);
}

bool MemoryLimit::fits(std::int64_t bytes) {
  const bool refusing = refusing_.load(std::memory_order_relaxed);
  if (used() + bytes > limit() - (refusing ? slack() : 0)) return false;
  if (refusing) refusing_ = false;
  return true;
}

bool MemoryLimit::could_fit(std::int64_t bytes) const {
  const std::int64_t data = memory::held(Use::kPages) + memory::held(Use::kLargeEntries) + memory::held(Use::kTables);
  return used() - (evicts() ? data : 0) + bytes <= limit();
}

MemoryLimit::Room MemoryLimit::promise(std::int64_t bytes) {
  if (bytes < kPromiseMin) return Room(this, 0);
  promised_.fetch_add(bytes, std::memory_order_relaxed);
  return Room(this, bytes);
}

MemoryLimit::Room MemoryLimit::refuse(std::int64_t bytes) {
  refused_.fetch_add(1, std::memory_order_relaxed);
  // Because it is full, and not because this one asks for so much.
  if (bytes <= slack() && !refusing_.load(std::memory_order_relaxed)) refusing_ = true;
  return {};
}

MemoryLimit::Room MemoryLimit::make_room(std::size_t payload, Call& call) {
  const std::int64_t bytes = static_cast<std::int64_t>(payload) + kBesidePayload;
  if (fits(bytes)) return promise(bytes);
  if (!could_fit(bytes) || exhausted_.load(std::memory_order_relaxed)) return refuse(bytes);
  Room room = promise(bytes);
  const std::int64_t evicted_max = std::max(kEvictedMin, kEvictedPerByte * bytes);
  std::int64_t evicted = 0;
  do {
    const Engine::Evicted gone = engine_.evict(static_cast<std::size_t>(std::min(bytes, evicted_max - evicted)), call);
    if (gone.entries == 0) {
      exhausted_ = true;
      return refuse(bytes);
    }
    evicted += static_cast<std::int64_t>(gone.bytes);
  } while (evicted < evicted_max && used() > limit());
  return room;
}

bool MemoryLimit::make_room_for_buffer(std::size_t bytes, Call& call) {
  const std::int64_t buffers = memory::held(Use::kLargeBuffers) + static_cast<std::int64_t>(bytes);
  return buffers <= limit() / kBuffersPart || static_cast<bool>(make_room(bytes, call));
}

bool MemoryLimit::may_stay(std::size_t buffer) {
  const std::int64_t others = memory::held(Use::kLargeBuffers) - static_cast<std::int64_t>(buffer);
  if (others <= limit() / kBuffersPart || could_fit(0)) return true;
  refused_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

void MemoryLimit::look(UnixMillis now) {
  measure();
  // What the allocator keeps grows when what is freed lies between what is not. Trimming is worth its time when there
  // is much more of that than after the last time, or some more and it is nearly full, or too full for somebody.
  const std::uint64_t refused = refused_.load(std::memory_order_relaxed);
  const bool is_short = used() > limit() - slack() || refused != refused_before_;
  refused_before_ = refused;
  const std::int64_t kept = unheld_ - std::min<std::int64_t>(least_unheld_, unheld_);
  if (kept > limit() / kKeptPart || (is_short && kept > slack())) {
    process_->trim();
    measure();
    least_unheld_ = unheld_;
  }
  least_unheld_ = std::min<std::int64_t>(least_unheld_, unheld_);
  exhausted_ = false;
  if (!evicts()) return;
  Call call{now};
  for (std::int64_t over = used() - limit(); over > 0 && !stopping_; over = used() - limit()) {
    if (!engine_.accepts_upkeep()) return;
    if (engine_.evict(static_cast<std::size_t>(std::min(over, kLookStep)), call).entries == 0) return;
  }
}

MemoryLimit::Status MemoryLimit::status() const {
  return {.limit = static_cast<std::uint64_t>(limit()),
          .used = static_cast<std::uint64_t>(std::max<std::int64_t>(used(), 0)),
          .refused = refused_.load(std::memory_order_relaxed)};
}

}  // namespace kv::engine
