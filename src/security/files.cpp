#include "security/files.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace kv::security {
namespace {

Error failure(const std::string& path, const std::string& what) {
  return Error{Errc::kInternal, path + ": " + what};
}
Error system_failure(const std::string& path, const std::string& what, int code) {
  return failure(path, what + ": " + std::generic_category().message(code));
}

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  bool is_open() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }

 private:
  const int descriptor_;
};

// Zero, or the errno of what went wrong.
int write_and_sync(int descriptor, ByteView text) {
  while (!text.empty()) {
    const ssize_t size = ::write(descriptor, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  return ::fsync(descriptor) == 0 ? 0 : errno;
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return system_failure(path, "can't be read", errno);
  std::string text;
  char chunk[4096];
  while (true) {
    const ssize_t size = ::read(file.get(), chunk, sizeof(chunk));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return system_failure(path, "can't be read", errno);
    if (size == 0) return text;
    text.append(chunk, static_cast<std::size_t>(size));
    if (text.size() > bytes_max) return failure(path, "is over " + std::to_string(bytes_max) + " bytes");
  }
}

Result<void> write_file(const std::string& path, ByteView text) {
  const std::string beside = path + ".new";
  ::unlink(beside.c_str());  // what an end in the middle has left
  {
    const File file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
    const int code = file.is_open() ? write_and_sync(file.get(), text) : errno;
    if (code != 0) {
      ::unlink(beside.c_str());
      return system_failure(beside, "can't be written", code);
    }
  }
  if (std::rename(beside.c_str(), path.c_str()) != 0) {
    const int code = errno;
    ::unlink(beside.c_str());
    return system_failure(path, "can't be replaced", code);
  }
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const File directory(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open() || ::fsync(directory.get()) != 0) {
    return system_failure(path, "its folder can't be synced", errno);
  }
  return {};
}

}  // namespace kv::security
