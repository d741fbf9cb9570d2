// The figures of the server as metrics, for Prometheus. docs/operations.md says what each means.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "kv/base/clock.hpp"
#include "kv/command/administration.hpp"
#include "kv/engine/engine.hpp"
#include "kv/engine/memory_limit.hpp"
#include "kv/observability/counters.hpp"

namespace kv::server {

// The Content-Type of what metrics_text() returns.
inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

struct MetricFigures {
  UnixMillis now = 0;
  UnixMillis started = 0;
  bool is_ready = true;  // as /readyz says
  command::ServerState server{};
  command::PersistenceState persistence{};
  bool is_recovered = true;  // before that, of `persistence` only `enabled` is known
  engine::Engine::Usage usage{};
  engine::MemoryLimit::Status memory{};  // all 0: it isn't limited
  observability::Counters::Totals totals{};
  std::uint64_t resident_bytes = 0;
  std::chrono::nanoseconds cpu_time{0};
  std::uint64_t log_lines_dropped = 0;
};

std::string metrics_text(const MetricFigures& figures);

// What the system says of this process. Thread-safe.
std::chrono::nanoseconds cpu_time();

}  // namespace kv::server
