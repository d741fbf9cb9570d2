// What the network tells of its connections, and cutting one of them off.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "net/test_network.hpp"
#include "support/process/wait.hpp"

namespace kv::net {
namespace {

using protocol::ConnectionInfo;
using std::chrono::milliseconds;
using namespace test;  // NOLINT(google-build-using-namespace): the words of a test's script

class ConnectionList : public NetworkTest {
 protected:
  // The only connection in this state, once there is one.
  ConnectionInfo in_state(const std::string& state) {
    ConnectionInfo found;
    EXPECT_TRUE(eventually([&] {
      for (const ConnectionInfo& connection : network->connection_list()) {
        if (connection.state == state) found = connection;
      }
      return found.id != 0;
    })) << state;
    return found;
  }
};

TEST_F(ConnectionList, NamesEveryConnectionOfEveryThread) {
  options.threads = 3;
  start();
  std::vector<RawClient> clients;
  for (int i = 0; i < 7; ++i) clients.push_back(connect());
  for (RawClient& client : clients) EXPECT_EQ(client.call(echo("x")), ok("x"));
  const std::vector<ConnectionInfo> all = network->connection_list();
  ASSERT_EQ(all.size(), 7U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].id, i + 1);
    EXPECT_TRUE(all[i].address.starts_with("127.0.0.1:")) << all[i].address;
    EXPECT_TRUE(all[i].is_admitted);
    EXPECT_EQ(all[i].last_command, static_cast<std::uint8_t>(echo("x")[0]));
    EXPECT_GT(all[i].input_bytes, 0U);
  }
  clients.clear();
  EXPECT_TRUE(eventually([&] { return network->connection_list().empty(); }));
  RawClient later = connect();
  EXPECT_EQ(later.call(echo("x")), ok("x"));
  EXPECT_EQ(network->connection_list().at(0).id, 8U) << "an id is not used again";
}

TEST_F(ConnectionList, SaysWhatEachIsDoing) {
  start();
  handler.shut_gate();
  RawClient reading = connect();
  EXPECT_EQ(reading.call(echo("x")), ok("x"));
  RawClient heavy = connect();
  heavy.send(heavy_echo("heavy"));
  RawClient waiting = connect();
  waiting.send(wait_for(3'600'000, "it"));
  RawClient slow = connect(4'096);
  slow.send(fill(8 << 20));
  EXPECT_EQ(in_state("heavy").id, 2U);
  EXPECT_EQ(in_state("waiting").id, 3U);
  const ConnectionInfo writing = in_state("writing");
  EXPECT_EQ(writing.id, 4U);
  EXPECT_GT(writing.output_bytes, 1U << 20);
  EXPECT_EQ(in_state("reading").id, 1U) << "the others read, too, until their requests had come";
  EXPECT_TRUE(eventually([&] {
    const ConnectionInfo quiet = in_state("reading");
    return quiet.age >= milliseconds(300) && quiet.idle >= milliseconds(200) && quiet.idle <= quiet.age;
  }));
}

TEST_F(ConnectionList, AConnectionIsCutOffWhateverItDoes) {
  options.threads = 2;
  start();
  RawClient reading = connect();
  EXPECT_EQ(reading.call(echo("x")), ok("x"));
  RawClient waiting = connect();
  waiting.send(wait_for(3'600'000, "it"));
  RawClient slow = connect(4'096);
  slow.send(fill(8 << 20));
  RawClient other = connect();
  EXPECT_EQ(other.call(echo("x")), ok("x"));
  for (const std::string state : {"waiting", "writing"}) EXPECT_TRUE(network->close_connection(in_state(state).id));
  EXPECT_TRUE(network->close_connection(1));
  EXPECT_EQ(reading.receive_until_eof(), "");
  EXPECT_EQ(waiting.receive_until_eof(), "");
  EXPECT_TRUE(eventually([&] { return network->connections() == 1; }));
  EXPECT_FALSE(network->close_connection(1)) << "it has gone";
  EXPECT_FALSE(network->close_connection(99));
  EXPECT_EQ(other.call(echo("still here")), ok("still here"));
}

TEST_F(ConnectionList, WhoEndsItselfIsAnsweredFirst) {
  start();
  RawClient client = connect();
  client.send(echo("one") + leave() + echo("two"));
  EXPECT_EQ(client.receive(), ok("one"));
  EXPECT_EQ(client.receive(), ok());
  EXPECT_EQ(client.receive_until_eof(), "");
}

// Without this a thread that is stuck would hold everybody up who asks.
TEST_F(ConnectionList, AThreadThatDoesNotAnswerIsLeftOut) {
  options.threads = 2;
  start();
  std::atomic<bool> stuck{false};
  std::atomic<bool> released{false};
  handler.on_action([&] {
    stuck = true;
    released.wait(false);
  });
  RawClient first = connect();
  EXPECT_EQ(first.call(echo("x")), ok("x"));
  RawClient second = connect();
  second.send(run_action());
  EXPECT_TRUE(eventually([&] { return stuck.load(); }));
  const std::vector<ConnectionInfo> answered = network->connection_list();
  ASSERT_EQ(answered.size(), 1U);
  EXPECT_EQ(answered[0].id, 1U);
  released = true;
  released.notify_all();
  EXPECT_EQ(second.receive(), ok());
  EXPECT_EQ(network->connection_list().size(), 2U);
}

TEST_F(ConnectionList, WhoTakesNothingOfItsRepliesIsCutOff) {
  options.reply_timeout = milliseconds(300);
  start();
  RawClient slow = connect(4'096);
  const auto begin = std::chrono::steady_clock::now();
  slow.send(fill(8 << 20));
  EXPECT_EQ(in_state("writing").id, 1U);
  EXPECT_TRUE(eventually([&] { return network->connections() == 0; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, options.reply_timeout);
  EXPECT_EQ(counted(observability::Counter::kTimeouts), 1U);
}

TEST_F(ConnectionList, AnotherBacklogHoldsRequestsBack) {
  options.reply_backlog_max = 16U << 10;
  start();
  RawClient slow = connect(4'096);
  std::string requests;
  for (int i = 0; i < 2'000; ++i) requests += fill(8U << 10);
  slow.send(requests);
  const ConnectionInfo writing = in_state("writing");
  EXPECT_LE(writing.output_bytes, 64U << 10);
  for (int i = 0; i < 2'000; ++i) EXPECT_EQ(slow.receive().payload.size(), 8U << 10);
}

}  // namespace
}  // namespace kv::net
