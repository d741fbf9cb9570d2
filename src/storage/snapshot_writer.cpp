#include "storage/snapshot_writer.hpp"

#include <algorithm>
#include <utility>

#include "kv/base/assert.hpp"

#include "storage/snapshot_entry.hpp"

namespace kv::storage {
namespace {

using snapshot::BlockKind;
using snapshot::kBlockBytesMax;

// One step's small entries go over the end of the open block once or twice.
constexpr std::size_t kSpareBlocks = 3;

template <std::size_t kSize>
ByteView view(const std::array<char, kSize>& bytes) {
  return {bytes.data(), bytes.size()};
}

}  // namespace

SnapshotWriter::Pinned::Pinned(const engine::Mutation& large)
    : put(large), pin(engine::EntryView{large.value, large.deadline, large.is_lock, large.large}) {}

SnapshotWriter::SnapshotWriter(FileSystem& files, const std::string& directory, Lsn start, const Options& options)
    : files_(files),
      directory_(directory),
      path_(directory + "/" + snapshot_name(start)),
      unfinished_path_(path_ + std::string(kSnapshotUnfinishedSuffix)),
      info_{.start = start, .created = options.created, .codec = options.codec},
      packer_(options.codec, options.level),
      spare_(kSpareBlocks),
      first_part_(kBlockBytesMax) {
  full_.reserve(kSpareBlocks + 1);
  pinned_.reserve(kSnapshotStepEntries);
}

SnapshotWriter::~SnapshotWriter() {
  file_.reset();
  // What can't be removed is replaced by the next attempt, or removed at the next start.
  if (!finished_) static_cast<void>(files_.remove(unfinished_path_));
}

IoResult<std::unique_ptr<SnapshotWriter>> SnapshotWriter::create(FileSystem& files, const std::string& directory,
                                                                 Lsn start, const Options& options) {
  std::unique_ptr<SnapshotWriter> writer(new SnapshotWriter(files, directory, start, options));
  if (const auto begun = writer->begin(); !begun) return begun.error();
  return writer;
}

IoResult<void> SnapshotWriter::begin() {
  auto opened = files_.open(unfinished_path_, FileSystem::OpenMode::kCreate);
  if (!opened && opened.error() == boost::system::errc::file_exists) {
    if (const auto removed = files_.remove(unfinished_path_); !removed) return removed.error();
    opened = files_.open(unfinished_path_, FileSystem::OpenMode::kCreate);
  }
  if (!opened) return opened.error();
  file_ = std::move(*opened);
  const auto header = encode(snapshot::Header{.codec = info_.codec, .start = info_.start, .created = info_.created});
  return write({view(header)});
}

void SnapshotWriter::add(const engine::Mutation& put) {
  if (put.large != nullptr) {
    pinned_.emplace_back(put);
  } else {
    stage(put, snapshot::entry_bytes(put));
  }
}

void SnapshotWriter::stage(const engine::Mutation& put, std::size_t bytes) {
  KV_ASSERT(bytes <= kBlockBytesMax);
  if (open_.raw.size() + bytes > kBlockBytesMax) open_next_block();
  snapshot::encode_entry(put, open_.raw.prepare(bytes));
  open_.raw.commit(bytes);
  ++open_.entries;
}

void SnapshotWriter::open_next_block() {
  if (spare_.empty()) spare_.emplace_back();
  full_.push_back(std::move(open_));
  open_ = std::move(spare_.back());
  spare_.pop_back();
}

bool SnapshotWriter::wants_flush() const {
  return parts_.has_value() || !full_.empty() || !pinned_.empty();
}

IoResult<void> SnapshotWriter::flush() {
  if (parts_) return write_next_part();
  if (!full_.empty()) return write_full_block();
  if (pinned_.empty()) return {};
  const std::size_t bytes = snapshot::entry_bytes(pinned_.back().put);
  if (bytes > kBlockBytesMax) {
    parts_.emplace(Parts{std::move(pinned_.back())});
  } else {
    stage(pinned_.back().put, bytes);
  }
  pinned_.pop_back();
  return {};
}

IoResult<void> SnapshotWriter::write_full_block() {
  Block& block = full_.back();
  if (const auto written = write_block(BlockKind::kEntries, block.entries, block.raw.view()); !written) return written;
  info_.entries += block.entries;
  block.raw.clear();
  block.entries = 0;
  spare_.push_back(std::move(block));
  full_.pop_back();
  return {};
}

IoResult<void> SnapshotWriter::write_next_part() {
  const engine::Mutation& put = parts_->entry.put;
  const ByteView data_left = put.value.data.substr(parts_->data_written);
  ByteView raw = data_left.substr(0, kBlockBytesMax);
  std::size_t data_bytes = raw.size();
  if (parts_->next_part == 0) {
    first_part_.clear();
    first_part_.append_big_endian(std::uint64_t{snapshot::entry_bytes(put)});
    const std::size_t head_bytes = snapshot::entry_head_bytes(put);
    snapshot::encode_entry_head(put, first_part_.prepare(head_bytes));
    first_part_.commit(head_bytes);
    data_bytes = std::min(data_left.size(), kBlockBytesMax - first_part_.size());
    first_part_.append(data_left.substr(0, data_bytes));
    raw = first_part_.view();
  }
  if (const auto written = write_block(BlockKind::kPart, parts_->next_part, raw); !written) return written;
  ++parts_->next_part;
  parts_->data_written += data_bytes;
  if (parts_->data_written == put.value.data.size()) {
    ++info_.entries;
    parts_.reset();
  }
  return {};
}

IoResult<void> SnapshotWriter::write_block(BlockKind kind, std::uint32_t count, ByteView raw) {
  const snapshot::BlockPacker::Packed packed = packer_.pack(kind, count, raw);
  ++info_.blocks;
  info_.raw_bytes += raw.size();
  return write({view(packed.header), packed.stored});
}

IoResult<void> SnapshotWriter::write(std::initializer_list<ByteView> pieces) {
  if (const auto written = write_all(*file_, offset_, pieces); !written) return written;
  for (const ByteView piece : pieces) offset_ += piece.size();
  if (offset_ - synced_offset_ < kSnapshotSyncBytes) return {};
  synced_offset_ = offset_;
  return file_->sync();
}

IoResult<SnapshotInfo> SnapshotWriter::finish(Lsn end, std::uint64_t highest_token) {
  while (wants_flush()) {
    if (const auto flushed = flush(); !flushed) return flushed.error();
  }
  if (open_.entries != 0) {
    open_next_block();
    if (const auto written = write_full_block(); !written) return written.error();
  }
  if (const auto ended = end_file(end, highest_token); !ended) return ended.error();
  finished_ = true;
  return info_;
}

IoResult<void> SnapshotWriter::end_file(Lsn end, std::uint64_t highest_token) {
  info_.end = end;
  info_.highest_token = highest_token;
  const auto footer = snapshot::encode_footer(info_);
  const auto trailer = snapshot::encode_trailer(offset_);
  if (const auto written = write({view(footer), view(trailer)}); !written) return written;
  info_.file_bytes = offset_;
  if (const auto synced = file_->sync(); !synced) return synced;
  file_.reset();
  if (const auto renamed = files_.rename(unfinished_path_, path_); !renamed) return renamed;
  return files_.sync_directory(directory_);
}

}  // namespace kv::storage
