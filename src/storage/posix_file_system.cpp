// The file system of this machine, by the calls of POSIX. Files and folders are made for their owner alone, since they
// hold what clients stored.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>
#include <utility>

#include <boost/system/errc.hpp>
#include <boost/system/system_category.hpp>

#include "storage/file_system.hpp"

namespace kv::storage {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;
constexpr std::size_t kPiecesMax = 64;  // in one call; more of them take another one

boost::system::error_code last_error() {
  return {errno, boost::system::system_category()};
}

// Calls again what a signal has interrupted.
template <typename Call>
auto retried(Call&& call) {
  while (true) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

template <typename Call>
IoResult<void> done(Call&& call) {
  if (retried(call) == -1) return last_error();
  return {};
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ != -1) ::close(fd_);
  }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

IoResult<FileDescriptor> open_descriptor(const std::string& path, int flags) {
  const int fd = retried([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); });
  if (fd == -1) return last_error();
  return FileDescriptor(fd);
}

class PosixFile final : public File {
 public:
  explicit PosixFile(FileDescriptor fd) : fd_(std::move(fd)) {}

  IoResult<std::size_t> read_at(std::uint64_t offset, std::span<char> to) const override {
    const auto read = retried([&] { return ::pread(fd_.get(), to.data(), to.size(), static_cast<off_t>(offset)); });
    if (read == -1) return last_error();
    return static_cast<std::size_t>(read);
  }

  IoResult<std::size_t> write_at(std::uint64_t offset, std::span<const ByteView> pieces) override {
    std::array<iovec, kPiecesMax> vectors;
    std::size_t count = 0;
    for (const ByteView piece : pieces) {
      if (count == kPiecesMax) break;
      if (!piece.empty()) vectors[count++] = {const_cast<char*>(piece.data()), piece.size()};
    }
    if (count == 0) return std::size_t{0};
    const auto written = retried(
        [&] { return ::pwritev(fd_.get(), vectors.data(), static_cast<int>(count), static_cast<off_t>(offset)); });
    if (written == -1) return last_error();
    return static_cast<std::size_t>(written);
  }

  // Not retried: an interrupted fdatasync() has failed like any other.
  IoResult<void> sync() override {
    if (::fdatasync(fd_.get()) == -1) return last_error();
    return {};
  }

  IoResult<void> truncate(std::uint64_t size) override {
    return done([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); });
  }

  IoResult<std::uint64_t> size() const override {
    struct stat status;
    if (::fstat(fd_.get(), &status) == -1) return last_error();
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  FileDescriptor fd_;
};

class PosixLock final : public DirectoryLock {
 public:
  explicit PosixLock(FileDescriptor fd) : fd_(std::move(fd)) {}

 private:
  FileDescriptor fd_;
};

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class PosixFileSystem final : public FileSystem {
 public:
  IoResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const int flags = mode == OpenMode::kRead        ? O_RDONLY
                      : mode == OpenMode::kReadWrite ? O_RDWR
                                                     : O_RDWR | O_CREAT | O_EXCL;
    auto fd = open_descriptor(path, flags);
    if (!fd) return fd.error();
    return std::make_unique<PosixFile>(*std::move(fd));
  }

  IoResult<void> rename(const std::string& from, const std::string& to) override {
    return done([&] { return std::rename(from.c_str(), to.c_str()); });
  }

  IoResult<void> remove(const std::string& path) override {
    return done([&] { return ::unlink(path.c_str()); });
  }

  IoResult<void> link(const std::string& from, const std::string& to) override {
    return done([&] { return ::link(from.c_str(), to.c_str()); });
  }

  // Each folder that is new is synced into the one above it.
  IoResult<void> create_directories(const std::string& path) override {
    if (path.empty()) return make_error_code(boost::system::errc::no_such_file_or_directory);
    for (std::size_t end = 0; end != path.size();) {
      end = std::min(path.find('/', end + 1), path.size());
      const std::string folder = path.substr(0, end);
      if (::mkdir(folder.c_str(), kFolderMode) == 0) {
        if (auto synced = sync_directory(parent_of(folder)); !synced) return synced;
        continue;
      }
      const boost::system::error_code error = last_error();
      struct stat status;
      if (::stat(folder.c_str(), &status) == -1) return error;
      if (!S_ISDIR(status.st_mode)) return make_error_code(boost::system::errc::not_a_directory);
    }
    return {};
  }

  IoResult<std::vector<std::string>> list(const std::string& path) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
    if (!folder) return last_error();
    std::vector<std::string> names;
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(folder.get());
      if (entry == nullptr) break;
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return last_error();
    return names;
  }

  IoResult<void> sync_directory(const std::string& path) override {
    const auto fd = open_descriptor(path, O_RDONLY | O_DIRECTORY);
    if (!fd) return fd.error();
    if (::fsync(fd->get()) == -1) return last_error();
    return {};
  }

  IoResult<std::uint64_t> free_bytes(const std::string& path) override {
    struct statvfs status;
    if (retried([&] { return ::statvfs(path.c_str(), &status); }) == -1) return last_error();
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  }

  IoResult<std::unique_ptr<DirectoryLock>> lock(const std::string& path) override {
    auto fd = open_descriptor(path, O_RDWR | O_CREAT);
    if (!fd) return fd.error();
    if (retried([&] { return ::flock(fd->get(), LOCK_EX | LOCK_NB); }) == -1) return last_error();
    return std::make_unique<PosixLock>(*std::move(fd));
  }
};

}  // namespace

FileSystem& posix_file_system() {
  static PosixFileSystem file_system;
  return file_system;
}

}  // namespace kv::storage
