#include "net/wakeup_preemption.hpp"

#include <sched.h>

namespace kv::net {
namespace {

// Sockets that are ready at a wake-up, on average. A thread that doesn't preempt finds more of them where there are
// many, so the two cases lie far apart.
constexpr std::uint64_t kMany = 3;

// Of the calling thread alone, on Linux.
bool change_policy(int from, int to) {
  const sched_param no_priority{};
  return sched_getscheduler(0) == from && sched_setscheduler(0, to, &no_priority) == 0;
}

}  // namespace

void WakeupPreemption::adapt(const WakeupLoad& load) {
  const bool are_many = load.ready != 0 && load.ready >= kMany * load.wakeups;
  if (are_many && !given_up_) given_up_ = change_policy(SCHED_OTHER, SCHED_BATCH);
  if (!are_many && given_up_) given_up_ = !change_policy(SCHED_BATCH, SCHED_OTHER);
}

}  // namespace kv::net
