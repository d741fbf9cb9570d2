// A segment of the log: it is read to its end, whatever it is. The numbers of its records run without a gap, it is good
// up to where it is said to be, and was_synced() has an answer to every damage. Each input is read as it is, and again
// with all of its checksums made right.
#include "fuzz/fuzz.hpp"
#include "storage/crc32c.hpp"
#include "storage/segment.hpp"
#include "support/storage/faulty_file_system.hpp"

namespace {

using namespace kv;
using namespace kv::storage;

void read(ByteView input) {
  test::FaultyFileSystem files;
  files.put("segment", std::string(input));
  const Lsn first{1};
  auto reader = SegmentReader::open(files, "segment", first);
  if (!reader) return;  // of a newer format
  Record record;
  Lsn expected = first;
  while (reader->next(record).value()) {
    if (record.type == RecordType::kChanges) {
      KV_ASSERT(record.lsn == expected);
      expected = next(expected);
      static_cast<void>(for_each_mutation(record.body, [](const engine::Mutation& mutation) {
        KV_ASSERT(mutation.kind == engine::Mutation::Kind::kClear || !mutation.key.empty());
      }));
    }
    KV_ASSERT(reader->offset() <= input.size());
    KV_ASSERT(reader->synced() < expected);
  }
  KV_ASSERT(reader->next_lsn() == expected);
  const auto& damage = reader->damage();
  if (!damage) {
    KV_ASSERT(input.find_first_not_of('\0', reader->offset()) == ByteView::npos);
    return;
  }
  KV_ASSERT(damage->offset == reader->offset() && damage->lsn == expected);
  KV_ASSERT(was_synced(files, "segment", *damage));
}

// Makes the checksums right of a header and of the records that follow, as far as their sizes lead.
std::string sealed(ByteView input) {
  std::string bytes(input);
  if (bytes.size() < kSegmentHeaderBytes) return bytes;
  store_big_endian(bytes.data() + 24, crc32c(0, ByteView(bytes).substr(0, 24)));
  for (std::size_t at = kSegmentHeaderBytes; at + kRecordHeaderBytes < bytes.size();) {
    const std::size_t size = kRecordHeaderBytes + load_big_endian<std::uint32_t>(bytes.data() + at);
    if (size == kRecordHeaderBytes || size > bytes.size() - at) break;
    seal({bytes.data() + at, size});
    at += size;
  }
  return bytes;
}

}  // namespace

void fuzz(ByteView input) {
  read(input);
  read(sealed(input));
}
