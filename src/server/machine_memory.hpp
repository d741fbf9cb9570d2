// How much memory there is for this process.
#pragma once

#include <cstdint>
#include <string>

namespace kv::server {

// Where the system says it; tests have files of their own.
struct MachinePaths {
  std::string own_cgroups = "/proc/self/cgroup";
  std::string cgroups = "/sys/fs/cgroup";
};

// The least that a cgroup of this process is limited to, or one above it, whether of version 1 or 2; where none is, or
// that is more, what the machine has.
std::uint64_t available_memory(const MachinePaths& paths = {});

}  // namespace kv::server
