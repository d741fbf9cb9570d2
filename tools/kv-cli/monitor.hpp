// kv-cli monitor: what others ask of the server, a line each, as it comes.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "kv/client/connection.hpp"

#include "kv-cli/answer.hpp"
#include "kv-cli/failure.hpp"

namespace kv::cli {

// How long the server collects before it answers: what comes is seen this much later at most.
inline constexpr std::chrono::milliseconds kMonitorWait{200};

struct MonitorOptions {
  std::uint64_t count = 0;  // requests; 0: until somebody stops it
};

// An answer to MONITOR, as lines; nothing where it isn't one. At most `left` requests are told, and taken off it.
std::optional<std::string> monitor_lines(ByteView document, std::uint64_t& left, OutputForm form);

// Prints to `out`, and has what has come written at once. An answer takes kMonitorWait on purpose.
Outcome<void> print_monitor(client::Connection& connection, const MonitorOptions& options, OutputForm form,
                            std::FILE* out);

}  // namespace kv::cli
