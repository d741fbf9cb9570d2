#include "integration/durability/small_disk.hpp"

#include <cerrno>
#include <filesystem>
#include <sys/mount.h>
#include <system_error>
#include <utility>

#include "integration/durability/data_folder.hpp"

namespace kv::test {

namespace fs = std::filesystem;

SmallDisk::SmallDisk(std::string folder, std::size_t mib) : folder_(std::move(folder)) {
  fs::create_directories(folder_);
  const std::string size = "size=" + std::to_string(mib) + "m";
  if (mount("tmpfs", folder_.c_str(), "tmpfs", 0, size.c_str()) != 0) {
    throw std::system_error(errno, std::generic_category(), "mount");
  }
}

SmallDisk::~SmallDisk() {
  umount2(folder_.c_str(), MNT_DETACH);
}

std::size_t SmallDisk::free_bytes() const {
  return fs::space(folder_).available;
}

void SmallDisk::add_ballast(std::size_t bytes) {
  write_file(folder_ + "/ballast", std::string(bytes, 'b'));
}

void SmallDisk::fill_up() {
  add_ballast(free_bytes() + (fs::exists(folder_ + "/ballast") ? fs::file_size(folder_ + "/ballast") : 0));
}

void SmallDisk::remove_ballast() {
  fs::remove(folder_ + "/ballast");
}

}  // namespace kv::test
