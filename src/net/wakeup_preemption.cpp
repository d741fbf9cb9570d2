#include "net/wakeup_preemption.hpp"

#include <sched.h>

namespace kv::net {
namespace {

// Sockets that are ready at a wake-up, on average. In between nothing changes, so that it doesn't go to and fro.
constexpr std::uint64_t kMany = 3;
constexpr std::uint64_t kFew = 2;

// Of the calling thread alone, on Linux.
bool change_policy(int from, int to) {
  const sched_param no_priority{};
  return sched_getscheduler(0) == from && sched_setscheduler(0, to, &no_priority) == 0;
}

}  // namespace

void WakeupPreemption::adapt(const WakeupLoad& load) {
  if (!given_up_ && load.ready >= kMany * load.wakeups && load.ready != 0) {
    given_up_ = change_policy(SCHED_OTHER, SCHED_BATCH);
  } else if (given_up_ && load.ready <= kFew * load.wakeups) {
    given_up_ = !change_policy(SCHED_BATCH, SCHED_OTHER);
  }
}

}  // namespace kv::net
