// Writes one snapshot while the engine goes on serving.
//
// Whoever owns it walks the engine in steps. Under a shard's lock a step only hands entries over: add() copies a small
// one into a block that has its memory already, and pins a large one. What takes time, compressing and writing, is done
// between the steps by flush(), a block at a time, so that the owner can slow down or stop after each:
//
//   while (engine.walk(cursor, kSnapshotStepEntries, [&](const Mutation& put) { writer.add(put); })) {
//     while (writer.wants_flush()) { writer.flush(); …throttle by bytes_written()… }
//   }
//   writer.finish(…)
//
// (A walk's last step adds entries, too; finish() flushes them.)
//
//   add() ─ small ─▶ open block ─ full ─▶ full blocks ─┐
//         └ large ─▶ pinned ──┬─ fits a block ─▶ open  ├─ flush() ─▶ packer ─▶ file
//                             └─ larger: its parts ────┘
//
// So the memory it takes is a few blocks, whatever the values: one larger than a block goes from the engine's own entry
// into the packer. Pinned entries that are replaced meanwhile live on until they are written, which is why there is at
// most one step's worth of them.
//
// The file has its name only when it is whole and synced; before that it is called `….tmp`. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kv/base/byte_buffer.hpp"
#include "kv/engine/engine.hpp"
#include "kv/engine/mutation.hpp"

#include "storage/file_system.hpp"
#include "storage/snapshot_block.hpp"
#include "storage/snapshot_format.hpp"

namespace kv::storage {

// Entries that may be added before flush() is asked for again, so that adding allocates nothing.
inline constexpr std::size_t kSnapshotStepEntries = 256;
// After so many bytes the file is synced: a disk that gets a whole snapshot at once keeps the log waiting for it.
inline constexpr std::uint64_t kSnapshotSyncBytes = 16U << 20;

class SnapshotWriter {
 public:
  struct Options {
    SnapshotCodec codec = SnapshotCodec::kZstd;
    int level = 1;           // of zstd
    UnixMillis created = 0;  // now, by the caller's clock
  };
  // Begins the snapshot that is good together with the log from `start` on, in `directory`. What an earlier attempt at
  // it left unfinished is replaced. Throws std::bad_alloc, as all of the writer does.
  static IoResult<std::unique_ptr<SnapshotWriter>> create(FileSystem& files, const std::string& directory, Lsn start,
                                                          const Options& options);
  // Removes the file where it isn't finished.
  ~SnapshotWriter();
  SnapshotWriter(const SnapshotWriter&) = delete;
  SnapshotWriter& operator=(const SnapshotWriter&) = delete;

  // Takes an entry. Does no I/O, compresses nothing, and allocates nothing as long as kSnapshotStepEntries is kept to
  // and what isn't large is at most a kilobyte. REQUIRES: a kPut; where it is large its views stand in the large entry,
  // and where it isn't it fits a block.
  void add(const engine::Mutation& put);
  // Whether there is something to do for flush().
  bool wants_flush() const;
  // Does a bounded piece of it: at most one block is compressed and written. Not to be called under a lock. After a
  // failure all that is left is to destroy the writer.
  IoResult<void> flush();
  // How long the file is by now.
  std::uint64_t bytes_written() const { return offset_; }

  // Writes what is left and ends the file: it is whole, synced, and has its name. `end`: the last record of the log
  // that may show in what was added; it must be synced before. After a failure nothing has the name, except where the
  // folder's sync failed, after which it is unknown whether the name would survive a power cut.
  IoResult<SnapshotInfo> finish(Lsn end, std::uint64_t highest_token);

 private:
  struct Block {
    ByteBuffer raw{snapshot::kBlockBytesMax};
    std::uint32_t entries = 0;
  };
  // A large entry, kept from add() until it is written.
  struct Pinned {
    explicit Pinned(const engine::Mutation& put);
    engine::Mutation put;
    engine::Pin pin;
  };
  // One that is larger than a block, and how far it is written.
  struct Parts {
    Pinned entry;
    std::size_t data_written = 0;
    std::uint32_t next_part = 0;
  };

  SnapshotWriter(FileSystem& files, const std::string& directory, Lsn start, const Options& options);
  IoResult<void> begin();
  // Room for an entry of `bytes` in the open block, or else in the next one.
  void stage(const engine::Mutation& put, std::size_t bytes);
  void open_next_block();
  IoResult<void> write_full_block();
  IoResult<void> write_next_part();
  IoResult<void> write_block(snapshot::BlockKind kind, std::uint32_t count, ByteView raw);
  IoResult<void> write(std::initializer_list<ByteView> pieces);
  IoResult<void> end_file(Lsn end, std::uint64_t highest_token);

  FileSystem& files_;
  const std::string directory_;
  const std::string path_;
  const std::string unfinished_path_;
  std::unique_ptr<File> file_;
  bool finished_ = false;
  std::uint64_t offset_ = 0;  // where the file ends
  std::uint64_t synced_offset_ = 0;
  SnapshotInfo info_;  // as far as it is written
  snapshot::BlockPacker packer_;

  Block open_;
  std::vector<Block> full_;
  std::vector<Block> spare_;
  std::vector<Pinned> pinned_;
  std::optional<Parts> parts_;
  ByteBuffer first_part_;  // the one part that isn't a plain piece of the value
};

}  // namespace kv::storage
