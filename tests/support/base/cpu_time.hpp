// CPU time, for tests of what something costs: unlike the time on the wall it isn't stretched by what else runs.
#pragma once

#include <chrono>
#include <stdexcept>
#include <sys/types.h>
#include <time.h>

namespace kv::test {

inline std::chrono::nanoseconds cpu_time(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) throw std::runtime_error("this clock can't be read");
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// What the calling thread has taken so far.
inline std::chrono::nanoseconds cpu_time_of_thread() {
  return cpu_time(CLOCK_THREAD_CPUTIME_ID);
}

// What all threads of a process have taken so far.
inline std::chrono::nanoseconds cpu_time_of_process(pid_t pid) {
  clockid_t clock{};
  if (::clock_getcpuclockid(pid, &clock) != 0) throw std::runtime_error("there is no such process");
  return cpu_time(clock);
}

}  // namespace kv::test
