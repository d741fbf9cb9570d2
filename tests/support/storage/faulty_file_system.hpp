// A disk in memory that the tests control. It writes short, fails at the nth call, runs out of space, and loses power:
//
// - Of a file, what was synced survives a power cut. Of every other block that was written since, any state that it has
//   had may be what the disk holds afterwards, independently of all other blocks; so is the file's size one of those
//   that it has had.
// - Of a folder, names synced survive. Every other change of a name (created, renamed, removed) may have happened or
//   not; a rename happens as a whole.
// - After a sync that failed, it is left open for good whether the blocks it was for survive, also when a later sync
//   succeeds, until they are written again. So Linux does it, which forgets that the pages were dirty.
// - Folders themselves survive at once.
//
// Everything is decided by the Random that is passed in, so a seed repeats it. Calls are thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/system/errc.hpp>

#include "storage/file_system.hpp"
#include "support/base/random.hpp"

namespace kv::test {

class FaultyFileSystem final : public storage::FileSystem {
 public:
  FaultyFileSystem();
  ~FaultyFileSystem() override;

  storage::IoResult<std::unique_ptr<storage::File>> open(const std::string& path, OpenMode mode) override;
  storage::IoResult<void> rename(const std::string& from, const std::string& to) override;
  storage::IoResult<void> remove(const std::string& path) override;
  storage::IoResult<void> link(const std::string& from, const std::string& to) override;
  storage::IoResult<void> create_directories(const std::string& path) override;
  storage::IoResult<std::vector<std::string>> list(const std::string& path) override;
  storage::IoResult<void> sync_directory(const std::string& path) override;
  storage::IoResult<std::uint64_t> free_bytes(const std::string& path) override;
  storage::IoResult<std::unique_ptr<storage::DirectoryLock>> lock(const std::string& path) override;

  // Trouble

  enum class Call {
    kOpen,
    kRead,
    kWrite,
    kSync,
    kTruncate,
    kSize,
    kRename,
    kRemove,
    kLink,
    kCreateDirectories,
    kList,
    kSyncDirectory,
    kFreeBytes,
    kLock,
  };
  static constexpr std::size_t kCalls = 14;
  static constexpr std::uint64_t kForever = ~std::uint64_t{0};
  struct Window {
    std::uint64_t after = 0;  // calls of this kind that still succeed
    std::uint64_t times = 1;  // calls after them that fail
  };
  // Lets calls fail with `error`; they do nothing else.
  void fail(Call call, boost::system::errc::errc_t error, Window window);
  void fail(Call call, boost::system::errc::errc_t error) { fail(call, error, {}); }
  // After so many calls more, of whatever kind, all calls fail with EIO, until the power goes or the process is killed:
  // so an end comes between any two calls, whatever the one that makes them does about failures.
  void end_after(std::uint64_t calls);
  // Nothing fails any longer.
  void heal();
  // From now on each read and write takes on a random part of what it is asked for, at least a byte.
  void cut_short(std::uint64_t seed);
  // How much all files together may hold from now on; nothing: as much as they like. A write that has no room for all
  // takes what there is room for, and fails with ENOSPC where there is none.
  void set_room(std::optional<std::uint64_t> bytes);
  std::uint64_t used() const;
  // How often a kind of call was made, whatever came of it.
  std::uint64_t calls(Call call) const;

  // Ends. Both leave the file system usable at once, for whoever opens its files anew; open files and locks of before
  // are dead, and fail with EIO.

  void power_cut(Random& random);
  // The process is killed: the kernel keeps what was written, synced or not.
  void kill_process();

  // Files as bytes

  // Throws std::out_of_range where there is none.
  std::string content(const std::string& path) const;
  bool exists(const std::string& path) const;
  // Makes a file, or replaces its content; synced, name and all.
  void put(const std::string& path, std::string content);
  // As decay does it: synced. REQUIRES: the file has that bit.
  void flip_bit(const std::string& path, std::uint64_t bit);

 private:
  class Disk;
  class OpenFile;
  class HeldLock;

  const std::shared_ptr<Disk> disk_;
};

}  // namespace kv::test
