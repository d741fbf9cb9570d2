// The snapshot reader, twice: the input is a file, whose checksums rarely match; and it is what stands between header
// and footer, whose checksums are put right here, so that what comes after them is reached as well. Whatever is read
// without an error is written and read again, and is the same.
#include <string>

#include "fuzz/fuzz.hpp"
#include "storage/snapshot_format.hpp"
#include "storage/snapshot_reader.hpp"
#include "support/storage/snapshot_files.hpp"

namespace {

using namespace kv::storage;
using namespace kv::storage::snapshot;
using namespace kv::storage::test;

template <std::size_t kSize>
void append(std::string& file, const std::array<char, kSize>& bytes) {
  file.append(bytes.data(), bytes.size());
}

// A file with these blocks, as far as their headers can be read. The footer counts what they say they hold.
std::string with_right_checksums(kv::ByteView blocks) {
  std::string file;
  SnapshotInfo info{.start = kStart};
  append(file, encode(Header{SnapshotCodec::kZstd, kStart, kCreated}));
  while (blocks.size() >= kBlockHeaderBytes) {
    const auto header = decode_block_header(blocks);
    if (!header) break;
    const kv::ByteView stored = blocks.substr(kBlockHeaderBytes, header->stored_bytes);
    append(file, encode(*header, stored));
    file.append(stored);
    blocks.remove_prefix(kBlockHeaderBytes + stored.size());
    ++info.blocks;
    info.raw_bytes += header->raw_bytes;
    const bool is_first_part = header->kind == BlockKind::kPart && header->count == 0;
    info.entries += header->kind == BlockKind::kEntries ? header->count : is_first_part ? 1 : 0;
  }
  const std::uint64_t footer_offset = file.size();
  append(file, encode_footer(info));
  append(file, encode_trailer(footer_offset));
  return file;
}

void read(kv::ByteView file) {
  const auto loaded = load(file);
  if (!loaded) {
    KV_ASSERT(!loaded.error().message.empty());
    return;
  }
  KV_ASSERT(load(snapshot_of(*loaded, SnapshotCodec::kNone)).value() == *loaded);
}

}  // namespace

void fuzz(kv::ByteView input) {
  read(input);
  read(with_right_checksums(input));
}
