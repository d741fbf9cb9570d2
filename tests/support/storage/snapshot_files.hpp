// What the tests of snapshots share: files in memory whose calls can fail, and entries that go through a snapshot.
#pragma once

#include <atomic>
#include <compare>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kv/base/result.hpp"
#include "kv/value/value_view.hpp"

#include "storage/file_system.hpp"
#include "storage/snapshot_format.hpp"
#include "storage/snapshot_writer.hpp"
#include "support/base/random.hpp"

namespace kv::storage::test {

using kv::test::Random;

// A file system without a disk. Files may be read by several threads; everything else is for one.
class MemoryFiles final : public FileSystem {
 public:
  using Contents = std::shared_ptr<std::string>;

  std::map<std::string, Contents> files;
  std::vector<std::string> calls;          // all that change something, as "rename a b"
  std::size_t bytes_per_call = SIZE_MAX;   // reads and writes stop short after so many
  std::size_t calls_that_work = SIZE_MAX;  // of those that change something; then one fails
  boost::system::errc::errc_t error = boost::system::errc::io_error;

  IoResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  IoResult<void> rename(const std::string& from, const std::string& to) override;
  IoResult<void> remove(const std::string& path) override;
  IoResult<void> link(const std::string& from, const std::string& to) override;
  IoResult<void> create_directories(const std::string& path) override;
  IoResult<std::vector<std::string>> list(const std::string& path) override;
  IoResult<void> sync_directory(const std::string& path) override;
  IoResult<std::uint64_t> free_bytes(const std::string&) override { return UINT64_MAX; }
  IoResult<std::unique_ptr<DirectoryLock>> lock(const std::string& path) override;

  // Notes the call, and says whether it is to work.
  IoResult<void> change(const std::string& call);
};

// A file system that keeps nothing, to see what a writer keeps and what it costs.
class NoFiles final : public FileSystem {
 public:
  IoResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  IoResult<void> rename(const std::string&, const std::string&) override { return {}; }
  IoResult<void> remove(const std::string&) override { return {}; }
  IoResult<void> link(const std::string&, const std::string&) override { return {}; }
  IoResult<void> create_directories(const std::string&) override { return {}; }
  IoResult<std::vector<std::string>> list(const std::string&) override { return std::vector<std::string>(); }
  IoResult<void> sync_directory(const std::string&) override { return {}; }
  IoResult<std::uint64_t> free_bytes(const std::string&) override { return UINT64_MAX; }
  IoResult<std::unique_ptr<DirectoryLock>> lock(const std::string&) override { return nullptr; }
};

// An entry that owns its bytes.
struct StoredEntry {
  value::ValueType type = value::ValueType::kNull;
  std::string data;
  UnixMillis deadline = 0;
  bool is_lock = false;

  auto operator<=>(const StoredEntry&) const = default;
};
using Entries = std::map<std::string, StoredEntry>;

// Any value, often with a deadline, at times a lock.
StoredEntry random_entry(Random& random);
StoredEntry bytes_entry(std::string data);
std::string random_bytes(Random& random, std::size_t size);

// Adds them; those that are large in the engine come from an engine, as they would. REQUIRES: `entries`, whose keys are
// used, outlives the writing.
void add_all(SnapshotWriter& writer, const Entries& entries);

// Writes a snapshot of them into `files`, whose path is kPath.
inline constexpr Lsn kStart{7};
inline constexpr Lsn kEnd{9};
inline constexpr std::uint64_t kToken = 11;
inline constexpr UnixMillis kCreated = 1'700'000'000'000;
inline const std::string kPath = "data/" + snapshot_name(kStart);
SnapshotInfo write_snapshot(MemoryFiles& files, const Entries& entries, SnapshotCodec codec);
// Its bytes.
std::string snapshot_of(const Entries& entries, SnapshotCodec codec);

// All that a file with these bytes holds.
Result<Entries> load(ByteView bytes, unsigned threads = 1);

}  // namespace kv::storage::test
