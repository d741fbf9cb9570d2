#include "support/storage/faulty_inode.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace kv::test {
namespace {

constexpr std::size_t kStatesMax = 4;  // of a block that are remembered

void overlay(std::string& bytes, std::uint64_t offset, ByteView block) {
  if (offset >= bytes.size()) return;
  const std::size_t size = std::min<std::size_t>(block.size(), bytes.size() - offset);
  std::copy_n(block.begin(), size, bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

// Padded with zeros to a whole one.
std::string FaultyInode::block(const std::string& bytes, std::uint64_t index) const {
  const std::uint64_t offset = index * kBlockBytes;
  std::string out = offset < bytes.size() ? bytes.substr(offset, kBlockBytes) : std::string();
  out.resize(kBlockBytes, '\0');
  return out;
}

// Remembers the blocks from `begin` to `end` as they are now.
void FaultyInode::touch(std::uint64_t begin, std::uint64_t end) {
  for (std::uint64_t index = begin / kBlockBytes; index * kBlockBytes < end; ++index) {
    Dirty& dirty = dirty_[index];
    if (dirty.states.size() == kStatesMax) dirty.states.erase(dirty.states.begin());
    dirty.states.push_back(block(now_, index));
    dirty.doubtful = false;
  }
}

void FaultyInode::write(std::uint64_t offset, ByteView bytes) {
  if (offset + bytes.size() > now_.size()) {
    now_.resize(offset + bytes.size(), '\0');
    sizes_.push_back(now_.size());
  }
  overlay(now_, offset, bytes);
  touch(offset, offset + bytes.size());
}

void FaultyInode::truncate(std::uint64_t size) {
  const std::uint64_t before = now_.size();
  now_.resize(size, '\0');
  sizes_.push_back(size);
  if (size < before) touch(size, before);
}

void FaultyInode::sync() {
  synced_.resize(now_.size(), '\0');
  for (auto at = dirty_.begin(); at != dirty_.end();) {
    if (at->second.doubtful) {
      ++at;
      continue;
    }
    overlay(synced_, at->first * kBlockBytes, at->second.states.back());
    at = dirty_.erase(at);
  }
  sizes_.clear();
}

void FaultyInode::fail_to_sync() {
  for (auto& [index, dirty] : dirty_) dirty.doubtful = true;
}

void FaultyInode::power_cut(Random& random, Survives survives, std::size_t block_bytes) {
  sizes_.push_back(now_.size());
  sizes_.push_back(synced_.size());
  const std::uint64_t size = survives == Survives::kNothing ? synced_.size()
                             : survives == Survives::kAll   ? now_.size()
                                                            : sizes_[random.below(sizes_.size())];
  std::string kept = synced_;
  kept.resize(size, '\0');
  std::optional<std::uint64_t> group;  // the last block decided upon, in blocks of the size given
  bool group_survives = false;
  for (const auto& [index, dirty] : dirty_) {
    const std::uint64_t offset = index * kBlockBytes;
    if (group != offset / block_bytes) {
      group = offset / block_bytes;
      group_survives = survives == Survives::kAll || (survives == Survives::kSome && random.one_in(2));
    }
    if (!group_survives) continue;
    // Blocks of the smallest size may be found in any state that they had.
    const bool any = survives == Survives::kSome && block_bytes == kBlockBytes;
    overlay(kept, offset, any ? dirty.states[random.below(dirty.states.size())] : dirty.states.back());
  }
  put(std::move(kept));
}

void FaultyInode::put(std::string content) {
  now_ = std::move(content);
  synced_ = now_;
  dirty_.clear();
  sizes_.clear();
}

}  // namespace kv::test
