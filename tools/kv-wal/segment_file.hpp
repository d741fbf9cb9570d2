// Files as the command line names them.
#pragma once

#include <string>
#include <vector>

#include "kv/base/lsn.hpp"
#include "kv/base/result.hpp"

#include "storage/file_system.hpp"

namespace kv::wal {

struct SegmentFile {
  std::string path;
  Lsn first;       // the number of its first record
  bool last;       // no segment follows it; so its tail may be torn
  bool continues;  // it has to begin where the one before it in the list ends
};

// The folder that a file is in, "." where its path doesn't say.
std::string folder_of(const std::string& path);

// The segments behind a path: those of a directory in their order, or the one file.
// A file's number is the one in its name or, where somebody has renamed it, in its header.
Result<std::vector<SegmentFile>> segment_files(storage::FileSystem& files, const std::string& path);

}  // namespace kv::wal
