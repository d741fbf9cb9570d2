#include "storage/wal_queue.hpp"

#include <algorithm>
#include <utility>

#include "kv/base/memory_account.hpp"

#include "storage/record.hpp"

namespace kv::storage {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
// As many chunks are kept for the next records; the rest is freed.
constexpr std::size_t kSpareChunksMax = 64;
// A shorter value is sooner copied than pinned, and written in one piece with its neighbours.
constexpr std::size_t kPinnedValueMin = std::size_t{16} << 10;

bool is_to_be_pinned(std::span<const engine::Mutation> mutations) {
  return mutations.size() == 1 && mutations[0].large != nullptr && mutations[0].value.data.size() >= kPinnedValueMin;
}

std::size_t record_bytes(const char* record) {
  return kRecordHeaderBytes + load_big_endian<std::uint32_t>(record);
}

}  // namespace

void WalQueue::Group::FreeCounted::operator()(char* memory) const {
  delete[] memory;
  memory::add(memory::Use::kLogQueue, -static_cast<std::int64_t>(bytes));
}

void WalQueue::Group::seal() {
  for (Chunk& chunk : chunks_) {
    auto pinned = chunk.pinned.begin();
    for (std::size_t at = 0; at < chunk.size;) {
      char* record = chunk.memory.get() + at;
      if (pinned != chunk.pinned.end() && pinned->record == at) {
        const ByteView value = pinned->value.view().value.data;
        storage::seal({record, pinned->end - at}, {&value, 1});
        at = pinned->end;
        ++pinned;
      } else {
        storage::seal({record, record_bytes(record)});
        at += record_bytes(record);
      }
    }
  }
}

void WalQueue::Group::append_to(std::vector<ByteView>& pieces) const {
  for (const Chunk& chunk : chunks_) {
    std::size_t at = 0;
    for (const Pinned& pinned : chunk.pinned) {
      pieces.emplace_back(chunk.memory.get() + at, pinned.end - at);
      pieces.push_back(pinned.value.view().value.data);
      at = pinned.end;
    }
    if (at < chunk.size) pieces.emplace_back(chunk.memory.get() + at, chunk.size - at);
  }
}

Lsn WalQueue::append(std::span<const engine::Mutation> mutations) {
  const std::size_t bytes = encoded_size(mutations);
  const bool is_pinned = is_to_be_pinned(mutations);
  const std::size_t copied = is_pinned ? bytes - mutations[0].value.data.size() : bytes;

  const std::lock_guard lock(mutex_);
  Group::Chunk& chunk = chunk_for(copied);
  if (is_pinned) chunk.pinned.push_back({chunk.size, chunk.size + copied, engine::Pin(mutations[0])});
  encode_record(next_, mutations, chunk.memory.get() + chunk.size,
                is_pinned ? LastValue::kLeftOut : LastValue::kIncluded);
  chunk.size += copied;
  queued_.bytes_ += bytes;
  queued_.last_ = next_;
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  return std::exchange(next_, next(next_));
}

// The last chunk where it has room for so many bytes, otherwise another one.
WalQueue::Group::Chunk& WalQueue::chunk_for(std::size_t bytes) {
  std::vector<Group::Chunk>& chunks = queued_.chunks_;
  if (!chunks.empty() && chunks.back().capacity - chunks.back().size >= bytes) return chunks.back();
  if (bytes <= kChunkBytes && !spare_.empty()) {
    chunks.push_back(std::move(spare_.back()));
    spare_.pop_back();
  } else {
    const std::size_t capacity = std::max(bytes, kChunkBytes);
    Group::Chunk chunk{{new char[capacity], {capacity}}, 0, capacity, {}};
    memory::add(memory::Use::kLogQueue, static_cast<std::int64_t>(capacity));
    chunks.push_back(std::move(chunk));
  }
  return chunks.back();
}

WalQueue::Group WalQueue::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(queued_, {});
}

void WalQueue::give_back(Group group) {
  bytes_.fetch_sub(group.bytes_, std::memory_order_relaxed);
  for (Group::Chunk& chunk : group.chunks_) {
    chunk.size = 0;
    chunk.pinned.clear();
  }
  const std::lock_guard lock(mutex_);
  for (Group::Chunk& chunk : group.chunks_) {
    if (chunk.capacity == kChunkBytes && spare_.size() < kSpareChunksMax) spare_.push_back(std::move(chunk));
  }
}

Lsn WalQueue::last() const {
  const std::lock_guard lock(mutex_);
  return Lsn{number(next_) - 1};
}

}  // namespace kv::storage
