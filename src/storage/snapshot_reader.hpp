// Reads a snapshot. Nothing in the file is trusted: every length is bounded before it is believed, every checksum is
// compared before what it covers is used, and memory grows with what is really there. Whatever is wrong comes back as
// an Error with a sentence that names the file and the place.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "kv/base/function_ref.hpp"
#include "kv/base/result.hpp"
#include "kv/engine/mutation.hpp"

#include "storage/file_system.hpp"
#include "storage/snapshot_format.hpp"

namespace kv::storage {

// What load() hands out at one time, at most.
inline constexpr std::size_t kSnapshotBatchEntries = 64;

// All functions may be called by several threads.
class SnapshotReader {
 public:
  // Reads the two ends of the file, which takes no time whatever its size. What stands between them may still turn out
  // to be damaged.
  static Result<SnapshotReader> open(FileSystem& files, const std::string& path);

  const SnapshotInfo& info() const { return info_; }

  // Entries, as kPut mutations that are good during the call; called by all of the threads at once. No key comes twice,
  // except where it was moved while the snapshot was taken: either copy is good, for the log has what came after.
  using Apply = FunctionRef<void(std::span<const engine::Mutation> puts)>;
  // How many entries have been applied; called by one thread at a time, which makes the others wait.
  using Progress = FunctionRef<void(std::uint64_t entries)>;

  // Reads and checks everything, on `threads` threads of which the caller's is one, and applies all entries. An error
  // is the first damage in the file; what has been applied then is of no use. Throws what `apply` throws and
  // std::bad_alloc, also when that happened on another thread. Each thread takes the memory of two blocks, and of the
  // largest entry that it meets.
  Result<void> load(unsigned threads, Apply apply, Progress progress) const;

  // The same without applying anything.
  Result<void> verify() const;

 private:
  SnapshotReader(std::unique_ptr<File> file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  Result<void> read_ends();

  std::unique_ptr<File> file_;
  std::string path_;
  SnapshotInfo info_;
  std::uint64_t footer_offset_ = 0;
};

}  // namespace kv::storage
