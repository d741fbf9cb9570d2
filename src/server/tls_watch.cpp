#include "server/tls_watch.hpp"

#include <utility>

#include "kv/observability/log.hpp"

namespace kv::server {
namespace {

constexpr std::chrono::milliseconds kDay = std::chrono::hours(24);
constexpr int kWarningDays = 30;

}  // namespace

Result<std::unique_ptr<TlsWatch>> TlsWatch::open(const Tls& options, const Clock& clock) {
  auto identity = security::TlsIdentity::open(options.files, options.client_auth);
  if (!identity) return identity.error();
  std::unique_ptr<TlsWatch> watch(new TlsWatch(std::move(*identity), clock));
  watch->warn_of_its_end();
  return watch;
}

void TlsWatch::look() {
  note(identity_->poll());
  warn_of_its_end();
}

void TlsWatch::reload() {
  const auto reloaded = identity_->reload();
  note(reloaded ? Result<bool>(true) : Result<bool>(reloaded.error()));
  warn_of_its_end();
}

void TlsWatch::note(const Result<bool>& reloaded) {
  if (reloaded && !*reloaded) return;
  if (reloaded) {
    log::info("new TLS certificate", {{"not_after_ms", identity_->current()->not_after()}});
    warn_at_ = 0;
  } else {
    log::error("the TLS files have changed and are no good; the old certificate stays",
               {{"reason", reloaded.error().message}});
  }
  const std::lock_guard lock(mutex_);
  if (reloaded) ++reloads_.done;
  reloads_.last_error = reloaded ? "" : reloaded.error().message;
}

// Once a day.
void TlsWatch::warn_of_its_end() {
  const UnixMillis now = clock_.now();
  if (now < warn_at_) return;
  warn_at_ = now + kDay.count();
  const auto left = static_cast<std::int64_t>(identity_->current()->not_after() - now);
  if (left <= 0) {
    log::warn("the TLS certificate has expired: clients will not connect");
  } else if (left < kWarningDays * kDay.count()) {
    log::warn("the TLS certificate expires soon", {{"days_left", left / kDay.count()}});
  }
}

TlsWatch::Reloads TlsWatch::reloads() const {
  const std::lock_guard lock(mutex_);
  return reloads_;
}

}  // namespace kv::server
