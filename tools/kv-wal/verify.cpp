#include "kv-wal/verify.hpp"

#include <algorithm>
#include <optional>

#include "kv-wal/segment_file.hpp"
#include "storage/record.hpp"
#include "storage/segment.hpp"

namespace kv::wal {
namespace {

using storage::Damage;
using storage::Record;
using storage::RecordType;
using storage::SegmentReader;

struct Findings {
  std::uint64_t records = 0;
  std::uint64_t marks = 0;
  Lsn synced = kNoLsn;
  Lsn next = kNoLsn;  // the number that the following segment begins with
  std::uint64_t end = 0;
  std::optional<Damage> damage;
};

// A record whose checksum is right and whose changes make no sense is damage as well.
bool makes_sense(const Record& record) {
  return record.type != RecordType::kChanges || storage::for_each_mutation(record.body, [](const auto&) {});
}

Result<Findings> read(storage::FileSystem& files, const SegmentFile& segment) {
  auto reader = SegmentReader::open(files, segment.path, segment.first);
  if (!reader) return reader.error();
  Findings findings;
  while (true) {
    const std::uint64_t offset = reader->offset();
    const Lsn lsn = reader->next_lsn();
    Record record;
    const auto more = reader->next(record);
    if (!more) return more.error();
    if (!*more) break;
    if (!makes_sense(record)) {
      findings.damage = Damage{Damage::Kind::kUnknown, offset, lsn, "the record's changes make no sense"};
      break;
    }
    ++(record.type == RecordType::kMark ? findings.marks : findings.records);
  }
  if (!findings.damage) findings.damage = reader->damage();
  findings.synced = reader->synced();
  findings.next = reader->next_lsn();
  findings.end = findings.damage ? findings.damage->offset : reader->offset();
  return findings;
}

std::string summary(const SegmentFile& segment, const Findings& findings) {
  std::string text = segment.path + ": ";
  if (findings.records == 0) {
    text += "no records";
  } else {
    const std::uint64_t first = number(segment.first);
    text += "records " + std::to_string(first) + " to " + std::to_string(first + findings.records - 1);
  }
  return text + ", " + std::to_string(findings.marks) + " marks, synced up to " +
         std::to_string(number(findings.synced)) + ", " + std::to_string(findings.end) + " bytes";
}

// Verifies one segment; `expected` is the number that it has to begin with, where that is known, and then the one for
// the segment after it.
Result<ExitCode> verify(storage::FileSystem& files, const SegmentFile& segment, Lsn& expected, const Output& output) {
  const auto findings = read(files, segment);
  if (!findings) return findings.error();
  const bool follows = !segment.continues || segment.first == expected;
  expected = findings->next;
  if (!follows) {
    output.out(segment.path + ": LOST: the segments before it don't reach up to its first record");
  }
  if (!findings->damage) {
    output.out(summary(segment, *findings) + ": ok");
    return follows ? ExitCode::kGood : ExitCode::kLost;
  }
  const auto synced = storage::was_synced(files, segment.path, *findings->damage);
  if (!synced) return synced.error();
  output.out(summary(segment, *findings));
  const char* verdict = *synced         ? "LOST: this had been synced before"
                        : !segment.last ? "LOST: a segment that another one follows had been synced as a whole"
                                        : "torn tail: nothing says that this had been synced, and a server cuts it off";
  output.out("  " + describe(*findings->damage, segment.path));
  output.out(std::string("  ") + verdict);
  return *synced || !segment.last || !follows ? ExitCode::kLost : ExitCode::kGood;
}

}  // namespace

ExitCode verify(storage::FileSystem& files, std::span<const std::string> paths, const Output& output) {
  ExitCode worst = ExitCode::kGood;
  const auto fail = [&](const Error& error) {
    output.err(error.message);
    worst = ExitCode::kFailed;
  };
  for (const std::string& path : paths) {
    const auto segments = segment_files(files, path);
    if (!segments) {
      fail(segments.error());
      continue;
    }
    Lsn expected = kNoLsn;
    for (const SegmentFile& segment : *segments) {
      const auto code = verify(files, segment, expected, output);
      if (!code) {
        fail(code.error());
      } else {
        worst = std::max(worst, *code);
      }
    }
  }
  return worst;
}

}  // namespace kv::wal
