// Whether an I/O thread that wakes up takes the processor from the thread that runs there.
//
// With few requests it should: an answer is due at once. With many, and no processor of its own, it shouldn't: whoever
// sends them is interrupted after the first one, and each request costs a switch of threads there and one back. Linux
// has a scheduling policy for each, SCHED_OTHER and SCHED_BATCH, of the same share of time. How many sockets are ready
// when the thread wakes up tells the two cases apart.
#pragma once

#include <cstdint>

namespace kv::net {

// What there was to do for a thread.
struct WakeupLoad {
  std::uint64_t wakeups = 0;  // times that a socket was ready, after none had been
  std::uint64_t ready = 0;    // sockets that were
};

// Of the thread that calls it.
class WakeupPreemption {
 public:
  // Sees to it after some time of such a load. Leaves a policy alone that somebody else has chosen, and does nothing
  // where the system doesn't allow it.
  void adapt(const WakeupLoad& load);

 private:
  bool given_up_ = false;
};

}  // namespace kv::net
