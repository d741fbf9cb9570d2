// The fixture of the tests in which clients wait for a key.
#pragma once

#include "integration/info_json.hpp"
#include "integration/server_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {

// What is left of an expiry that there is none of.
inline constexpr std::uint64_t kForever = ~std::uint64_t{0};

class WaitingTest : public ServerTest {
 protected:
  WaitingTest() = default;
  explicit WaitingTest(std::vector<std::string> args) : ServerTest(std::move(args)) {}

  // A client that waits for `key` in an ACQUIRE; it stands in the queue when this returns.
  RawClient start_waiting(ByteView key, ByteView owner, std::uint64_t ttl_ms = kLongMs) {
    const std::int64_t before = waiting();
    RawClient waiter = connect();
    waiter.send(acquire(key, owner, ttl_ms, kLongMs));
    EXPECT_TRUE(eventually([&] { return waiting() > before; }));
    return waiter;
  }

  std::int64_t waiting() { return info_json(client_, "clients").at("waiting").to_number<std::int64_t>(); }

  // The token of an ACQUIRE that got the lock, and the remaining milliseconds of one that didn't.
  static std::uint64_t granted(const Reply& reply) { return number_after('\1', reply); }
  static std::uint64_t refused(const Reply& reply) { return number_after('\0', reply); }

 private:
  static std::uint64_t number_after(char outcome, const Reply& reply) {
    if (reply.status == protocol::Status::kOk && reply.payload.size() == 9 && reply.payload[0] == outcome) {
      return reply.u64(1);
    }
    ADD_FAILURE() << "not what ACQUIRE should answer: " << reply;
    return 0;
  }
};

}  // namespace kv::test
