// The data directory: what is in it, and that it belongs to one server.
//
//    FORMAT                               "kv-server data, format 1"
//    LOCK                                 held by the server that uses the directory
//    wal-00000000000000000001.log         the log's segments (segment.hpp), by the number of their first record
//    snapshot-00000000000000004711.kvs    snapshots, by the record from which on the log is needed beside them
//    *.bad                                snapshots that recovery found to be bad, for somebody to look at
//    *.tmp                                what was being made when the last server ended; removed
//
// Other files are left alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/base/lsn.hpp"
#include "kv/base/result.hpp"

#include "storage/file_system.hpp"
#include "storage/snapshot_format.hpp"

namespace kv::storage {

inline constexpr int kDataFormat = 1;
inline constexpr const char* kLockName = "LOCK";
inline constexpr const char* kFormatName = "FORMAT";
// What the name of a file ends with until it is complete.
inline constexpr ByteView kTemporarySuffix = ".tmp";

// Writes a whole file and syncs it and its name: after a power cut it is there as a whole or not at all.
IoResult<void> write_file(FileSystem& files, const std::string& folder, const std::string& name, ByteView content);

// Thread-safe once opened.
class DataDirectory {
 public:
  // Creates the directory where there is none, takes its lock, checks its format, and removes what was left half made.
  // Fails, with a sentence for people, where another server uses it, where its format is of a newer version or can't
  // be told, or where the disk says no.
  static Result<DataDirectory> open(FileSystem& files, std::string path);

  FileSystem& files() const { return *files_; }
  const std::string& path() const { return path_; }
  std::string path_of(ByteView name) const { return path_ + "/" + std::string(name); }
  std::string segment_path(Lsn first) const;
  std::string snapshot_path(Lsn lsn) const { return path_of(snapshot_name(lsn)); }

  // Those that are there, from the oldest to the newest.
  Result<std::vector<Lsn>> segments() const;
  Result<std::vector<Lsn>> snapshots() const;

 private:
  DataDirectory(FileSystem& files, std::string path, std::unique_ptr<DirectoryLock> lock)
      : files_(&files), path_(std::move(path)), lock_(std::move(lock)) {}

  Result<void> check_format(const std::vector<std::string>& names);
  Result<void> remove_temporary(const std::vector<std::string>& names);

  FileSystem* files_;
  std::string path_;
  std::unique_ptr<DirectoryLock> lock_;
};

// The numbers of the segments, or snapshots, among `names`, sorted.
std::vector<Lsn> segments_among(const std::vector<std::string>& names);
std::vector<Lsn> snapshots_among(const std::vector<std::string>& names);

}  // namespace kv::storage
