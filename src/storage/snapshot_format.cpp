#include "storage/snapshot_format.hpp"

#include "storage/crc32c.hpp"
#include "storage/numbered_name.hpp"

namespace kv::storage {
namespace {

constexpr ByteView kNamePrefix = "snapshot-";
constexpr ByteView kNameSuffix = ".kvs";

}  // namespace

std::string snapshot_name(Lsn start) {
  return numbered_name(kNamePrefix, number(start), kNameSuffix);
}

std::optional<Lsn> snapshot_start(ByteView name) {
  const auto start = parse_numbered_name(kNamePrefix, name, kNameSuffix);
  return start ? std::optional(Lsn{*start}) : std::nullopt;
}

namespace snapshot {
namespace {

// The line end is there to be mangled by whatever takes the file for a text.
constexpr ByteView kMagic = "KVSNAP\r\n";
constexpr ByteView kEndMagic = "KVSEND\r\n";
constexpr std::size_t kChecksumBytes = 4;

// Fills a piece of fixed size from its start on.
class FieldWriter {
 public:
  explicit FieldWriter(char* to) : start_(to), to_(to) {}

  template <std::unsigned_integral T>
  FieldWriter& add(T value) {
    store_big_endian(to_, value);
    to_ += sizeof(T);
    return *this;
  }
  FieldWriter& add(ByteView bytes) {
    to_ += bytes.copy(to_, bytes.size());
    return *this;
  }
  // The checksum of all fields so far, followed by `more`.
  void add_checksum(ByteView more = {}) {
    const ByteView fields(start_, static_cast<std::size_t>(to_ - start_));
    add(crc32c(crc32c(0, fields), more));
  }

 private:
  char* start_;
  char* to_;
};

class FieldReader {
 public:
  explicit FieldReader(ByteView from) : from_(from.data()) {}

  template <std::unsigned_integral T>
  T next() {
    const T value = load_big_endian<T>(from_);
    from_ += sizeof(T);
    return value;
  }

 private:
  const char* from_;
};

// Whether the checksum that stands at the end of `piece` is that of the rest, followed by `more`.
bool checksum_matches(ByteView piece, ByteView more = {}) {
  const ByteView fields = piece.substr(0, piece.size() - kChecksumBytes);
  return load_big_endian<std::uint32_t>(piece.data() + fields.size()) == crc32c(crc32c(0, fields), more);
}

}  // namespace

std::array<char, kHeaderBytes> encode(const Header& header) {
  std::array<char, kHeaderBytes> bytes;
  FieldWriter(bytes.data())
      .add(kMagic)
      .add(kVersion)
      .add(static_cast<std::uint8_t>(header.codec))
      .add(ByteView("\0\0\0", 3))
      .add(number(header.start))
      .add(header.created)
      .add_checksum();
  return bytes;
}

Decoded<Header> decode_header(ByteView bytes) {
  if (!bytes.starts_with(kMagic)) return Fault{"it doesn't begin as a snapshot does"};
  FieldReader fields(bytes.substr(kMagic.size()));
  // Before the checksum, which in another version may stand elsewhere.
  if (fields.next<std::uint32_t>() != kVersion) return Fault{"its format has another version than 1"};
  if (!checksum_matches(bytes)) return Fault{"the header's checksum doesn't match"};
  const auto codec = fields.next<std::uint32_t>();  // with the zero bytes after it
  if (codec != 0 && codec != 0x0100'0000) return Fault{"the header names a codec that there isn't"};
  Header header;
  header.codec = codec == 0 ? SnapshotCodec::kNone : SnapshotCodec::kZstd;
  header.start = Lsn{fields.next<std::uint64_t>()};
  header.created = fields.next<std::uint64_t>();
  return header;
}

std::array<char, kBlockHeaderBytes> encode(const BlockHeader& header, ByteView stored) {
  std::array<char, kBlockHeaderBytes> bytes;
  FieldWriter(bytes.data())
      .add(static_cast<std::uint8_t>(header.kind))
      .add(static_cast<std::uint8_t>(header.codec))
      .add(std::uint16_t{0})
      .add(header.raw_bytes)
      .add(header.stored_bytes)
      .add(header.count)
      .add_checksum(stored);
  return bytes;
}

Decoded<BlockHeader> decode_block_header(ByteView bytes) {
  FieldReader fields(bytes);
  const auto kind = fields.next<std::uint8_t>();
  const auto codec = fields.next<std::uint8_t>();
  const auto zero = fields.next<std::uint16_t>();
  BlockHeader header;
  header.raw_bytes = fields.next<std::uint32_t>();
  header.stored_bytes = fields.next<std::uint32_t>();
  header.count = fields.next<std::uint32_t>();
  if (kind < 1 || kind > 3) return Fault{"a block is of a kind that there isn't"};
  if (codec > 1) return Fault{"a block has a codec that there isn't"};
  if (zero != 0) return Fault{"a block's header has something where zeros belong"};
  header.kind = static_cast<BlockKind>(kind);
  header.codec = static_cast<SnapshotCodec>(codec);
  if (header.raw_bytes == 0 || header.raw_bytes > kBlockBytesMax) return Fault{"a block is empty or too large"};
  const bool fits = header.codec == SnapshotCodec::kNone ? header.stored_bytes == header.raw_bytes
                                                         : header.stored_bytes < header.raw_bytes;
  if (!fits) return Fault{"a block's two sizes contradict each other"};
  return header;
}

bool block_checksum_matches(ByteView header_bytes, ByteView stored) {
  return checksum_matches(header_bytes, stored);
}

std::array<char, kFooterBytes> encode_footer(const SnapshotInfo& info) {
  std::array<char, kFooterBytes> bytes;
  FieldWriter(bytes.data() + kBlockHeaderBytes)
      .add(number(info.start))
      .add(number(info.end))
      .add(info.highest_token)
      .add(info.entries)
      .add(info.blocks)
      .add(info.raw_bytes);
  constexpr std::uint32_t kSize = kFooterBytes - kBlockHeaderBytes;
  const ByteView stored(bytes.data() + kBlockHeaderBytes, kSize);
  const auto header =
      encode(BlockHeader{.kind = BlockKind::kFooter, .raw_bytes = kSize, .stored_bytes = kSize}, stored);
  std::copy(header.begin(), header.end(), bytes.begin());
  return bytes;
}

Decoded<void> decode_footer(ByteView bytes, SnapshotInfo& info) {
  const ByteView stored = bytes.substr(kBlockHeaderBytes);
  if (!block_checksum_matches(bytes.substr(0, kBlockHeaderBytes), stored)) {
    return Fault{"the footer's checksum doesn't match"};
  }
  const auto header = decode_block_header(bytes);
  if (!header || header->kind != BlockKind::kFooter || header->codec != SnapshotCodec::kNone ||
      header->raw_bytes != stored.size() || header->count != 0) {
    return Fault{"there is no footer where the file's end says"};
  }
  FieldReader fields(stored);
  if (Lsn{fields.next<std::uint64_t>()} != info.start) return Fault{"the footer is that of another snapshot"};
  info.end = Lsn{fields.next<std::uint64_t>()};
  info.highest_token = fields.next<std::uint64_t>();
  info.entries = fields.next<std::uint64_t>();
  info.blocks = fields.next<std::uint64_t>();
  info.raw_bytes = fields.next<std::uint64_t>();
  return {};
}

std::array<char, kTrailerBytes> encode_trailer(std::uint64_t footer_offset) {
  std::array<char, kTrailerBytes> bytes;
  FieldWriter(bytes.data()).add(footer_offset).add(kEndMagic).add_checksum();
  return bytes;
}

Decoded<std::uint64_t> decode_trailer(ByteView bytes) {
  const auto footer_offset = load_big_endian<std::uint64_t>(bytes.data());
  if (bytes.substr(sizeof(footer_offset), kEndMagic.size()) != kEndMagic || !checksum_matches(bytes)) {
    return Fault{"it doesn't end as a snapshot does; it was cut, or something was added"};
  }
  return footer_offset;
}

}  // namespace snapshot
}  // namespace kv::storage
