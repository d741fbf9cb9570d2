#include "server/service_manager.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "kv/base/limits.hpp"

namespace kv::server {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// 0 for what isn't one.
std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  const std::string pid = variable("WATCHDOG_PID");
  const bool is_meant = pid.empty() || number(pid) == static_cast<std::uint64_t>(getpid());
  const std::uint64_t watchdog = is_meant ? number(variable("WATCHDOG_USEC")) : 0;
  return {variable("NOTIFY_SOCKET"), std::chrono::microseconds(watchdog)};
}

bool ServiceManager::tell(ByteView assignments) const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const bool is_abstract = socket_.starts_with('@');
  if (!is_abstract && !socket_.starts_with('/')) return false;
  if (socket_.size() >= sizeof(address.sun_path)) return false;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (is_abstract) address.sun_path[0] = '\0';
  // An abstract name is all bytes that there are, so none may follow.
  const std::size_t size = offsetof(sockaddr_un, sun_path) + socket_.size() + (is_abstract ? 0 : 1);

  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd == -1) return false;
  const timeval patience{kNotifyMax.count(), 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  const ssize_t sent = sendto(fd, assignments.data(), assignments.size(), MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
  close(fd);
  return sent == static_cast<ssize_t>(assignments.size());
}

}  // namespace kv::server
