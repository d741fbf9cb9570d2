// The fixture of most tests: a server of the test's own, and one client.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/process/raw_client.hpp"
#include "support/process/requests.hpp"

namespace kv::test {

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() = default;
  explicit ServerTest(std::vector<std::string> args) : server_(std::move(args)) {}

  Reply call(ByteView request) { return client_.call(request); }
  RawClient connect() const { return RawClient(server_); }

  ServerProcess server_;
  RawClient client_{server_};
};

// Milliseconds that a lock or an expiry has when it must not end within a test.
inline constexpr std::uint64_t kLongMs = 3'600'000;

}  // namespace kv::test
