// Backups: a snapshot and the log that belongs to it, in a folder of their own. Files of the data directory that never
// change again are linked there, which takes no time and no space while the server keeps them too.
#pragma once

#include <cstdint>
#include <string>

#include "kv/base/lsn.hpp"
#include "kv/base/result.hpp"

#include "storage/directory.hpp"

namespace kv::storage {

// Puts the snapshot that begins at `snapshot`, and the segments with the records from there through `last`, into the
// folder `to`, which must be empty or missing. REQUIRES: no segment with these records is written to any more.
Result<void> back_up(const DataDirectory& directory, Lsn snapshot, Lsn last, const std::string& to);

// Fills the folder `to`, which must be empty or missing, with copies of what is in the backup `from`, synced. Returns
// how many bytes that were. What broke off half way is never taken for a data directory.
Result<std::uint64_t> restore(FileSystem& files, const std::string& from, const std::string& to);

}  // namespace kv::storage
