// The server's certificate and key, as the files have them now. Files are exchanged while the server runs; connections
// that are open keep what they began with, later ones get the new. Where the new files are no good, the old context
// stays.
//
// current() may be called from any thread; everything else from one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>

#include "kv/base/result.hpp"
#include "kv/security/tls_context.hpp"

namespace kv::security {

class TlsIdentity {
 public:
  // Reads the files. Fails as TlsContext::for_server() does.
  static Result<std::unique_ptr<TlsIdentity>> open(const TlsServerFiles& files, ClientAuth client_auth);

  // What a new connection is to use.
  std::shared_ptr<const TlsContext> current() const;

  // Reads the files again, whether or not they have changed.
  Result<void> reload();

  // To be called every few seconds. Looks whether the files have changed, and reloads them once they have stayed the
  // same from one call to the next, as a certificate and its key can't be exchanged at one instant. True when it
  // reloaded; an error, once for each change, when it couldn't.
  Result<bool> poll();

 private:
  // What tells one state of a file from the next.
  struct Stamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t bytes = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };
  using Stamps = std::array<Stamp, 3>;

  TlsIdentity(const TlsServerFiles& files, ClientAuth client_auth) : files_(files), client_auth_(client_auth) {}
  Stamps look() const;

  const TlsServerFiles files_;
  const ClientAuth client_auth_;
  Stamps tried_;  // when they were last read
  Stamps seen_;   // by the last poll()
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsContext> current_;  // guarded by mutex_
};

}  // namespace kv::security
