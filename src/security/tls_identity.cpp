#include "kv/security/tls_identity.hpp"

#include <sys/stat.h>
#include <utility>

namespace kv::security {

Result<std::unique_ptr<TlsIdentity>> TlsIdentity::open(const TlsServerFiles& files, ClientAuth client_auth) {
  std::unique_ptr<TlsIdentity> identity(new TlsIdentity(files, client_auth));
  if (auto loaded = identity->reload(); !loaded) return loaded.error();
  identity->seen_ = identity->tried_;
  return identity;
}

std::shared_ptr<const TlsContext> TlsIdentity::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

Result<void> TlsIdentity::reload() {
  tried_ = look();  // before they are read, so that a change meanwhile shows later
  auto made = TlsContext::for_server(files_, client_auth_);
  if (!made) return made.error();
  const std::lock_guard lock(mutex_);
  current_.swap(*made);
  return {};
}

Result<bool> TlsIdentity::poll() {
  const Stamps now = look();
  const bool is_settled = now == std::exchange(seen_, now);
  if (!is_settled || now == tried_) return false;
  if (auto loaded = reload(); !loaded) return loaded.error();
  return true;
}

// A file that isn't there has the stamp of nothing.
TlsIdentity::Stamps TlsIdentity::look() const {
  Stamps stamps{};
  std::size_t at = 0;
  for (const std::string* path : {&files_.certificate, &files_.key, &files_.authorities}) {
    Stamp& stamp = stamps[at++];
    struct stat found {};
    if (path->empty() || ::stat(path->c_str(), &found) != 0) continue;
    stamp = {found.st_dev, found.st_ino, static_cast<std::uint64_t>(found.st_size),
             std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
  }
  return stamps;
}

}  // namespace kv::security
