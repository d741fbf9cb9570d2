// Start-up: what the data directory holds becomes what the engine holds.
//
// The newest good snapshot is loaded, then the log is replayed from where that snapshot begins, on all threads. Records
// are outcomes, so that the snapshot already has some of them does no harm. Each thread looks at every record and
// applies what belongs to its share of the keys, so the changes of one key are applied in their order.
#pragma once

#include <cstdint>

#include "kv/base/lsn.hpp"
#include "kv/base/result.hpp"
#include "kv/engine/engine.hpp"

#include "storage/directory.hpp"

namespace kv::storage {

struct Recovered {
  Lsn next{1};            // what the next record is to be numbered
  Lsn snapshot = kNoLsn;  // where the snapshot begins that was loaded; kNoLsn: none
  UnixMillis snapshot_created = 0;
  std::uint64_t snapshot_bytes = 0;
  std::uint64_t entries = 0;    // loaded from the snapshot
  std::uint64_t records = 0;    // replayed
  std::uint64_t cut_bytes = 0;  // torn off the end of the log
};

// Fills `engine`, which must be empty and used by nobody else. What a crash left half written at the log's end is cut
// off, with a warning in the log of the server. Fails, with a sentence that names file and offset and says what to do,
// where something is missing or damaged that once was on the disk; the engine then holds nothing of use. A snapshot
// that turned out to be bad, where that was no harm, gets `.bad` behind its name. Returns once what was read is synced.
Result<Recovered> recover(const DataDirectory& directory, engine::Engine& engine, unsigned threads);

}  // namespace kv::storage
