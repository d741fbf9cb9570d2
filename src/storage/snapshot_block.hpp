// Between raw bytes and the blocks of a snapshot: compression and checksums. The only file that knows zstd.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "kv/base/bytes.hpp"

#include "storage/snapshot_format.hpp"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace kv::storage::snapshot {

// Makes blocks, one at a time. Memory is taken once, by the constructor and the first block.
class BlockPacker {
 public:
  // `level`: of zstd; what it doesn't know is taken for the nearest that it does. Throws std::bad_alloc.
  BlockPacker(SnapshotCodec codec, int level);
  ~BlockPacker();
  BlockPacker(const BlockPacker&) = delete;
  BlockPacker& operator=(const BlockPacker&) = delete;

  struct Packed {
    std::array<char, kBlockHeaderBytes> header;
    ByteView stored;  // good until the next call, and as long as the raw bytes are
    std::size_t size() const { return header.size() + stored.size(); }
  };
  // What doesn't become smaller is stored as it is. REQUIRES: 1 to kBlockBytesMax raw bytes.
  Packed pack(BlockKind kind, std::uint32_t count, ByteView raw);

 private:
  // The compressed bytes, or nothing where compressing doesn't help.
  ByteView try_compress(ByteView raw);

  std::unique_ptr<ZSTD_CCtx_s, std::size_t (*)(ZSTD_CCtx_s*)> zstd_;  // nullptr: no compression
  std::unique_ptr<char[]> compressed_;
};

// Opens blocks, one at a time.
class BlockUnpacker {
 public:
  BlockUnpacker();  // throws std::bad_alloc
  ~BlockUnpacker();
  BlockUnpacker(const BlockUnpacker&) = delete;
  BlockUnpacker& operator=(const BlockUnpacker&) = delete;

  // The raw bytes, good until the next call and as long as the stored ones are. REQUIRES: `header` is what
  // decode_block_header() made of `header_bytes`, and `stored` has the size that it says.
  Decoded<ByteView> unpack(const BlockHeader& header, ByteView header_bytes, ByteView stored);

 private:
  std::unique_ptr<ZSTD_DCtx_s, std::size_t (*)(ZSTD_DCtx_s*)> zstd_;
  std::unique_ptr<char[]> raw_;
};

}  // namespace kv::storage::snapshot
