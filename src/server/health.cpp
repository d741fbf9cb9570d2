#include "server/health.hpp"

#include "kv/base/limits.hpp"

namespace kv::server {

std::string Health::why_not_alive() const {
  const std::chrono::milliseconds silence = sources_.silence();
  if (silence <= kThreadSilenceMax) return {};
  return "an I/O thread has not responded for " + std::to_string(silence.count()) + " ms";
}

std::string Health::why_not_ready() const {
  switch (phase_.load()) {
    case Phase::kStarting:
      return "starting";
    case Phase::kRecovering:
      return "recovering";
    case Phase::kStopping:
      return "shutting down";
    case Phase::kServing:
      break;
  }
  if (const std::string reason = sources_.read_only_reason(); !reason.empty()) return "read-only: " + reason;
  return why_not_alive();
}

}  // namespace kv::server
