// The fixed pieces of a snapshot file, as numbers and as bytes; docs/formats/snapshot.md describes the whole of it.
//
//   header │ data block │ data block … │ footer block │ trailer
//
// A file is read from both ends: the header says what it is, the trailer that it is whole and where the footer stands.
// Everything has a checksum, and every length is bounded by a constant below before it is believed.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include <boost/system/result.hpp>

#include "kv/base/bytes.hpp"
#include "kv/base/clock.hpp"
#include "kv/base/lsn.hpp"

namespace kv::storage {

enum class SnapshotCodec : std::uint8_t { kNone = 0, kZstd = 1 };

// What a snapshot says of itself.
struct SnapshotInfo {
  Lsn start = kNoLsn;               // it is good together with the log from here on,
  Lsn end = kNoLsn;                 // at least through here
  std::uint64_t highest_token = 0;  // no fencing token in it is larger
  std::uint64_t entries = 0;
  std::uint64_t blocks = 0;      // of data
  std::uint64_t raw_bytes = 0;   // of these blocks, before compression
  std::uint64_t file_bytes = 0;  // of the whole file
  UnixMillis created = 0;
  SnapshotCodec codec = SnapshotCodec::kNone;
};

// The name of the snapshot that is good from `start` on.
std::string snapshot_name(Lsn start);
// And back; nothing where `name` isn't that of a finished snapshot.
std::optional<Lsn> snapshot_start(ByteView name);
// What follows the name as long as the file isn't finished.
inline constexpr ByteView kSnapshotUnfinishedSuffix = ".tmp";

namespace snapshot {

inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::size_t kBlockBytesMax = 256U << 10;  // raw
// A key and a value as long as they can be, and what stands around them.
inline constexpr std::uint64_t kEntryBytesMax = 1 + 8 + 2 + 0xFFFFULL + 1 + 4 + 0xFFFF'FFFFULL;

// What is wrong with some bytes, as the end of a sentence.
struct Fault {
  const char* what;
};
template <typename T>
using Decoded = boost::system::result<T, Fault>;

struct Header {
  SnapshotCodec codec = SnapshotCodec::kNone;
  Lsn start = kNoLsn;
  UnixMillis created = 0;
};
inline constexpr std::size_t kHeaderBytes = 36;
std::array<char, kHeaderBytes> encode(const Header& header);
// REQUIRES: kHeaderBytes of `bytes`.
Decoded<Header> decode_header(ByteView bytes);

enum class BlockKind : std::uint8_t {
  kEntries = 1,  // whole entries
  kPart = 2,     // a part of one entry that is larger than a block
  kFooter = 3,
};
struct BlockHeader {
  BlockKind kind = BlockKind::kEntries;
  SnapshotCodec codec = SnapshotCodec::kNone;
  std::uint32_t raw_bytes = 0;
  std::uint32_t stored_bytes = 0;
  std::uint32_t count = 0;  // kEntries: how many; kPart: which one, from 0 on; kFooter: 0
};
inline constexpr std::size_t kBlockHeaderBytes = 20;
// `stored`: what will follow the header; the checksum is over both.
std::array<char, kBlockHeaderBytes> encode(const BlockHeader& header, ByteView stored);
// Checks the bounds of each field, but not the checksum. REQUIRES: kBlockHeaderBytes of `bytes`.
Decoded<BlockHeader> decode_block_header(ByteView bytes);
bool block_checksum_matches(ByteView header_bytes, ByteView stored);

// The footer block with its header.
inline constexpr std::size_t kFooterBytes = kBlockHeaderBytes + 48;
std::array<char, kFooterBytes> encode_footer(const SnapshotInfo& info);
// Fills in what the footer knows. REQUIRES: kFooterBytes of `bytes`; info.start from the header.
Decoded<void> decode_footer(ByteView bytes, SnapshotInfo& info);

inline constexpr std::size_t kTrailerBytes = 20;
std::array<char, kTrailerBytes> encode_trailer(std::uint64_t footer_offset);
// Returns the offset of the footer. REQUIRES: kTrailerBytes of `bytes`.
Decoded<std::uint64_t> decode_trailer(ByteView bytes);

}  // namespace snapshot
}  // namespace kv::storage
