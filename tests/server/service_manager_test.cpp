#include "server/service_manager.hpp"

#include <cstdlib>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include "support/base/datagram_receiver.hpp"
#include "support/base/temporary_folder.hpp"

namespace kv::server {
namespace {

using std::chrono::microseconds;
using test::DatagramReceiver;

constexpr microseconds kNoWatchdog{0};

std::string abstract_name() {
  return "@kv-service-manager-test-" + std::to_string(getpid());
}

TEST(ServiceManager, IsToldThroughASocketInAFolder) {
  const test::TemporaryFolder folder;
  const std::string path = folder.path() + "/notify";
  const DatagramReceiver receiver(path);
  EXPECT_TRUE(ServiceManager(path, kNoWatchdog).tell("READY=1\nSTATUS=serving"));
  EXPECT_EQ(receiver.receive(), "READY=1\nSTATUS=serving");
  EXPECT_EQ(receiver.receive(), "");
}

TEST(ServiceManager, IsToldThroughAnAbstractSocket) {
  const DatagramReceiver receiver(abstract_name());
  EXPECT_TRUE(ServiceManager(abstract_name(), kNoWatchdog).tell("STOPPING=1"));
  EXPECT_EQ(receiver.receive(), "STOPPING=1");
}

TEST(ServiceManager, WhoIsNotThereIsNotTold) {
  const test::TemporaryFolder folder;
  for (const std::string& socket :
       {std::string(), folder.path() + "/none", abstract_name(), std::string("vsock:2:1"), std::string("relative"),
        "/" + std::string(200, 'a'), "@" + std::string(200, 'a')}) {
    EXPECT_FALSE(ServiceManager(socket, kNoWatchdog).tell("READY=1")) << socket;
  }
}

TEST(ServiceManager, WhoTakesNothingIsNotWaitedForWithoutEnd) {
  const DatagramReceiver receiver(abstract_name());
  const ServiceManager manager(abstract_name(), kNoWatchdog);
  int taken = 0;
  while (taken < 100'000 && manager.tell("WATCHDOG=1")) ++taken;  // until the queue of the socket is full
  EXPECT_GT(taken, 0);
  EXPECT_LT(taken, 100'000);
  EXPECT_EQ(receiver.receive(), "WATCHDOG=1");
  EXPECT_TRUE(manager.tell("WATCHDOG=1"));
}

TEST(ServiceManager, IsToldTwiceInTheTimeOfTheWatchdog) {
  EXPECT_EQ(ServiceManager("@x", microseconds(30'000'000)).watchdog_period(), microseconds(15'000'000));
  EXPECT_EQ(ServiceManager("@x", kNoWatchdog).watchdog_period(), microseconds(0));
  EXPECT_EQ(ServiceManager("", microseconds(30'000'000)).watchdog_period(), microseconds(0)) << "nobody is there";
}

class Environment : public ::testing::Test {
 protected:
  ~Environment() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
  }
  static microseconds period(const char* usec, const std::string& pid) {
    setenv("NOTIFY_SOCKET", "@kv", 1);
    setenv("WATCHDOG_USEC", usec, 1);
    setenv("WATCHDOG_PID", pid.c_str(), 1);
    return ServiceManager::from_environment().watchdog_period();
  }
};
using ServiceManagerEnvironment = Environment;

TEST_F(ServiceManagerEnvironment, NamesTheSocket) {
  EXPECT_FALSE(ServiceManager::from_environment().tell("READY=1"));
  const DatagramReceiver receiver(abstract_name());
  setenv("NOTIFY_SOCKET", abstract_name().c_str(), 1);
  EXPECT_TRUE(ServiceManager::from_environment().tell("READY=1"));
  EXPECT_EQ(receiver.receive(), "READY=1");
}

TEST_F(ServiceManagerEnvironment, NamesTheTimeOfTheWatchdogOfThisProcess) {
  EXPECT_EQ(period("2000000", std::to_string(getpid())), microseconds(1'000'000));
  EXPECT_EQ(period("2000000", std::to_string(getppid())), microseconds(0));
  EXPECT_EQ(period("2000000", "x"), microseconds(0));
  EXPECT_EQ(period("often", std::to_string(getpid())), microseconds(0));
  unsetenv("WATCHDOG_PID");
  EXPECT_EQ(ServiceManager::from_environment().watchdog_period(), microseconds(0)) << "the time was no number";
}

}  // namespace
}  // namespace kv::server
