#include "net/wakeup_preemption.hpp"

#include <sched.h>
#include <thread>

#include <gtest/gtest.h>

namespace kv::net {
namespace {

constexpr WakeupLoad kOneEach{.wakeups = 1'000, .ready = 1'000};
constexpr WakeupLoad kCrowds{.wakeups = 1'000, .ready = 50'000};
constexpr WakeupLoad kNeverAsleep{.wakeups = 0, .ready = 50'000};
constexpr WakeupLoad kQuiet{};

// Runs `steps` on a thread of its own, so that the test's keeps its policy.
template <typename Steps>
void on_a_thread(Steps steps) {
  std::thread([&] {
    WakeupPreemption preemption;
    steps(preemption);
  }).join();
}

TEST(WakeupPreemption, IsGivenUpWhereManyAreReadyAtOnceAndTakenBackWhereFewAre) {
  on_a_thread([](WakeupPreemption& preemption) {
    preemption.adapt(kOneEach);
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
    preemption.adapt(kCrowds);
    EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
    preemption.adapt(kOneEach);
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
    preemption.adapt(kNeverAsleep);
    EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
    preemption.adapt(kQuiet);
    EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
  });
}

TEST(WakeupPreemption, LeavesAPolicyAloneThatSomebodyElseHasChosen) {
  on_a_thread([](WakeupPreemption& preemption) {
    const sched_param no_priority{};
    ASSERT_EQ(sched_setscheduler(0, SCHED_IDLE, &no_priority), 0);
    preemption.adapt(kCrowds);
    EXPECT_EQ(sched_getscheduler(0), SCHED_IDLE);
  });
  on_a_thread([](WakeupPreemption& preemption) {
    const sched_param no_priority{};
    ASSERT_EQ(sched_setscheduler(0, SCHED_BATCH, &no_priority), 0);
    preemption.adapt(kCrowds);
    preemption.adapt(kOneEach);
    EXPECT_EQ(sched_getscheduler(0), SCHED_BATCH);
  });
}

}  // namespace
}  // namespace kv::net
