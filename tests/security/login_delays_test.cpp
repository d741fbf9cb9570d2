#include "security/login_delays.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace kv::security {
namespace {

constexpr UnixMillis kStart = 1'700'000'000'000;
constexpr UnixMillis kForgotten = 10 * 60'000;

class Delays : public testing::Test {
 protected:
  void fail(int times, const std::string& network = "n") {
    for (int i = 0; i < times; ++i) delays_.add_failure(network, now_);
  }
  // For how long nothing from there is looked at.
  UnixMillis wait(const std::string& network = "n") { return delays_.allowed_at(network, now_) - now_; }

  LoginDelays delays_{3};
  UnixMillis now_ = kStart;
};

TEST_F(Delays, AFewFailuresAreFree) {
  EXPECT_EQ(wait(), 0U);
  fail(5);
  EXPECT_EQ(wait(), 0U);
  fail(1);
  EXPECT_EQ(wait(), 100U);
}

TEST_F(Delays, EachFailureMoreTakesTwiceAsLongUpToALimit) {
  fail(6);
  for (const UnixMillis expected : {100U, 200U, 400U, 800U, 1'600U, 3'200U, 5'000U, 5'000U}) {
    EXPECT_EQ(wait(), expected);
    now_ += expected;
    EXPECT_EQ(wait(), 0U);
    fail(1);
  }
  fail(1'000'000);
  EXPECT_EQ(wait(), 5'000U);
}

TEST_F(Delays, PassWithTime) {
  fail(6);
  now_ += 60;
  EXPECT_EQ(wait(), 40U);
  now_ += 40;
  EXPECT_EQ(wait(), 0U);
}

TEST_F(Delays, AreForgottenLongAfterTheLastFailure) {
  fail(10);
  now_ += kForgotten - 1;
  fail(1);
  EXPECT_EQ(wait(), 3'200U);
  now_ += kForgotten;
  EXPECT_EQ(wait(), 0U);
  EXPECT_EQ(delays_.size(), 0U);
  fail(5);
  EXPECT_EQ(wait(), 0U) << "it begins anew";
}

TEST_F(Delays, AreThoseOfOneNetwork) {
  fail(10);
  EXPECT_EQ(wait("other"), 0U);
  fail(6, "other");
  EXPECT_EQ(wait("other"), 100U);
}

TEST_F(Delays, TheTableIsBoundedAndForgetsWhoFailedLongestAgo) {
  for (const char* network : {"a", "b", "c"}) fail(6, network);
  fail(1, "a");
  fail(1, "d");
  EXPECT_EQ(delays_.size(), 3U);
  EXPECT_EQ(wait("b"), 0U);
  EXPECT_EQ(wait("a"), 200U);
  EXPECT_EQ(wait("c"), 100U);
  for (int i = 0; i < 1'000; ++i) fail(1, std::to_string(i));
  EXPECT_EQ(delays_.size(), 3U);
}

TEST_F(Delays, AClockThatWasReadEarlierDoesNoHarm) {
  fail(10);
  --now_;
  EXPECT_EQ(wait(), 1'601U);
}

TEST(NetworkOf, IsTheAddressOrTheFirstHalfOfAnIpv6One) {
  const std::vector<std::pair<const char*, const char*>> same = {
      {"10.0.0.1:1", "10.0.0.1:65535"},
      {"[2001:db8::1]:1", "[2001:db8:0:0:ffff::2]:2"},
      {"[::ffff:10.0.0.1]:1", "10.0.0.1:2"},
      {"[fe80::1%eth0]:1", "[fe80::2%eth1]:1"},
  };
  for (const auto& [left, right] : same) EXPECT_EQ(network_of(left), network_of(right)) << left << ' ' << right;
  const std::vector<std::pair<const char*, const char*>> different = {
      {"10.0.0.1:1", "10.0.0.2:1"},
      {"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1"},
      {"[::1]:1", "127.0.0.1:1"},
      {"", "x"},
  };
  for (const auto& [left, right] : different) EXPECT_NE(network_of(left), network_of(right)) << left << ' ' << right;
  EXPECT_EQ(network_of("10.0.0.1:1").size(), 4U);
  EXPECT_EQ(network_of("[2001:db8::1]:1").size(), 8U);
  for (const char* odd : {"", "[", "]", ":", "[]:1", "nonsense"}) EXPECT_EQ(network_of(odd), odd);
}

}  // namespace
}  // namespace kv::security
