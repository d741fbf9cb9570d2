// The server's certificate while it runs: looks whether its files have changed, and tells the log, and INFO, how it
// stands with it.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "kv/base/clock.hpp"
#include "kv/base/result.hpp"
#include "kv/security/tls_identity.hpp"

#include "server/options.hpp"

namespace kv::server {

class TlsWatch {
 public:
  // Reads the files of `options`. Fails with a sentence that names the one that is no good.
  static Result<std::unique_ptr<TlsWatch>> open(const Tls& options, const Clock& clock);

  const security::TlsIdentity& identity() const { return *identity_; }

  // From one thread. look() is to be called every kTlsFilesPeriod, reload() when somebody asks for it.
  void look();
  void reload();

  struct Reloads {
    std::uint64_t done = 0;
    std::string last_error{};  // empty where the last one went well
  };
  // Thread-safe.
  Reloads reloads() const;

 private:
  TlsWatch(std::unique_ptr<security::TlsIdentity> identity, const Clock& clock)
      : identity_(std::move(identity)), clock_(clock) {}
  void note(const Result<bool>& reloaded);
  void warn_of_its_end();

  const std::unique_ptr<security::TlsIdentity> identity_;
  const Clock& clock_;
  UnixMillis warn_at_ = 0;  // the next time that its end may be spoken of
  mutable std::mutex mutex_;
  Reloads reloads_;  // guarded by mutex_
};

}  // namespace kv::server
