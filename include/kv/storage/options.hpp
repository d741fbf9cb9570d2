// How durable data is to be, as the operator says.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "kv/base/limits.hpp"

namespace kv::storage {

enum class FsyncPolicy {
  kAlways,    // a write is answered once it would survive a power cut
  kInterval,  // once the kernel has it; a power cut loses at most the interval
  kNever,     // once the kernel has it; when it reaches the disk is the kernel's choice
};
// As an operator writes them.
inline constexpr std::string_view kFsyncNames[] = {"always", "interval", "never"};

struct Options {
  std::string directory;
  FsyncPolicy fsync = FsyncPolicy::kInterval;
  std::chrono::milliseconds fsync_interval = kFsyncIntervalDefault;
  std::uint64_t wal_segment_bytes = kWalSegmentBytesDefault;

  // What makes a snapshot due, whichever comes first; 0: never. One is also due when the log has taken as much of the
  // disk since the last one as is left. None is taken while nothing changed, and none so soon after the last one.
  std::chrono::seconds snapshot_interval = kSnapshotIntervalDefault;
  std::uint64_t snapshot_changes = 0;
  std::uint64_t snapshot_wal_bytes = kSnapshotWalBytesDefault;
  std::chrono::milliseconds snapshot_pause = kSnapshotPauseMin;
  int snapshot_compression = kSnapshotCompressionDefault;  // zstd's level, 0: none
};

}  // namespace kv::storage
