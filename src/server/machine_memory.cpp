#include "server/machine_memory.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <unistd.h>

namespace kv::server {
namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

// `max`, or no file at all, is no limit.
std::uint64_t limit_in(const std::string& path) {
  std::uint64_t bytes = 0;
  std::ifstream file(path);
  return file >> bytes ? bytes : kNoLimit;
}

// Of the group at `group` below `folder` and of all above it. In a container the group's name may be that of the host,
// where the container's own is the topmost one that it sees.
std::uint64_t least_limit(const std::string& folder, std::string group, const std::string& file) {
  std::uint64_t least = limit_in(folder + "/" + file);
  for (; group.size() > 1; group.resize(group.rfind('/'))) {
    least = std::min(least, limit_in(folder + group + "/" + file));
  }
  return least;
}

}  // namespace

std::uint64_t available_memory(const MachinePaths& paths) {
  std::uint64_t least =
      static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  // Each line: a number, the controllers, the group. Version 2 has no controllers there.
  std::ifstream lines(paths.own_cgroups);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == line.npos ? first : line.find(':', first + 1);
    if (second == line.npos || !line.substr(second + 1).starts_with('/')) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string group = line.substr(second + 1);
    if (controllers == ",,") {
      least = std::min(least, least_limit(paths.cgroups, group, "memory.max"));
    } else if (controllers.find(",memory,") != controllers.npos) {
      least = std::min(least, least_limit(paths.cgroups + "/memory", group, "memory.limit_in_bytes"));
    }
  }
  return least;
}

}  // namespace kv::server
