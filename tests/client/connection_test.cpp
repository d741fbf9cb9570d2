#include "kv/client/connection.hpp"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "kv/client/payload.hpp"
#include "kv/value/build.hpp"

#include "support/base/hex.hpp"
#include "support/client/fake_server.hpp"

namespace kv::client {
namespace {

using namespace std::chrono_literals;
using protocol::Command;
using protocol::Status;
using test::closed_port;
using test::FakePeer;
using test::FakeServer;
using test::unhex;

Connection connect_to(const FakeServer& server, ConnectionOptions options = {}) {
  auto connection = Connection::open("127.0.0.1", server.port(), options);
  if (!connection) throw std::runtime_error(connection.error().message);
  return std::move(connection).value();
}

std::string frame(std::uint8_t tag, ByteView payload) {
  std::string bytes(1, static_cast<char>(tag));
  append_big_endian(bytes, static_cast<std::uint32_t>(payload.size()));
  return bytes.append(payload);
}

TEST(Connection, SendsARequestAndReturnsItsReply) {
  FakeServer server([](FakePeer& peer) {
    EXPECT_EQ(test::hex(peer.read_frame()),
              "010000000"
              "3666f6f");
    peer.write(unhex("00 00000009 01 000000000000002a"));
    EXPECT_EQ(test::hex(peer.read_frame()), "0800000000");
    peer.write(unhex("00 00000004 504f4e47"));
    peer.wait_for_close();
  });
  Connection connection = connect_to(server);
  const auto value = connection.call(Command::kGet, "foo");
  ASSERT_TRUE(value.has_value()) << value.error().message;
  EXPECT_EQ(value->status, Status::kOk);
  EXPECT_EQ(test::hex(value->payload), "01000000000000002a");
  EXPECT_EQ(connection.call(Command::kPing, {})->payload, "PONG");
  EXPECT_EQ(connection.in_flight(), 0U);
}

TEST(Connection, AReplyMayComeInPieces) {
  FakeServer server([](FakePeer& peer) {
    peer.read_frame();
    for (const char byte : unhex("00 00000004 504f4e47")) peer.write(ByteView(&byte, 1));
    peer.wait_for_close();
  });
  Connection connection = connect_to(server);
  EXPECT_EQ(connection.call(Command::kPing, {})->payload, "PONG");
}

TEST(Connection, RefusalsAreReplies) {
  FakeServer server([](FakePeer& peer) {
    for (const std::string& reply :
         {frame(2, "WRONGTYPE expected Int, found String"), frame(3, "KEY"), frame(2, "NEW word"), frame(1, "")}) {
      peer.read_frame();
      peer.write(reply);
    }
    peer.wait_for_close();
  });
  Connection connection = connect_to(server);
  const Reply wrong_type = connection.call(Command::kIncr, "x").value();
  ASSERT_TRUE(wrong_type.is_refusal());
  EXPECT_EQ(refusal_of(wrong_type).word, "WRONGTYPE");
  EXPECT_EQ(refusal_of(wrong_type).sentence, "expected Int, found String");
  EXPECT_EQ(refusal_of(wrong_type).code, Errc::kWrongType);

  const Reply key = connection.call(Command::kGet, "").value();
  EXPECT_EQ(refusal_of(key).word, "KEY");
  EXPECT_EQ(refusal_of(key).sentence, "");
  EXPECT_EQ(refusal_of(key).code, Errc::kKey);

  const Reply unknown = connection.call(Command::kGet, "x").value();
  EXPECT_EQ(refusal_of(unknown).word, "NEW");
  EXPECT_FALSE(refusal_of(unknown).code.has_value());

  const Reply null = connection.call(Command::kGet, "x").value();
  EXPECT_EQ(null.status, Status::kNull);
  EXPECT_FALSE(null.is_refusal());
}

TEST(Connection, APipelineKeepsTheOrder) {
  constexpr int kRequests = 5'000;
  FakeServer server([](FakePeer& peer) {
    for (int i = 0; i < kRequests; ++i) peer.write(frame(0, peer.read_frame().substr(5)));
    peer.wait_for_close();
  });
  Connection connection = connect_to(server);
  for (int i = 0; i < kRequests; ++i) connection.send(Command::kPing, std::to_string(i));
  EXPECT_EQ(connection.in_flight(), std::size_t{kRequests});
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(connection.receive()->payload, std::to_string(i));
  EXPECT_EQ(connection.in_flight(), 0U);
  EXPECT_EQ(connection.unsent_bytes(), 0U);
}

// The peer reads nothing before its own replies are taken: more on both sides than any socket buffer holds.
TEST(Connection, APipelineDeeperThanTheSocketBuffersGoesThrough) {
  constexpr int kRequests = 64;
  const std::string payload(1U << 20, 'x');
  FakeServer server([&](FakePeer& peer) {
    for (int i = 0; i < kRequests; ++i) peer.write(peer.read_frame().replace(0, 1, 1, '\0'));
    peer.wait_for_close();
  });
  Connection connection = connect_to(server);
  for (int i = 0; i < kRequests; ++i) connection.send(Command::kPing, payload);
  EXPECT_GT(connection.unsent_bytes(), payload.size());
  for (int i = 0; i < kRequests; ++i) ASSERT_TRUE(connection.receive()->payload == payload);
}

TEST(Connection, AClosedPortIsUnreachable) {
  const auto connection = Connection::open("127.0.0.1", closed_port());
  ASSERT_FALSE(connection.has_value());
  EXPECT_EQ(connection.error().code, NetErrc::kUnreachable);
  EXPECT_NE(connection.error().message.find("127.0.0.1 port"), std::string::npos);
  EXPECT_NE(connection.error().message.find("refused"), std::string::npos);
}

TEST(Connection, AnAddressThatIsNoneIsUnreachable) {
  const auto connection = Connection::open("256.0.0.1.", 1);
  ASSERT_FALSE(connection.has_value());
  EXPECT_EQ(connection.error().code, NetErrc::kUnreachable);
}

TEST(Connection, ASilentServerTimesOut) {
  FakeServer server([](FakePeer& peer) { peer.wait_for_close(); });
  Connection connection = connect_to(server, {.request_timeout = 50ms});
  const auto reply = connection.call(Command::kPing, {});
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, NetErrc::kTimedOut);
  EXPECT_EQ(reply.error().message, "no answer within 50 ms");
}

TEST(Connection, AServerThatReadsNothingTimesOut) {
  std::promise<void> timed_out;
  FakeServer server([&](FakePeer&) { timed_out.get_future().wait_for(30s); });
  Connection connection = connect_to(server, {.request_timeout = 50ms});
  const auto reply = connection.call(Command::kPing, std::string(64U << 20, 'x'));
  timed_out.set_value();
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, NetErrc::kTimedOut);
}

TEST(Connection, AServerThatClosesMidReplyIsAnErrorForGood) {
  const std::string reply = unhex("00 00000004 504f4e47");
  for (std::size_t sent = 0; sent < reply.size(); ++sent) {
    FakeServer server([&](FakePeer& peer) {
      peer.read_frame();
      peer.write(ByteView(reply).substr(0, sent));
    });
    Connection connection = connect_to(server);
    const auto first = connection.call(Command::kPing, {});
    ASSERT_FALSE(first.has_value()) << sent;
    EXPECT_EQ(first.error().code, NetErrc::kClosed) << sent;
    connection.send(Command::kPing, {});
    EXPECT_EQ(connection.receive().error().code, NetErrc::kClosed) << sent;
  }
}

TEST(Connection, AResetIsAnError) {
  FakeServer server([](FakePeer& peer) {
    peer.read_frame();
    peer.reset();
  });
  Connection connection = connect_to(server);
  EXPECT_EQ(connection.call(Command::kPing, {}).error().code, NetErrc::kClosed);
}

TEST(Connection, RepliesThatCameBeforeTheEndAreDelivered) {
  FakeServer server([](FakePeer& peer) {
    for (int i = 0; i < 3; ++i) peer.read_frame();
    peer.write(frame(0, "one") + frame(3, "TOOLARGE the payload is over the limit"));
  });
  Connection connection = connect_to(server);
  for (int i = 0; i < 3; ++i) connection.send(Command::kPing, {});
  EXPECT_EQ(connection.receive()->payload, "one");
  EXPECT_TRUE(connection.receive()->is_refusal());
  EXPECT_EQ(connection.receive().error().code, NetErrc::kClosed);
}

// The server refuses on the header alone and closes its side while this one still sends.
TEST(Connection, AnAnswerInTheMiddleOfARequestIsDelivered) {
  FakeServer server([](FakePeer& peer) {
    peer.read(5);
    peer.write(frame(3, "TOOLARGE the payload is over the limit"));
    peer.wait_for_close();
  });
  Connection connection = connect_to(server);
  const auto reply = connection.call(Command::kPing, std::string(64U << 20, 'x'));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(refusal_of(*reply).word, "TOOLARGE");
}

TEST(Connection, AnotherProtocolIsGarbage) {
  FakeServer server([](FakePeer& peer) {
    peer.read_frame();
    peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.wait_for_close();
  });
  Connection connection = connect_to(server);
  EXPECT_EQ(connection.call(Command::kPing, {}).error().code, NetErrc::kGarbage);
}

TEST(Connection, MovesWithItsBuffers) {
  FakeServer other([](FakePeer& peer) { peer.wait_for_close(); });
  FakeServer server([](FakePeer& peer) {
    for (int i = 0; i < 2; ++i) peer.read_frame();
    peer.write(frame(0, "one") + frame(0, "two"));
    peer.wait_for_close();
  });
  Connection first = connect_to(server);
  first.send(Command::kPing, {});
  first.send(Command::kPing, {});
  EXPECT_EQ(first.receive()->payload, "one");
  Connection second = std::move(first);
  EXPECT_EQ(second.receive()->payload, "two");
  second = connect_to(other);  // and the first one is closed
}

TEST(PayloadReader, TakesFieldsToTheEnd) {
  const std::string payload =
      Payload().u16(2).u32(3).u64(4).key("key").raw(value::encode_int(5)).raw("\x08\x01rest").bytes();
  PayloadReader reader(payload);
  EXPECT_EQ(reader.take<std::uint16_t>(), 2);
  EXPECT_EQ(reader.take<std::uint32_t>(), 3U);
  EXPECT_EQ(reader.take<std::uint64_t>(), 4U);
  EXPECT_EQ(reader.take_key(), "key");
  EXPECT_EQ(reader.take_value().as_int(), 5);
  EXPECT_FALSE(reader.done());
  EXPECT_TRUE(reader.good());
  EXPECT_EQ(reader.take<std::uint8_t>(), 8);
  EXPECT_TRUE(reader.take_bool());
  EXPECT_FALSE(reader.done());
  EXPECT_EQ(reader.take_rest(), "rest");
  EXPECT_TRUE(reader.done());
}

TEST(PayloadReader, IsBadForGoodOncePastTheEnd) {
  PayloadReader integers("\x01\x02\x03");
  EXPECT_EQ(integers.take<std::uint32_t>(), 0U);
  EXPECT_EQ(integers.take<std::uint8_t>(), 0);
  EXPECT_FALSE(integers.good());
  EXPECT_FALSE(integers.done());

  PayloadReader key(
      ByteView("\0\x05"
               "abcd",
               6));
  EXPECT_EQ(key.take_key(), "");
  EXPECT_FALSE(key.good());

  PayloadReader value("\x09");
  EXPECT_EQ(value.take_value().type, value::ValueType::kNull);
  EXPECT_FALSE(value.good());

  PayloadReader boolean("\x02");
  EXPECT_FALSE(boolean.take_bool());
  EXPECT_FALSE(boolean.good());

  EXPECT_TRUE(PayloadReader("").done());
}

}  // namespace
}  // namespace kv::client
