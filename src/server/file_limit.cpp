#include "server/file_limit.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <sys/resource.h>
#include <system_error>

#include "kv/observability/log.hpp"

namespace kv::server {
namespace {

// What is opened for a while only: snapshots, files of the log, who asks for metrics.
constexpr std::size_t kFilesNowAndThen = 16;

std::size_t open_files() {
  std::size_t count = 0;
  std::error_code error;
  const std::filesystem::directory_iterator end;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error); at != end; at.increment(error)) ++count;
  return count;
}

}  // namespace

void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void check_file_limit(std::size_t connections_max, std::size_t connections) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const std::size_t open = open_files();
  const std::size_t needed = connections_max + (open - std::min(open, connections)) + kFilesNowAndThen;
  if (needed <= limit.rlim_cur) return;
  log::warn("fewer files may be open than --max-connections needs",
            {{"limit", std::uint64_t{limit.rlim_cur}}, {"needed", needed}, {"max_connections", connections_max}});
}

}  // namespace kv::server
