// How a file is read by several threads: one after the other takes the next block, or the next run of parts, and then
// reads, checks and applies it beside the others. For taking, only block headers are read, whose checksums need the
// whole block; so a damaged header may send the threads astray. But it is checked by the one who took it, everything
// before it was taken before it, and what is taken is always read to its end: so the fault with the lowest offset is
// the same whatever the threads' timing, and that one is reported.
#include "storage/snapshot_reader.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "kv/base/byte_buffer.hpp"

#include "storage/snapshot_block.hpp"
#include "storage/snapshot_entry.hpp"

namespace kv::storage {
namespace {

using engine::Mutation;
using snapshot::BlockHeader;
using snapshot::BlockKind;
using snapshot::kBlockBytesMax;
using snapshot::kBlockHeaderBytes;

// What went wrong, and where.
struct Damage {
  std::uint64_t offset;
  std::string what;  // ends a sentence
  bool is_unreadable = false;
};
template <typename T>
using Read = boost::system::result<T, Damage>;

Error to_error(const std::string& path, const Damage& damage) {
  const std::string place = " at byte " + std::to_string(damage.offset) + ": " + damage.what + ".";
  return {Errc::kInternal, path + (damage.is_unreadable ? " can't be read" : " is damaged") + place};
}

// A file between two offsets, as pieces of known size.
class Extent {
 public:
  Extent(const File& file, std::uint64_t end) : file_(file), end_(end) {}

  std::uint64_t end() const { return end_; }

  Read<ByteView> read(std::uint64_t offset, std::span<char> to) const {
    if (offset > end_ || to.size() > end_ - offset) return Damage{offset, "what should stand here is cut short"};
    const auto size = read_all(file_, offset, to);
    if (!size) return Damage{offset, size.error().message(), true};
    if (*size != to.size()) return Damage{offset, "the file became shorter while it was read", true};
    return ByteView(to.data(), to.size());
  }

  // A block's header, with bounds checked, and its checksum not.
  Read<BlockHeader> read_header(std::uint64_t offset, std::span<char, kBlockHeaderBytes> bytes) const {
    const auto read_bytes = read(offset, bytes);
    if (!read_bytes) return read_bytes.error();
    const auto header = snapshot::decode_block_header(*read_bytes);
    if (!header) return Damage{offset, header.error().what};
    if (header->kind == BlockKind::kFooter) return Damage{offset, "a footer stands among the data"};
    if (header->stored_bytes > end_ - offset - kBlockHeaderBytes) {
      return Damage{offset, "a block reaches into the footer"};
    }
    return *header;
  }

 private:
  const File& file_;
  std::uint64_t end_;
};

// What some blocks held.
struct Counts {
  std::uint64_t entries = 0;
  std::uint64_t blocks = 0;
  std::uint64_t raw_bytes = 0;

  Counts& operator+=(const Counts& other) {
    entries += other.entries;
    blocks += other.blocks;
    raw_bytes += other.raw_bytes;
    return *this;
  }
};

// Reads, checks and applies blocks; one for each thread.
class BlockReader {
 public:
  BlockReader(const Extent& data, SnapshotReader::Apply apply)
      : data_(data), apply_(apply), stored_(std::make_unique_for_overwrite<char[]>(kBlockBytesMax)) {}

  // All that was taken with the block at `offset`: that block, or the entry of which it is the first part.
  Read<Counts> read(std::uint64_t offset) {
    const auto block = open(offset);
    if (!block) return block.error();
    return block->header.kind == BlockKind::kEntries ? read_entries(*block) : read_parts(*block);
  }

 private:
  struct Block {
    std::uint64_t offset;
    BlockHeader header;
    ByteView raw;
    std::uint64_t end() const { return offset + kBlockHeaderBytes + header.stored_bytes; }
  };

  Read<Block> open(std::uint64_t offset) {
    std::array<char, kBlockHeaderBytes> header_bytes;
    const auto header = data_.read_header(offset, header_bytes);
    if (!header) return header.error();
    const auto stored = data_.read(offset + kBlockHeaderBytes, {stored_.get(), header->stored_bytes});
    if (!stored) return stored.error();
    const auto raw = unpacker_.unpack(*header, {header_bytes.data(), header_bytes.size()}, *stored);
    if (!raw) return Damage{offset, raw.error().what};
    return Block{offset, *header, *raw};
  }

  Read<Counts> read_entries(const Block& block) {
    ByteView rest = block.raw;
    for (std::uint32_t left = block.header.count; left != 0;) {
      const std::size_t size = std::min<std::size_t>(left, batch_.size());
      for (std::size_t i = 0; i < size; ++i) {
        if (!snapshot::try_decode_entry(rest, batch_[i])) return Damage{block.offset, kBadEntry};
      }
      apply_(std::span(batch_).first(size));
      left -= static_cast<std::uint32_t>(size);
    }
    if (!rest.empty()) return Damage{block.offset, "a block has more in it than its entries"};
    return Counts{block.header.count, 1, block.raw.size()};
  }

  Read<Counts> read_parts(const Block& first) {
    if (first.header.count != 0) return Damage{first.offset, "a part of an entry stands here without those before it"};
    if (first.raw.size() < sizeof(std::uint64_t)) return Damage{first.offset, kBadEntry};
    const auto total = load_big_endian<std::uint64_t>(first.raw.data());
    if (total > snapshot::kEntryBytesMax) return Damage{first.offset, "an entry is larger than any can be"};

    Counts counts{1, 1, first.raw.size()};
    entry_.clear();
    entry_.append(first.raw.substr(sizeof(total)));
    for (std::uint64_t next = first.end(); entry_.size() < total; ++counts.blocks) {
      if (next == data_.end()) return Damage{next, "an entry's last parts are missing"};
      const auto part = open(next);
      if (!part) return part.error();
      if (part->header.kind != BlockKind::kPart || part->header.count != counts.blocks) {
        return Damage{next, "the next part of an entry is missing"};
      }
      entry_.append(part->raw);
      counts.raw_bytes += part->raw.size();
      next = part->end();
    }

    ByteView rest = entry_.view();
    if (rest.size() != total || !snapshot::try_decode_entry(rest, batch_[0]) || !rest.empty()) {
      return Damage{first.offset, kBadEntry};
    }
    apply_(std::span(batch_).first(1));
    return counts;
  }

  static constexpr const char* kBadEntry = "an entry is malformed";

  const Extent& data_;
  SnapshotReader::Apply apply_;
  snapshot::BlockUnpacker unpacker_;
  std::unique_ptr<char[]> stored_;
  ByteBuffer entry_;  // that comes in parts
  std::array<Mutation, kSnapshotBatchEntries> batch_;
};

// One load(): what its threads share.
class Load {
 public:
  Load(const Extent& data, SnapshotReader::Apply apply, SnapshotReader::Progress progress)
      : data_(data), apply_(apply), progress_(progress) {}

  // On every thread; returns when nothing is left to take.
  void work() noexcept {
    try {
      BlockReader reader(data_, apply_);
      Counts done;
      while (const auto offset = take(done)) {
        const auto read = reader.read(*offset);
        if (!read) return fail(read.error());
        done = *read;
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      exception_ = std::current_exception();
    }
  }

  // After all threads are done.
  Read<Counts> outcome() {
    const std::lock_guard lock(mutex_);
    if (exception_) std::rethrow_exception(exception_);
    if (damage_) return *damage_;
    return total_;
  }

 private:
  // Adds up what was done with the last one, and takes the next block or run of parts. Nothing: it is over.
  std::optional<std::uint64_t> take(const Counts& done) {
    const std::lock_guard lock(mutex_);
    if (done.blocks != 0) {
      total_ += done;
      progress_(total_.entries);
    }
    if (damage_ || exception_ || next_ == data_.end()) return std::nullopt;
    const std::uint64_t taken = next_;
    std::array<char, kBlockHeaderBytes> bytes;
    auto header = data_.read_header(next_, bytes);
    if (!header) {
      damage_ = header.error();
      return std::nullopt;
    }
    do {
      next_ += kBlockHeaderBytes + header->stored_bytes;
      if (header->kind != BlockKind::kPart || next_ == data_.end()) break;
      header = data_.read_header(next_, bytes);
    } while (header && header->kind == BlockKind::kPart && header->count != 0);
    return taken;
  }

  void fail(const Damage& damage) {
    const std::lock_guard lock(mutex_);
    if (!damage_ || damage.offset < damage_->offset) damage_ = damage;
  }

  const Extent& data_;
  SnapshotReader::Apply apply_;
  SnapshotReader::Progress progress_;
  std::mutex mutex_;
  std::uint64_t next_ = snapshot::kHeaderBytes;
  Counts total_;
  std::optional<Damage> damage_;
  std::exception_ptr exception_;
};

}  // namespace

Result<SnapshotReader> SnapshotReader::open(FileSystem& files, const std::string& path) {
  auto opened = files.open(path, FileSystem::OpenMode::kRead);
  if (!opened) return Error{Errc::kInternal, path + " can't be opened: " + opened.error().message() + "."};
  SnapshotReader reader(std::move(*opened), path);
  if (const auto read = reader.read_ends(); !read) return read.error();
  return reader;
}

Result<void> SnapshotReader::read_ends() {
  const auto damaged = [&](std::uint64_t offset, const char* what) { return to_error(path_, {offset, what}); };
  const auto size = file_->size();
  if (!size) return to_error(path_, {0, size.error().message(), true});
  constexpr std::size_t kSizeMin = snapshot::kHeaderBytes + snapshot::kFooterBytes + snapshot::kTrailerBytes;
  if (*size < kSizeMin) return damaged(*size, "it is shorter than any snapshot");
  info_.file_bytes = *size;

  const Extent whole(*file_, *size);
  std::array<char, std::max(snapshot::kHeaderBytes, snapshot::kFooterBytes)> bytes;
  const auto header_bytes = whole.read(0, std::span(bytes).first(snapshot::kHeaderBytes));
  if (!header_bytes) return to_error(path_, header_bytes.error());
  const auto header = snapshot::decode_header(*header_bytes);
  if (!header) return damaged(0, header.error().what);
  info_.start = header->start;
  info_.created = header->created;
  info_.codec = header->codec;

  const std::uint64_t trailer_offset = *size - snapshot::kTrailerBytes;
  const auto trailer_bytes = whole.read(trailer_offset, std::span(bytes).first(snapshot::kTrailerBytes));
  if (!trailer_bytes) return to_error(path_, trailer_bytes.error());
  const auto footer_offset = snapshot::decode_trailer(*trailer_bytes);
  if (!footer_offset) return damaged(trailer_offset, footer_offset.error().what);
  footer_offset_ = trailer_offset - snapshot::kFooterBytes;
  if (*footer_offset != footer_offset_) return damaged(trailer_offset, "the footer isn't where the file's end says");

  const auto footer_bytes = whole.read(footer_offset_, std::span(bytes).first(snapshot::kFooterBytes));
  if (!footer_bytes) return to_error(path_, footer_bytes.error());
  const auto footer = snapshot::decode_footer(*footer_bytes, info_);
  if (!footer) return damaged(footer_offset_, footer.error().what);
  return {};
}

Result<void> SnapshotReader::load(unsigned threads, Apply apply, Progress progress) const {
  const Extent data(*file_, footer_offset_);
  Load load(data, apply, progress);
  {
    std::vector<std::jthread> others;
    for (unsigned i = 1; i < threads; ++i) others.emplace_back([&] { load.work(); });
    load.work();
  }
  const auto read = load.outcome();
  if (!read) return to_error(path_, read.error());
  if (read->entries != info_.entries || read->blocks != info_.blocks || read->raw_bytes != info_.raw_bytes) {
    return to_error(path_, {footer_offset_, "what stands before the footer isn't what it counts"});
  }
  return {};
}

Result<void> SnapshotReader::verify() const {
  return load(
      1, [](std::span<const Mutation>) {}, [](std::uint64_t) {});
}

}  // namespace kv::storage
