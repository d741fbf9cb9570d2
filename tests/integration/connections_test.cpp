// Connections: how many, how they end, and how long they may stay silent.
#include <sys/resource.h>

#include <boost/json.hpp>

#include "integration/info_json.hpp"
#include "integration/server_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using Connections = ServerTest;

TEST_F(Connections, AThousandAreServedAtOnce) {
  constexpr std::size_t kCount = 1'000;
  EXPECT_EQ(call(ping()), ok("PONG"));  // so this connection is among them
  const std::size_t fds_before = server_.open_fds();
  {
    std::vector<RawClient> clients;
    for (std::size_t i = 0; i < kCount; ++i) clients.push_back(connect());
    for (std::size_t i = 0; i < kCount; ++i) clients[i].send(set("k" + std::to_string(i), encode_int(1)) + incr("sum"));
    std::int64_t sum = 0;
    for (RawClient& client : clients) {
      EXPECT_EQ(client.receive(), ok());
      sum += client.receive().i64();
    }
    EXPECT_EQ(sum, kCount * (kCount + 1) / 2) << "every INCR gave another number";
    EXPECT_EQ(info_json(client_, "clients").at("connected"), kCount + 1);
    EXPECT_EQ(info_json(client_).at("entries"), kCount + 1);
  }
  EXPECT_TRUE(eventually([&] { return server_.open_fds() <= fds_before; })) << "closed connections cost nothing";
}

// Who comes while no file descriptor is left waits until one is, and all others are served meanwhile.
TEST_F(Connections, WithoutADescriptorTheyWait) {
  constexpr std::size_t kServed = 20;
  constexpr std::size_t kWaiting = 30;
  EXPECT_EQ(call(ping()), ok("PONG"));  // so its descriptor is counted
  const std::size_t most = server_.open_fds() + kServed;
  const rlimit limit{most, most};
  ASSERT_EQ(prlimit(server_.pid(), RLIMIT_NOFILE, &limit, nullptr), 0);

  std::vector<RawClient> served;
  for (std::size_t i = 0; i < kServed; ++i) served.push_back(connect());
  for (RawClient& client : served) EXPECT_EQ(client.call(ping()), ok("PONG"));
  std::vector<RawClient> waiting;
  for (std::size_t i = 0; i < kWaiting; ++i) waiting.push_back(connect());
  for (RawClient& client : waiting) client.send(incr("served"));
  EXPECT_TRUE(server_.says("cannot accept a connection"));
  for (RawClient& client : served) EXPECT_EQ(client.call(ping()), ok("PONG"));

  std::int64_t sum = 0;
  for (RawClient& client : waiting) {
    if (!served.empty()) served.pop_back();
    sum += client.receive().i64();
    client.close();
  }
  EXPECT_EQ(sum, kWaiting * (kWaiting + 1) / 2);
  EXPECT_EQ(call(get("served")), ok(encode_int(kWaiting)));
  EXPECT_TRUE(server_.says("accepting connections again"));
}

TEST_F(Connections, AreListedNamedAndKilled) {
  RawClient other = connect();
  EXPECT_EQ(other.call(client_set_name("the other")), ok());
  const auto list = [&] { return boost::json::parse(call(client_list()).payload).at("connections").as_array(); };
  const boost::json::array both = list();
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].at("state"), "heavy") << "that is who asks";
  EXPECT_EQ(both[1].at("name"), "the other");
  EXPECT_EQ(both[1].at("last_command"), "CLIENT");
  EXPECT_EQ(call(client_kill(both[1].at("id").to_number<std::uint64_t>())), ok_bool(true));
  EXPECT_EQ(other.receive_until_eof(), "");
  EXPECT_TRUE(eventually([&] { return list().size() == 1; }));
  EXPECT_EQ(call(client_kill(both[0].at("id").to_number<std::uint64_t>())), ok_bool(true)) << "the asker's own";
  EXPECT_EQ(client_.receive_until_eof(), "");
}

TEST_F(Connections, TenThousandThatComeAndGoLeaveNothingBehind) {
  EXPECT_EQ(call(ping()), ok("PONG"));  // so this connection is among them
  const std::size_t fds_before = server_.open_fds();
  for (int i = 0; i < 10'000 / kSlowness; ++i) {
    RawClient client = connect();
    if (i % 3 != 0) {
      EXPECT_EQ(client.call(ping()), ok("PONG"));
    }
    if (i % 5 == 0) client.reset();
  }
  EXPECT_TRUE(eventually([&] { return server_.open_fds() <= fds_before; }));
}

TEST_F(Connections, AHalfClosedPeerGetsEveryAnswer) {
  constexpr int kCount = 1'000;
  std::string requests;
  for (int i = 0; i < kCount; ++i) requests += incr("k");
  RawClient client = connect();
  client.send(requests);
  client.half_close();
  for (int i = 1; i <= kCount; ++i) ASSERT_EQ(client.receive(), ok_i64(i));
  EXPECT_EQ(client.receive_until_eof(), "");
}

TEST_F(Connections, AHalfClosedPeerGetsEveryAnswerHoweverLarge) {
  constexpr int kCount = 64;
  const std::string value = encode_bytes(std::string(1 << 20, 'v'));
  call(set("k", value));
  std::string requests;
  for (int i = 0; i < kCount; ++i) requests += get("k");
  RawClient client = connect();
  client.send(requests);
  client.half_close();
  for (int i = 0; i < kCount; ++i) ASSERT_EQ(client.receive(), ok(value));
  EXPECT_EQ(client.receive_until_eof(), "");
}

TEST_F(Connections, APeerThatSaysNothingAndClosesIsNoTrouble) {
  RawClient closes = connect();
  closes.close();
  RawClient half_closes = connect();
  half_closes.half_close();
  EXPECT_EQ(half_closes.receive_until_eof(), "");
  RawClient resets = connect();
  resets.reset();
  EXPECT_EQ(call(ping()), ok("PONG"));
}

TEST_F(Connections, ResetsInTheMiddleOfAnythingAreNoTrouble) {
  call(set("k", encode_bytes(std::string(1 << 20, 'v'))));
  const std::string requests[] = {get("k") + get("k"), header(0x02, 1'000) + "half", get("k").substr(0, 3),
                                  acquire("k", "me", 0, 60'000), ping(std::string(1 << 20, 'p'))};
  for (int i = 0; i < 50; ++i) {
    for (const std::string& request : requests) {
      RawClient client = connect();
      client.send(request);
      client.reset();
    }
  }
  EXPECT_EQ(call(exists("k")), ok_bool(true));
  EXPECT_TRUE(eventually([&] { return info_json(client_, "clients").at("connected") == 1; }));
  EXPECT_EQ(info_json(client_, "clients").at("waiting"), 0);
}

class FewConnections : public ::testing::Test {
 protected:
  ServerProcess server_{{"--max-connections", "3"}};
};

TEST_F(FewConnections, OneMoreGetsBusyAndIsClosed) {
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server_);
    EXPECT_EQ(clients.back().call(ping()), ok("PONG"));
  }
  for (int i = 0; i < 5; ++i) {
    RawClient refused(server_);
    EXPECT_EQ(refused.receive(), error("BUSY")) << "without having been asked anything";
    EXPECT_EQ(refused.receive_until_eof(), "");
  }
  for (RawClient& client : clients) EXPECT_EQ(client.call(ping()), ok("PONG"));
  clients.pop_back();
  const auto is_served = [&] { return RawClient(server_).call(ping()) == ok("PONG"); };
  EXPECT_TRUE(eventually(is_served)) << "a place that got free is given away again";
}

TEST_F(FewConnections, NoResetEatsTheBusyThoughThePeerSends) {
  std::vector<RawClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(server_);
    EXPECT_EQ(clients.back().call(ping()), ok("PONG"));
  }
  for (int i = 0; i < 10; ++i) {
    RawClient refused(server_);
    refused.send(ping(std::string(200'000, 'p')));
    EXPECT_EQ(refused.receive(), error("BUSY"));
    EXPECT_EQ(refused.receive_until_eof(), "");
  }
}

class ShortRequestTimeout : public ServerTest {
 protected:
  ShortRequestTimeout() : ServerTest({"--request-timeout", "1"}) {}
};

TEST_F(ShortRequestTimeout, ABegunFrameThatGetsNoFurtherByteIsGivenUp) {
  RawClient header_only = connect();
  header_only.send(ping() + header(0x02, 100));
  RawClient two_bytes = connect();
  two_bytes.send("\x02\x01");
  EXPECT_EQ(header_only.receive(), ok("PONG"));
  EXPECT_EQ(header_only.receive_until_eof(), "");
  EXPECT_EQ(two_bytes.receive_until_eof(), "");
  EXPECT_EQ(call(ping()), ok("PONG")) << "a connection with no begun frame may be silent";
}

TEST_F(ShortRequestTimeout, AFrameWhoseBytesKeepComingMayTakeLonger) {
  // Three times the timeout in all, with something every fifth of it.
  const std::string payload(15, 'p');
  client_.send(header(0x08, 15));
  for (const char c : payload) {
    RawClient silent = connect();
    EXPECT_FALSE(eventually([&] { return !silent.is_quiet(); }, std::chrono::milliseconds(200)));
    client_.send({&c, 1});
  }
  EXPECT_EQ(client_.receive(), ok(payload));
}

class ShortIdleTimeout : public ServerTest {
 protected:
  ShortIdleTimeout() : ServerTest({"--idle-timeout", "1"}) {}
};

TEST_F(ShortIdleTimeout, ASilentConnectionIsClosedAndABusyOneIsNot) {
  RawClient silent = connect();
  RawClient silent_after_a_request = connect();
  EXPECT_EQ(silent_after_a_request.call(ping()), ok("PONG"));
  bool closed = false;
  // Each PING is within the timeout, unless the machine is very slow; then the client's own end would be no fault.
  ASSERT_TRUE(eventually([&] {
    EXPECT_EQ(call(ping()), ok("PONG"));
    closed = info_json(client_, "clients").at("connected") == 1;
    return closed;
  }));
  EXPECT_EQ(silent.receive_until_eof(), "");
  EXPECT_EQ(silent_after_a_request.receive_until_eof(), "");
}

TEST_F(ShortIdleTimeout, AClientThatWaitsForALockIsNotIdle) {
  call(lock("k", "you", 2'500));
  RawClient waiter = connect();
  waiter.send(acquire("k", "me", kLongMs, kLongMs));
  EXPECT_EQ(waiter.receive().payload.substr(0, 1), "\1");
}

}  // namespace
}  // namespace kv::test
