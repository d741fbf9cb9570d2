#include "kv/security/authenticator.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "security/commands.hpp"
#include "support/base/wait.hpp"

namespace kv::security {
namespace {

constexpr const char* kAddress = "10.0.0.1:1000";
constexpr const char* kElsewhere = "10.0.0.2:1000";

class Authentication : public testing::Test {
 protected:
  Authentication() {
    set("app", "on #" + test::cheap_hash("secret"));
    set("off", "off #" + test::cheap_hash("secret"));
    set("cert", "on cert");
  }
  void set(ByteView name, const std::string& words) { EXPECT_TRUE(users_.set(name, words).has_value()); }

  Verdict verdict_of(Login& login) {
    EXPECT_TRUE(kv::test::wait_until([&] { return login.verdict().has_value(); }));
    return login.verdict().value_or(Verdict::kBusy);
  }
  // Likewise, while time passes.
  Verdict decided_in_time(Login& login) {
    const auto decided = [&] { return login.verdict().has_value(); };
    while (!kv::test::wait_until(decided, std::chrono::milliseconds(20))) clock_.advance(1'000);
    return verdict_of(login);
  }
  Verdict attempt(ByteView user, ByteView password, const char* address = kAddress) {
    return verdict_of(*authenticator_.begin(user, password, address));
  }
  bool is_decided_at_once(ByteView user, ByteView password, const char* address = kAddress) {
    return authenticator_.begin(user, password, address)->verdict() == Verdict::kAccepted;
  }

  ManualClock clock_;
  Users users_{test::kCommands};
  Authenticator authenticator_{users_, clock_};
};

TEST_F(Authentication, AcceptsTheRightPasswordOfAUserThatIsOn) {
  EXPECT_EQ(attempt("app", "secret"), Verdict::kAccepted);
  EXPECT_EQ(attempt("app", "Secret"), Verdict::kRefused);
  EXPECT_EQ(attempt("app", ""), Verdict::kRefused);
  EXPECT_EQ(attempt("off", "secret"), Verdict::kRefused);
  EXPECT_EQ(attempt("cert", ""), Verdict::kRefused);
}

TEST_F(Authentication, RefusesUsersThatAreNotThereOrCantBe) {
  EXPECT_EQ(attempt("nobody", "secret"), Verdict::kRefused);
  EXPECT_EQ(attempt(std::string(70'000, 'u'), std::string(70'000, 'p')), Verdict::kRefused);
  EXPECT_EQ(attempt(std::string("app\0", 4), "secret", kElsewhere), Verdict::kRefused);
}

TEST_F(Authentication, EachOfAUsersPasswordsWillDo) {
  set("app", "#" + test::cheap_hash("another"));
  EXPECT_EQ(attempt("app", "secret"), Verdict::kAccepted);
  EXPECT_EQ(attempt("app", "another"), Verdict::kAccepted);
}

TEST_F(Authentication, WhoComesBackHearsAtOnce) {
  const auto first = authenticator_.begin("app", "secret", kAddress);
  EXPECT_EQ(verdict_of(*first), Verdict::kAccepted);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(is_decided_at_once("app", "secret"));
  EXPECT_FALSE(is_decided_at_once("app", "wrong", kElsewhere));
}

TEST_F(Authentication, WhatWasVerifiedCountsAsLongAsTheUserHasThatPassword) {
  EXPECT_EQ(attempt("app", "secret"), Verdict::kAccepted);
  set("app", "+get");
  EXPECT_TRUE(is_decided_at_once("app", "secret")) << "its password is the same";
  set("app", "off");
  EXPECT_EQ(attempt("app", "secret"), Verdict::kRefused);
  set("app", "on resetpass #" + test::cheap_hash("new"));
  EXPECT_EQ(attempt("app", "secret"), Verdict::kRefused);
  EXPECT_EQ(attempt("app", "new"), Verdict::kAccepted);
  EXPECT_TRUE(users_.remove("app"));
  EXPECT_EQ(attempt("app", "new"), Verdict::kRefused);
}

TEST_F(Authentication, WhoKeepsFailingIsSlowed) {
  for (int i = 0; i < 6; ++i) EXPECT_EQ(attempt("app", "wrong"), Verdict::kRefused);
  const auto login = authenticator_.begin("app", "wrong", kAddress);
  EXPECT_EQ(attempt("app", "wrong", kElsewhere), Verdict::kRefused) << "others aren't";
  EXPECT_EQ(login->verdict(), std::nullopt);
  clock_.advance(99);
  EXPECT_EQ(attempt("app", "wrong", kElsewhere), Verdict::kRefused);
  EXPECT_EQ(login->verdict(), std::nullopt);
  clock_.advance(1);
  EXPECT_EQ(verdict_of(*login), Verdict::kRefused);
}

TEST_F(Authentication, WhoIsSlowedLearnsNothingFromHowSoonTheAnswerComes) {
  EXPECT_EQ(attempt("app", "secret"), Verdict::kAccepted);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(attempt("app", "wrong"), Verdict::kRefused);
  EXPECT_FALSE(is_decided_at_once("app", "secret"));
  EXPECT_TRUE(is_decided_at_once("app", "secret", kElsewhere));
  clock_.advance(100);
  EXPECT_EQ(attempt("app", "secret"), Verdict::kAccepted);
  EXPECT_TRUE(is_decided_at_once("app", "secret")) << "it hasn't failed again";
}

TEST_F(Authentication, BehindAnAttemptOfTheSameAddressNothingIsLookedUp) {
  set("slow", "on #" + hash_password("slow", {kPasswordPassesMax, kPasswordMemoryMax}).value());
  EXPECT_EQ(attempt("app", "secret"), Verdict::kAccepted);
  // As many as there are threads.
  const auto first = authenticator_.begin("slow", "wrong", kAddress);
  const auto second = authenticator_.begin("slow", "wrong too", kAddress);
  const auto behind = authenticator_.begin("app", "secret", kAddress);
  EXPECT_EQ(behind->verdict(), std::nullopt);
  EXPECT_EQ(verdict_of(*behind), Verdict::kAccepted);
  EXPECT_EQ(verdict_of(*first), Verdict::kRefused);
  EXPECT_EQ(verdict_of(*second), Verdict::kRefused);
}

TEST_F(Authentication, WhoWaitsTooLongIsToldToComeAgain) {
  for (int i = 0; i < 12; ++i) decided_in_time(*authenticator_.begin("app", "wrong", kAddress));
  // Now one every five seconds is looked at, so not all of these within the time that an attempt may wait.
  std::vector<std::shared_ptr<Login>> logins;
  for (int i = 0; i < 20; ++i) logins.push_back(authenticator_.begin("app", "wrong" + std::to_string(i), kAddress));
  int refused = 0;
  int busy = 0;
  for (const auto& login : logins) ++(decided_in_time(*login) == Verdict::kBusy ? busy : refused);
  EXPECT_GT(refused, 0);
  EXPECT_GT(busy, 0);
}

TEST_F(Authentication, TheLineHasALimit) {
  set("slow", "on #" + hash_password("slow").value());
  std::vector<std::shared_ptr<Login>> logins;
  bool is_busy = false;
  for (std::size_t i = 0; i < kLoginsMax + 100 && !is_busy; ++i) {
    logins.push_back(authenticator_.begin("slow", std::to_string(i),
                                          "10.0." + std::to_string(i / 200) + "." + std::to_string(i % 200) + ":1"));
    is_busy = logins.back()->verdict() == Verdict::kBusy;
  }
  EXPECT_TRUE(is_busy);
  EXPECT_GE(logins.size(), kLoginsMax);
}

TEST_F(Authentication, AnAttemptThatIsGivenUpIsNotCheckedAndHoldsNobodyUp) {
  set("slow", "on #" + hash_password("slow").value());
  for (std::size_t i = 0; i < 1'000; ++i) authenticator_.begin("slow", "wrong", kAddress);
  EXPECT_EQ(attempt("app", "secret", kElsewhere), Verdict::kAccepted);
  EXPECT_EQ(attempt("app", "secret"), Verdict::kAccepted) << "so the address isn't slowed either";
}

TEST_F(Authentication, TheVerdictWakesWhoWaits) {
  std::atomic<int> woken{0};
  const auto login = authenticator_.begin("app", "secret", kAddress);
  login->on_verdict([&] { ++woken; });
  EXPECT_TRUE(kv::test::wait_until([&] { return woken == 1; }));
  login->on_verdict([&] { ++woken; });
  EXPECT_EQ(woken, 2) << "at once, when there is a verdict already";
}

TEST_F(Authentication, ManyThreadsAtOnce) {
  constexpr int kThreads = 8;
  std::atomic<int> accepted{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      const std::string address = "10.1.0." + std::to_string(i) + ":1";
      for (int round = 0; round < 20; ++round) {
        if (attempt("app", "secret", address.c_str()) == Verdict::kAccepted) ++accepted;
        if (round % 5 == 0) set("other" + std::to_string(i), "on +get");
      }
    });
  }
  threads.clear();
  EXPECT_EQ(accepted, kThreads * 20);
}

}  // namespace
}  // namespace kv::security
