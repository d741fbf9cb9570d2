#include "kv-wal/verify.hpp"

#include <algorithm>
#include <optional>
#include <vector>

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
  SegmentFile segment;
  std::uint64_t records = 0;
  std::uint64_t marks = 0;
  Lsn synced = kNoLsn;
  Lsn next = kNoLsn;  // the number that the following segment begins with
  std::uint64_t end = 0;
  std::optional<Damage> damage;
  bool damage_was_synced = false;

  // It was made and then not written to: because the server ended, or because there was no room, so that the one before
  // it took more. Whatever is wrong with it, a server removes it.
  bool is_empty() const {
    return records == 0 && (!damage || (damage->kind == Damage::Kind::kHeader && !damage_was_synced));
  }
};

// A record whose checksum is right and whose changes make no sense is damage as well.
bool makes_sense(const Record& record) {
  return record.type != RecordType::kChanges || storage::for_each_mutation(record.body, [](const auto&) {});
}

Result<Findings> read(storage::FileSystem& files, const SegmentFile& segment) {
  auto reader = SegmentReader::open(files, segment.path, segment.first);
  if (!reader) return reader.error();
  Findings findings{.segment = segment};
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
  if (findings.damage) {
    const auto synced = storage::was_synced(files, segment.path, *findings.damage);
    if (!synced) return synced.error();
    findings.damage_was_synced = *synced;
  }
  return findings;
}

std::string summary(const Findings& findings) {
  std::string text = findings.segment.path + ": ";
  if (findings.records == 0) {
    text += "no records";
  } else {
    const std::uint64_t first = number(findings.segment.first);
    text += "records " + std::to_string(first) + " to " + std::to_string(first + findings.records - 1);
  }
  return text + ", " + std::to_string(findings.marks) + " marks, synced up to " +
         std::to_string(number(findings.synced)) + ", " + std::to_string(findings.end) + " bytes";
}

// Whether a segment follows that was made only after what is damaged here had been synced. One without a record proves
// that for the records before its number alone.
bool is_followed(const Findings& findings, std::span<const Findings> later) {
  if (later.empty()) return !findings.segment.last;
  return std::ranges::any_of(
      later, [&](const Findings& other) { return !other.is_empty() || other.segment.first > findings.damage->lsn; });
}

// Says what is true of one segment. It has to begin with the number `expected`, where that is known, which is then the
// one for the segment after it.
ExitCode judge(const Findings& findings, std::span<const Findings> later, Lsn& expected, const Output& output) {
  const SegmentFile& segment = findings.segment;
  const bool follows =
      !segment.continues || segment.first == expected || (findings.is_empty() && segment.first < expected);
  expected = std::max(expected, findings.next);
  if (!follows) {
    output.out(segment.path + ": LOST: the segments before it don't reach up to its first record");
  }
  if (!findings.damage) {
    output.out(summary(findings) + ": ok");
    return follows ? ExitCode::kGood : ExitCode::kLost;
  }
  output.out(summary(findings));
  output.out("  " + describe(*findings.damage, segment.path));
  if (findings.is_empty()) {
    output.out("  nothing was ever written to it, and a server removes it");
    return follows ? ExitCode::kGood : ExitCode::kLost;
  }
  const bool followed = is_followed(findings, later);
  const char* verdict = findings.damage_was_synced ? "LOST: this had been synced before"
                        : followed ? "LOST: a segment that another one follows had been synced as a whole"
                                   : "torn tail: nothing says that this had been synced, and a server cuts it off";
  output.out(std::string("  ") + verdict);
  return findings.damage_was_synced || followed || !follows ? ExitCode::kLost : ExitCode::kGood;
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
    std::vector<Findings> all;
    for (const SegmentFile& segment : *segments) {
      const auto findings = read(files, segment);
      if (findings) {
        all.push_back(*findings);
      } else {
        fail(findings.error());
      }
    }
    Lsn expected = kNoLsn;
    for (std::size_t i = 0; i < all.size(); ++i) {
      worst = std::max(worst, judge(all[i], std::span(all).subspan(i + 1), expected, output));
    }
  }
  return worst;
}

}  // namespace kv::wal
