#include "storage/snapshot_block.hpp"

#include <new>

#include <zstd.h>

#include "kv/base/assert.hpp"

namespace kv::storage::snapshot {

BlockPacker::BlockPacker(SnapshotCodec codec, int level) : zstd_(nullptr, &ZSTD_freeCCtx) {
  if (codec == SnapshotCodec::kNone) return;
  zstd_.reset(ZSTD_createCCtx());
  if (zstd_ == nullptr) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(zstd_.get(), ZSTD_c_compressionLevel, level);
  compressed_ = std::make_unique_for_overwrite<char[]>(kBlockBytesMax);
}

BlockPacker::~BlockPacker() = default;

BlockPacker::Packed BlockPacker::pack(BlockKind kind, std::uint32_t count, ByteView raw) {
  KV_ASSERT(!raw.empty() && raw.size() <= kBlockBytesMax);
  BlockHeader header{.kind = kind, .raw_bytes = static_cast<std::uint32_t>(raw.size()), .count = count};
  ByteView stored = try_compress(raw);
  if (stored.empty()) {
    stored = raw;
  } else {
    header.codec = SnapshotCodec::kZstd;
  }
  header.stored_bytes = static_cast<std::uint32_t>(stored.size());
  return {encode(header, stored), stored};
}

ByteView BlockPacker::try_compress(ByteView raw) {
  if (zstd_ == nullptr) return {};
  // Given less room than the raw bytes take, zstd fails where it would gain nothing. Whatever else may keep it from
  // compressing, such as want of memory, is no reason to go without a snapshot either.
  const std::size_t size = ZSTD_compress2(zstd_.get(), compressed_.get(), raw.size() - 1, raw.data(), raw.size());
  if (ZSTD_isError(size) != 0) return {};
  return {compressed_.get(), size};
}

BlockUnpacker::BlockUnpacker()
    : zstd_(ZSTD_createDCtx(), &ZSTD_freeDCtx), raw_(std::make_unique_for_overwrite<char[]>(kBlockBytesMax)) {
  if (zstd_ == nullptr) throw std::bad_alloc();
}

BlockUnpacker::~BlockUnpacker() = default;

Decoded<ByteView> BlockUnpacker::unpack(const BlockHeader& header, ByteView header_bytes, ByteView stored) {
  if (!block_checksum_matches(header_bytes, stored)) return Fault{"a block's checksum doesn't match"};
  if (header.codec == SnapshotCodec::kNone) return stored;
  const std::size_t size = ZSTD_decompressDCtx(zstd_.get(), raw_.get(), header.raw_bytes, stored.data(), stored.size());
  if (size != header.raw_bytes) return Fault{"a block can't be decompressed"};
  return ByteView(raw_.get(), size);
}

}  // namespace kv::storage::snapshot
