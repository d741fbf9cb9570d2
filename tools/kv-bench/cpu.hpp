// How much CPU time a process has used, in nanoseconds: what /proc/PID/stat tells in ticks of 10 ms, read from the
// process's CPU clock, which is the same counter before it is rounded.
#pragma once

#include <cstdint>
#include <optional>
#include <sys/types.h>

namespace kv::bench {

// All threads of `pid`, user and system time; of this process when it is 0. Nothing when there is no such process.
std::optional<std::uint64_t> cpu_ns(pid_t pid);

}  // namespace kv::bench
