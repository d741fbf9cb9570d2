// The files that the log consists of. docs/formats/wal.md is the contract.
//
//    wal-<number of its first record, 20 digits>.log
//
//    ┌──────────────────┬────────┬────────┬────────┬─ ─ ─ ─ ─┬───────────────┐
//    │ header, 32 bytes │ record │ record │ record │         │ 0 0 0 0 0 … 0 │
//    └──────────────────┴────────┴────────┴────────┴─ ─ ─ ─ ─┴───────────────┘
//                                                   position  filled ahead
//
// Writing into a file that is long enough already needs no new metadata on the disk, and so its sync takes about half
// as long. That is why a writer fills the file with zeros some way ahead of itself.
//
// 1. The numbers of the records of changes run without a gap from the one in the name, through all segments.
// 2. A segment has its header, and both have been synced with the folder, before it gets a record.
// 3. A segment is synced before its successor gets a record. So only the last one may end in the middle of a record;
//    whatever is wrong with an earlier one, data is lost.
// 4. Damage in the last one is a torn tail, which was being written when the power went and which nobody may have
// relied
//    on, unless something shows that it had been synced: was_synced() looks for that.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "kv/base/byte_buffer.hpp"
#include "kv/base/bytes.hpp"
#include "kv/base/lsn.hpp"
#include "kv/base/result.hpp"

#include "storage/file_system.hpp"
#include "storage/record.hpp"

namespace kv::storage {

inline constexpr std::size_t kSegmentHeaderBytes = 32;
inline constexpr std::uint32_t kSegmentVersion = 1;

std::string segment_name(Lsn first);
// The number in a segment's name; nothing where `name` is no such name.
std::optional<Lsn> parse_segment_name(ByteView name);

// The number of the first record as a segment's header has it, unchecked; kNoLsn where `header` doesn't begin like one.
Lsn first_lsn(ByteView header);

struct SegmentWriterOptions {
  // How many bytes of zeros to fill in ahead at a time; 0: none.
  std::uint64_t fill_bytes = 0;
};

// One thread appends. Another one may call sync() meanwhile; that syncs what was appended before the call.
class SegmentWriter {
 public:
  // Returns once the file, with its header and its name, would survive a power cut; fails with EEXIST where there is
  // one, and leaves nothing behind when it fails otherwise.
  static IoResult<SegmentWriter> create(FileSystem& files, const std::string& folder, Lsn first,
                                        SegmentWriterOptions options = {});
  // Goes on in a segment whose good records end at `size`. What stands behind them is cut away, and all is synced, the
  // file's name too. REQUIRES: size >= kSegmentHeaderBytes.
  static IoResult<SegmentWriter> resume(FileSystem& files, const std::string& folder, Lsn first, std::uint64_t size,
                                        SegmentWriterOptions options = {});

  SegmentWriter(SegmentWriter&&) noexcept = default;
  SegmentWriter& operator=(SegmentWriter&&) noexcept = default;

  // Writes all of `pieces` at the end. After a failure none of them count, and what was written of them is cut off
  // where that can be done; the next append stands where this one would have.
  IoResult<void> append(std::span<const ByteView> pieces);
  // Returns once everything appended so far would survive a power cut.
  IoResult<void> sync() { return file_->sync(); }
  // Cuts the zeros off and syncs. Nothing may be appended afterwards.
  IoResult<void> close();

  Lsn first() const { return first_; }
  // Where the next append goes: header and records, without the zeros.
  std::uint64_t size() const { return end_; }

 private:
  SegmentWriter(std::unique_ptr<File> file, Lsn first, std::uint64_t end, SegmentWriterOptions options)
      : file_(std::move(file)), first_(first), options_(options), end_(end), filled_(end) {}

  void fill_ahead();

  std::unique_ptr<File> file_;
  Lsn first_;
  SegmentWriterOptions options_;
  std::uint64_t end_;     // of the records
  std::uint64_t filled_;  // of the file, at least
};

// What is wrong with a segment, and where.
struct Damage {
  enum class Kind {
    kHeader,   // of the segment; nothing can be read
    kRecord,   // no record begins here, or one that is cut short or isn't what was written
    kUnknown,  // a record that is intact, but not one of those that this version writes
  };
  Kind kind = Kind::kRecord;
  std::uint64_t offset = 0;  // up to here all is good
  Lsn lsn = kNoLsn;          // the number of the next record, had it been good
  std::string reason;        // "the record's checksum is wrong"
};
// A sentence that says so of the segment in `path`, without advice.
std::string describe(const Damage& damage, const std::string& path);

// Reads one segment from its begin to its end. Memory is bounded by the largest record that is there.
class SegmentReader {
 public:
  // `first` is the number that stands in the file's name. Fails where the file can't be read, or has the format of a
  // newer version. A header that isn't right is damage, and then there are no records.
  static Result<SegmentReader> open(FileSystem& files, const std::string& path, Lsn first);

  // Takes the next record, be it changes or a mark; false when there is none left, and damage() says why. The record's
  // views are good until the next call. Fails where the file can't be read.
  Result<bool> next(Record& record);

  // Where the next record begins, or, after the last, where the good records end.
  std::uint64_t offset() const { return offset_; }
  // The number that the next record of changes has to have.
  Lsn next_lsn() const { return next_lsn_; }
  // What the marks so far say: up to where everything was synced.
  Lsn synced() const { return synced_; }
  // Once next() has said false: nothing if the segment simply ended.
  const std::optional<Damage>& damage() const { return damage_; }

 private:
  SegmentReader(std::unique_ptr<File> file, std::string path, std::uint64_t size, Lsn first)
      : file_(std::move(file)), path_(std::move(path)), file_bytes_(size), next_lsn_(first) {}

  std::uint64_t bytes_left() const { return file_bytes_ - offset_; }
  Result<void> read_header(Lsn first);
  Result<bool> fill(std::size_t bytes);
  bool accept(const Record& record);
  Result<bool> end_at_zeros();
  bool end_damaged(Damage::Kind kind, std::string reason);
  Error cannot_read(boost::system::error_code error) const;

  std::unique_ptr<File> file_;
  std::string path_;
  std::uint64_t file_bytes_;
  std::uint64_t offset_ = 0;
  Lsn next_lsn_;
  Lsn synced_ = kNoLsn;
  bool ended_ = false;
  std::size_t taken_ = 0;  // bytes at the front of buffer_ that belong to the record given out last
  ByteBuffer buffer_;      // the file from offset_ - taken_ on
  std::optional<Damage> damage_;
};

// Whether the record that is damaged had been on the disk before, so that what is missing now is not just a tail that
// was torn off while it was being written. So it is if a mark that was written later says so, or if there are records
// behind a header that is no good, or if a record is intact and merely not understood.
// Fails where the file can't be read.
Result<bool> was_synced(FileSystem& files, const std::string& path, const Damage& damage);

}  // namespace kv::storage
