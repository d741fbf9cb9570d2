#include "storage/segment.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "kv/base/assert.hpp"

#include "storage/crc32c.hpp"
#include "storage/numbered_name.hpp"

namespace kv::storage {
namespace {

constexpr ByteView kMagic{"\xF5kv-wal\n", 8};
constexpr std::size_t kReadBytes = 256U << 10;

// The header, from its first byte to its last.
constexpr std::size_t kVersionOffset = 8;
constexpr std::size_t kFirstLsnOffset = 16;
constexpr std::size_t kCrcOffset = 24;

std::array<char, kSegmentHeaderBytes> encode_header(Lsn first) {
  std::array<char, kSegmentHeaderBytes> header{};
  std::ranges::copy(kMagic, header.begin());
  store_big_endian(header.data() + kVersionOffset, kSegmentVersion);
  store_big_endian(header.data() + kFirstLsnOffset, number(first));
  store_big_endian(header.data() + kCrcOffset, crc32c(0, {header.data(), kCrcOffset}));
  return header;
}

bool all_zeros(ByteView bytes) {
  return bytes.find_first_not_of('\0') == ByteView::npos;
}

Error file_error(const std::string& path, const char* what, boost::system::error_code error) {
  return {Errc::kInternal, path + " " + what + ": " + error.message()};
}

IoResult<void> write_header(FileSystem& files, File& file, const std::string& folder, Lsn first) {
  const auto header = encode_header(first);
  const ByteView piece(header.data(), header.size());
  if (auto written = write_all(file, 0, {&piece, 1}); !written) return written;
  if (auto synced = file.sync(); !synced) return synced;
  return files.sync_directory(folder);
}

}  // namespace

std::string segment_name(Lsn first) {
  return numbered_name("wal-", number(first), ".log");
}

std::optional<Lsn> parse_segment_name(ByteView name) {
  const auto first = parse_numbered_name("wal-", name, ".log");
  if (!first || *first == 0) return std::nullopt;
  return Lsn{*first};
}

Lsn first_lsn(ByteView header) {
  if (header.size() < kSegmentHeaderBytes || !header.starts_with(kMagic)) return kNoLsn;
  return Lsn{load_big_endian<std::uint64_t>(header.data() + kFirstLsnOffset)};
}

// Writing

IoResult<SegmentWriter> SegmentWriter::create(FileSystem& files, const std::string& folder, Lsn first,
                                              SegmentWriterOptions options) {
  const std::string path = folder + "/" + segment_name(first);
  auto file = files.open(path, FileSystem::OpenMode::kCreate);
  if (!file) return file.error();
  if (const auto written = write_header(files, **file, folder, first); !written) {
    static_cast<void>(files.remove(path));  // so that it can be tried again
    return written.error();
  }
  return SegmentWriter(*std::move(file), first, kSegmentHeaderBytes, options);
}

IoResult<SegmentWriter> SegmentWriter::resume(FileSystem& files, const std::string& folder, Lsn first,
                                              std::uint64_t size, SegmentWriterOptions options) {
  KV_ASSERT(size >= kSegmentHeaderBytes);
  auto file = files.open(folder + "/" + segment_name(first), FileSystem::OpenMode::kReadWrite);
  if (!file) return file.error();
  if (const auto cut = (*file)->truncate(size); !cut) return cut.error();
  if (const auto synced = (*file)->sync(); !synced) return synced.error();
  if (const auto synced = files.sync_directory(folder); !synced) return synced.error();
  return SegmentWriter(*std::move(file), first, size, options);
}

IoResult<void> SegmentWriter::append(std::span<const ByteView> pieces) {
  std::uint64_t bytes = 0;
  for (const ByteView piece : pieces) bytes += piece.size();
  if (const auto written = write_all(*file_, end_, pieces); !written) {
    // What was written would look like a torn tail behind the next append, and a full disk needs its room.
    if (file_->truncate(end_)) filled_ = end_;
    return written;
  }
  end_ += bytes;
  if (options_.fill_bytes != 0 && end_ > filled_) fill_ahead();
  return {};
}

// The zeros are a help, not a need: where there is no room for them, this segment goes on without.
void SegmentWriter::fill_ahead() {
  static const std::string zeros(64U << 10, '\0');
  const std::uint64_t until = end_ + options_.fill_bytes;
  std::vector<ByteView> pieces;
  for (std::uint64_t left = options_.fill_bytes; left != 0; left -= pieces.back().size()) {
    pieces.push_back(ByteView(zeros).substr(0, std::min<std::uint64_t>(left, zeros.size())));
  }
  if (write_all(*file_, end_, pieces)) {
    filled_ = until;
  } else {
    static_cast<void>(file_->truncate(end_));
    filled_ = end_;
    options_.fill_bytes = 0;
  }
}

IoResult<void> SegmentWriter::close() {
  if (const auto cut = file_->truncate(end_); !cut) return cut;
  return file_->sync();
}

// Reading

std::string describe(const Damage& damage, const std::string& path) {
  return path + " is damaged at offset " + std::to_string(damage.offset) + ", where record " +
         std::to_string(number(damage.lsn)) + " should begin: " + damage.reason;
}

Result<SegmentReader> SegmentReader::open(FileSystem& files, const std::string& path, Lsn first) {
  auto file = files.open(path, FileSystem::OpenMode::kRead);
  if (!file) return file_error(path, "can't be opened", file.error());
  const auto size = (*file)->size();
  if (!size) return file_error(path, "can't be read", size.error());
  SegmentReader reader(*std::move(file), path, *size, first);
  if (auto header = reader.read_header(first); !header) return header.error();
  return reader;
}

Error SegmentReader::cannot_read(boost::system::error_code error) const {
  return file_error(path_, "can't be read", error);
}

bool SegmentReader::end_damaged(Damage::Kind kind, std::string reason) {
  damage_ = Damage{.kind = kind, .offset = offset_, .lsn = next_lsn_, .reason = std::move(reason)};
  ended_ = true;
  return false;
}

Result<void> SegmentReader::read_header(Lsn first) {
  const auto filled = fill(kSegmentHeaderBytes);
  if (!filled) return filled.error();
  const ByteView header = buffer_.view().substr(0, kSegmentHeaderBytes);
  if (!*filled) {
    end_damaged(Damage::Kind::kHeader, "the segment's header is cut short");
    return {};
  }
  const auto crc = load_big_endian<std::uint32_t>(header.data() + kCrcOffset);
  if (header.substr(0, kMagic.size()) != kMagic || crc32c(0, header.substr(0, kCrcOffset)) != crc) {
    end_damaged(Damage::Kind::kHeader, "the segment's header is not one");
    return {};
  }
  const auto version = load_big_endian<std::uint32_t>(header.data() + kVersionOffset);
  if (version > kSegmentVersion) {
    return Error{Errc::kInternal, path_ + " has format " + std::to_string(version) +
                                      ", and this version of kv-server reads up to format " +
                                      std::to_string(kSegmentVersion) + ": use the version that wrote it"};
  }
  auto expected = encode_header(first);
  if (header != ByteView(expected.data(), expected.size())) {
    end_damaged(Damage::Kind::kHeader, "the segment's header doesn't belong to the file's name");
    return {};
  }
  offset_ = kSegmentHeaderBytes;
  buffer_.consume(kSegmentHeaderBytes);
  return {};
}

// Makes at least `bytes` bytes from offset_ on readable in the buffer; false where the file doesn't have as many. What
// a record says of its size is believed only after the file's own size has confirmed that there may be so much.
Result<bool> SegmentReader::fill(std::size_t bytes) {
  if (bytes_left() < bytes) return false;
  if (buffer_.size() >= bytes) return true;
  buffer_.compact();
  buffer_.reserve(std::max(bytes, kReadBytes));
  while (buffer_.size() < bytes) {
    const std::size_t wanted = std::min<std::uint64_t>(std::max(bytes, kReadBytes), bytes_left()) - buffer_.size();
    const auto read = read_all(*file_, offset_ + buffer_.size(), {buffer_.prepare(wanted), wanted});
    if (!read) return cannot_read(read.error());
    buffer_.commit(*read);
    if (*read < wanted) file_bytes_ = offset_ + buffer_.size();  // somebody has cut the file meanwhile
    if (bytes_left() < bytes) return false;
  }
  return true;
}

Result<bool> SegmentReader::next(Record& record) {
  if (ended_) return false;
  buffer_.consume(std::exchange(taken_, 0));
  if (bytes_left() == 0) {
    ended_ = true;
    return false;
  }
  buffer_.shrink_to(2 * kReadBytes);
  while (true) {
    switch (decode_record(buffer_.view(), record)) {
      case RecordState::kIncomplete: {
        const auto filled = fill(record.bytes);
        if (!filled) return filled.error();
        if (*filled) continue;
        // The file ends before the record does.
        if (record.bytes == kRecordHeaderBytes && all_zeros(buffer_.view())) return end_at_zeros();
        return end_damaged(Damage::Kind::kRecord, "the record is cut short, or its size is wrong");
      }
      case RecordState::kEnd:
        return end_at_zeros();
      case RecordState::kDamaged:
        return end_damaged(Damage::Kind::kRecord, "the record's checksum is wrong");
      case RecordState::kComplete:
        break;
    }
    if (!accept(record)) return false;
    taken_ = record.bytes;
    offset_ += record.bytes;
    return true;
  }
}

// Whether a record that is intact may stand here.
bool SegmentReader::accept(const Record& record) {
  switch (record.type) {
    case RecordType::kChanges:
      if (record.lsn != next_lsn_) {
        return end_damaged(Damage::Kind::kRecord, "here stands record " + std::to_string(number(record.lsn)));
      }
      next_lsn_ = kv::next(next_lsn_);
      return true;
    case RecordType::kMark:
      if (record.lsn >= next_lsn_) {
        return end_damaged(Damage::Kind::kRecord, "here stands a mark for record " +
                                                      std::to_string(number(record.lsn)) + ", which hasn't come yet");
      }
      synced_ = std::max(synced_, record.lsn);
      return true;
  }
  return end_damaged(Damage::Kind::kUnknown, "the record's type is unknown");
}

// Zeros are the end only if nothing else follows them.
Result<bool> SegmentReader::end_at_zeros() {
  const std::uint64_t begin = offset_;
  while (bytes_left() != 0) {
    const auto filled = fill(std::min<std::uint64_t>(kReadBytes, bytes_left()));
    if (!filled) return filled.error();
    if (!all_zeros(buffer_.view())) {
      offset_ = begin;
      return end_damaged(Damage::Kind::kRecord, "zeros stand where a record should, and more follows");
    }
    offset_ += buffer_.size();
    buffer_.clear();
  }
  offset_ = begin;
  ended_ = true;
  return false;
}

// Telling a torn tail from lost data

namespace {

// Whether a mark that begins at `mark_offset` could say this of the damaged record: there must be room between the two
// for as many records as the mark knows of. So bytes that look like a mark by chance, or because a client stored a log
// as a value, are hardly ever taken for one.
bool speaks_of(const Record& mark, std::uint64_t mark_offset, const Damage& damage) {
  if (mark.type != RecordType::kMark || mark.lsn < damage.lsn) return false;
  return number(mark.lsn) - number(damage.lsn) < (mark_offset - damage.offset) / kRecordBytesMin;
}

// Goes through a file from `from` on, in windows that overlap by a mark less a byte, so that each mark is in one of
// them as a whole. `look` is told of a window and its offset, and says when it has seen enough.
Result<bool> look_through(FileSystem& files, const std::string& path, std::uint64_t from,
                          FunctionRef<bool(ByteView, std::uint64_t)> look) {
  constexpr std::size_t kOverlap = kMarkBytes - 1;
  const auto file = files.open(path, FileSystem::OpenMode::kRead);
  if (!file) return file_error(path, "can't be opened", file.error());
  std::vector<char> window(kReadBytes);
  while (true) {
    const auto read = read_all(**file, from, window);
    if (!read) return file_error(path, "can't be read", read.error());
    if (look({window.data(), *read}, from)) return true;
    if (*read < window.size()) return false;
    from += window.size() - kOverlap;
  }
}

bool has_mark_about(const Damage& damage, ByteView window, std::uint64_t window_offset) {
  for (std::size_t at = 0; (at = window.find(kMarkMagic, at)) != ByteView::npos; ++at) {
    if (at < kMarkMagicOffset) continue;
    const std::size_t begin = at - kMarkMagicOffset;
    Record mark;
    if (decode_record(window.substr(begin, kMarkBytes), mark) == RecordState::kComplete &&
        speaks_of(mark, window_offset + begin, damage)) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<bool> was_synced(FileSystem& files, const std::string& path, const Damage& damage) {
  switch (damage.kind) {
    case Damage::Kind::kUnknown:
      return true;
    case Damage::Kind::kHeader:
      return look_through(files, path, kSegmentHeaderBytes,
                          [](ByteView window, std::uint64_t) { return !all_zeros(window); });
    case Damage::Kind::kRecord:
      break;
  }
  return look_through(files, path, damage.offset,
                      [&](ByteView window, std::uint64_t offset) { return has_mark_about(damage, window, offset); });
}

}  // namespace kv::storage
