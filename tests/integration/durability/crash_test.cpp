// Load from several connections, kill -9 at a random moment, a restart, and a check of every key: whatever was
// acknowledged is there, and nothing that nobody asked for.
//
// KV_CRASH_ROUNDS=N takes N rounds in each of these tests, and KV_TEST_SEED repeats the draws of a run, though not what
// the machine makes of them.
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "integration/durability/crash/crash_run.hpp"
#include "support/base/random.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

// 6 tests take 216 rounds together.
constexpr std::size_t kRounds = kSanitized ? 6 : 36;

std::size_t rounds() {
  const char* given = std::getenv("KV_CRASH_ROUNDS");
  return given == nullptr ? kRounds : std::stoul(given);
}

class Crash : public ::testing::TestWithParam<const char*> {
 protected:
  crash::Seen run(bool frequent_snapshots) {
    crash::CrashRun run({GetParam(), frequent_snapshots}, random_);
    run.run(rounds());
    RecordProperty("answered", static_cast<int>(run.seen().answered));
    EXPECT_GT(run.seen().answered, 0u);
    return run.seen();
  }

  Random random_;
};

TEST_P(Crash, WhatWasAcknowledgedIsThereAfterAKill) {
  run(false);
}

TEST_P(Crash, WhatWasAcknowledgedIsThereAfterAKillAmidSnapshotsAndSegmentSwitches) {
  const crash::Seen seen = run(true);
  EXPECT_GT(seen.segments, 1u);
  EXPECT_GT(seen.snapshots, 0u);
}

INSTANTIATE_TEST_SUITE_P(Fsync, Crash, ::testing::Values("always", "interval", "never"),
                         [](const auto& policy) { return std::string(policy.param); });

}  // namespace
}  // namespace kv::test
