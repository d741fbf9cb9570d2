// All that storage asks of a disk, as an interface, so that tests can put one underneath that writes short, fails at
// the nth call, runs out of space, or loses what was not synced.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <boost/system/result.hpp>

#include "kv/base/bytes.hpp"

namespace kv::storage {

// The error is an errno of the system category; compare it with boost::system::errc, as in no_space_on_device.
template <typename T>
using IoResult = boost::system::result<T>;

// An open file; closed by its destructor. Functions may be called by several threads, as pread() and pwrite() may.
class File {
 public:
  virtual ~File() = default;

  // One attempt, which may read less than asked for; 0 at the end of the file.
  virtual IoResult<std::size_t> read_at(std::uint64_t offset, std::span<char> to) const = 0;
  // One attempt, which may write less than asked for (at least one byte, where there is one to write). Writing past
  // the end makes the file longer.
  virtual IoResult<std::size_t> write_at(std::uint64_t offset, std::span<const ByteView> pieces) = 0;
  // Returns once the file's bytes, and its size, would survive a power cut (fdatasync). After a failure it is unknown
  // which bytes would, and asking again doesn't change that.
  virtual IoResult<void> sync() = 0;
  virtual IoResult<void> truncate(std::uint64_t size) = 0;
  virtual IoResult<std::uint64_t> size() const = 0;
};

// Held until destroyed, or until the process ends in whatever way.
class DirectoryLock {
 public:
  virtual ~DirectoryLock() = default;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  enum class OpenMode {
    kRead,       // an existing file, for reading
    kReadWrite,  // an existing file
    kCreate,     // a new file; fails with EEXIST where there is one
  };
  virtual IoResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  // Replaces `to` where it exists.
  virtual IoResult<void> rename(const std::string& from, const std::string& to) = 0;
  virtual IoResult<void> remove(const std::string& path) = 0;
  // A second name for the file `from`; fails with EXDEV across file systems.
  virtual IoResult<void> link(const std::string& from, const std::string& to) = 0;
  // With its parents; no error where it exists already.
  virtual IoResult<void> create_directories(const std::string& path) = 0;
  // The names, without the path, of what stands in a folder; in no order.
  virtual IoResult<std::vector<std::string>> list(const std::string& path) = 0;
  // Returns once new, renamed and removed names in the folder would survive a power cut.
  virtual IoResult<void> sync_directory(const std::string& path) = 0;
  // How much may still be written to the file system that has this folder.
  virtual IoResult<std::uint64_t> free_bytes(const std::string& path) = 0;
  // Makes `path`, a file, ours; fails with EWOULDBLOCK where another process, or this one, holds it.
  virtual IoResult<std::unique_ptr<DirectoryLock>> lock(const std::string& path) = 0;
};

// The file system of this machine. Lives as long as the process.
FileSystem& posix_file_system();

// Writes all of `pieces` from `offset` on, in as many attempts as it takes.
IoResult<void> write_all(File& file, std::uint64_t offset, std::span<const ByteView> pieces);
// Reads until `to` is full or the file ends; returns how many bytes that were.
IoResult<std::size_t> read_all(const File& file, std::uint64_t offset, std::span<char> to);

}  // namespace kv::storage
