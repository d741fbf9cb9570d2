// A disk that is soon full: a tmpfs of a few MiB, mounted for one test and unmounted after it.
#pragma once

#include <cstddef>
#include <string>

namespace kv::test {

class SmallDisk {
 public:
  // Mounts it on an empty folder. Throws std::system_error; its code is that of EPERM where the system forbids to
  // mount.
  SmallDisk(std::string folder, std::size_t mib);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  const std::string& path() const { return folder_; }
  std::size_t free_bytes() const;
  // A file that takes room away until it is removed.
  void add_ballast(std::size_t bytes);
  void remove_ballast();
  // Such a file of all that is left.
  void fill_up();

 private:
  std::string folder_;
};

}  // namespace kv::test
