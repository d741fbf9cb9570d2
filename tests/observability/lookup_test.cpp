#include "observability/lookup.hpp"

#include <atomic>
#include <latch>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "support/base/wait.hpp"

namespace kv::test {
namespace {

using observability::look_up;
using std::chrono::steady_clock;

// DNS that says nothing before it is let.
std::atomic<bool> asked{false};
std::latch may_answer{1};
std::atomic<bool> answered{false};
int ask_silent_dns(const char*, const char*, const addrinfo*, addrinfo**) {
  asked = true;
  may_answer.wait();
  answered = true;
  return EAI_AGAIN;
}

int ask_dns_that_knows_nobody(const char*, const char*, const addrinfo*, addrinfo**) {
  return EAI_NONAME;
}

steady_clock::time_point in_an_hour() {
  return steady_clock::now() + std::chrono::hours(1);
}

TEST(LookupTest, AnAddressIsFoundAsItIs) {
  const auto first = [](const char* host) {
    const auto endpoint = look_up(host, "4318", in_an_hour(), {}).value().front();
    return endpoint.address().to_string() + "|" + std::to_string(endpoint.port());
  };
  EXPECT_EQ(first("127.0.0.1"), "127.0.0.1|4318");
  EXPECT_EQ(first("::1"), "::1|4318");
}

TEST(LookupTest, WhatDnsDoesNotKnowIsAnError) {
  const auto found = look_up("collector", "4318", in_an_hour(), {}, &ask_dns_that_knows_nobody);
  EXPECT_EQ(found.error().message, ::gai_strerror(EAI_NONAME));
}

TEST(LookupThreads, NobodyWaitsForSilentDnsAfterTheDeadlineOrGivingUp) {
  const auto late = look_up("collector", "4318", steady_clock::now(), {}, &ask_silent_dns);
  EXPECT_EQ(late.error().message, "its address was not found in time");

  std::stop_source give_up;
  std::atomic<bool> ended{false};
  std::optional<std::string> reason;
  asked = false;
  std::thread caller([&] {
    reason = look_up("collector", "4318", in_an_hour(), give_up.get_token(), &ask_silent_dns).error().message;
    ended = true;
  });
  EXPECT_TRUE(wait_until([] { return asked.load(); }));
  EXPECT_FALSE(ended);
  give_up.request_stop();
  EXPECT_TRUE(wait_until([&] { return ended.load(); }));
  EXPECT_FALSE(answered);
  may_answer.count_down();
  caller.join();
  EXPECT_EQ(reason, "its address was not found in time");
  EXPECT_TRUE(wait_until([] { return answered.load(); }));
}

}  // namespace
}  // namespace kv::test
