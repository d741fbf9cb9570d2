// How the server is: whether it is alive, which a restart would mend if it weren't, and whether it is ready, which is
// for whoever sends it requests.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace kv::server {

class Health {
 public:
  enum class Phase : std::uint8_t { kStarting, kRecovering, kServing, kStopping };

  // Both are called from any thread.
  struct Sources {
    std::function<std::chrono::milliseconds()> silence;  // of the I/O thread that has been silent for longest
    std::function<std::string()> read_only_reason;       // empty where writes are taken; asked while serving only
  };
  explicit Health(Sources sources) : sources_(std::move(sources)) {}

  // All of these are thread-safe.
  void enter(Phase phase) { phase_.store(phase); }
  // Whether it has come so far as to serve: what it has recovered is complete.
  bool has_served() const { return phase_.load() >= Phase::kServing; }
  // In words; empty where it is.
  std::string why_not_alive() const;
  std::string why_not_ready() const;

 private:
  const Sources sources_;
  std::atomic<Phase> phase_ = Phase::kStarting;
};

}  // namespace kv::server
