#include "server/health.hpp"

#include <gtest/gtest.h>

#include "kv/base/limits.hpp"

namespace kv::server {
namespace {

using std::chrono::milliseconds;
using Phase = Health::Phase;

class HealthTest : public ::testing::Test {
 protected:
  milliseconds silence_{0};
  std::string read_only_;
  Health health_{{.silence = [this] { return silence_; }, .read_only_reason = [this] { return read_only_; }}};
};

TEST_F(HealthTest, IsReadyWhileItServesAndAliveThroughout) {
  EXPECT_EQ(health_.why_not_ready(), "starting");
  EXPECT_EQ(health_.why_not_alive(), "");
  health_.enter(Phase::kRecovering);
  EXPECT_EQ(health_.why_not_ready(), "recovering");
  EXPECT_EQ(health_.why_not_alive(), "");
  health_.enter(Phase::kServing);
  EXPECT_EQ(health_.why_not_ready(), "");
  EXPECT_EQ(health_.why_not_alive(), "");
  health_.enter(Phase::kStopping);
  EXPECT_EQ(health_.why_not_ready(), "shutting down");
  EXPECT_EQ(health_.why_not_alive(), "");
}

TEST_F(HealthTest, IsNotReadyWhileWritesAreRefused) {
  health_.enter(Phase::kServing);
  read_only_ = "No space left on device";
  EXPECT_EQ(health_.why_not_ready(), "read-only: No space left on device");
  EXPECT_EQ(health_.why_not_alive(), "") << "a restart would not help";
}

TEST_F(HealthTest, IsNeitherWhenAnIoThreadIsSilent) {
  health_.enter(Phase::kServing);
  silence_ = kThreadSilenceMax;
  EXPECT_EQ(health_.why_not_alive(), "");
  silence_ += milliseconds(1);
  EXPECT_EQ(health_.why_not_alive(), "an I/O thread has not responded for 5001 ms");
  EXPECT_EQ(health_.why_not_ready(), health_.why_not_alive());
}

}  // namespace
}  // namespace kv::server
