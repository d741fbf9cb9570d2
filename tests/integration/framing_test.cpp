// Frames: unknown commands, pipelines cut anywhere, and payloads up to and over the limit.
#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "kv/base/limits.hpp"

#include "integration/command_table.hpp"
#include "integration/server_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

constexpr std::uint32_t kPayloadBytesMax = 64U << 20;
constexpr std::uint8_t kSet = 0x02;
constexpr std::uint8_t kPing = 0x08;

using Framing = ServerTest;

// One request of every kind, and what it must answer on an empty server.
struct Step {
  std::string request;
  Reply reply;
};

std::vector<Step> steps() {
  const std::string map = map_of({{"a", list_of({encode_decimal("1.50"), encode_null()})}});
  return {
      {ping(), ok("PONG")},
      {set("foo", encode_int(42)), ok()},
      {get("foo"), ok(encode_int(42))},
      {frame(0xEE, "junk"), invalid("COMMAND")},
      {set("", encode_int(1)), invalid("KEY")},
      {mset({{"a", map}, {"b", encode_float(0.5)}}), ok()},
      {mget({"a", "nope", "b"}), ok_values({map, encode_null(), encode_float(0.5)})},
      {incr("b"), error("WRONGTYPE")},
      {cas("foo", encode_int(1), encode_int(2)), ok_not_swapped(encode_int(42))},
      {lock("lock", "me"), ok_bool(true)},
      {unlock("lock", "you"), error("LOCKED")},
      {acquire("lock", "you", 0, 1), Reply{}},  // its remaining time isn't known
      {ping("\xFF\xFE"), ok("\xFF\xFE")},
      {flush(), ok_u64(4)},
      {flush(), ok_u64(0)},
  };
}

constexpr std::size_t kAcquireStep = 11;

void expect_all(const std::vector<Step>& steps, const std::vector<Reply>& replies) {
  ASSERT_EQ(replies.size(), steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (i == kAcquireStep) {
      EXPECT_EQ(replies[i].payload.size(), 9U);
    } else {
      EXPECT_EQ(replies[i], steps[i].reply) << "request " << i;
    }
  }
}

TEST_F(Framing, EveryByteThatIsNoCommandIsUnknown) {
  const std::vector<CommandInfo> commands = read_command_table();
  int unknown = 0;
  for (int byte = 0; byte < 256; ++byte) {
    const auto command = static_cast<std::uint8_t>(byte);
    if (std::ranges::find(commands, command, &CommandInfo::byte) != commands.end()) continue;
    EXPECT_EQ(call(frame(command)), invalid("COMMAND")) << byte;
    EXPECT_EQ(call(frame(command, "any \xFF payload")), invalid("COMMAND")) << byte;
    ++unknown;
  }
  EXPECT_EQ(unknown, 256 - 39);
  EXPECT_EQ(call(ping()), ok("PONG"));
}

TEST_F(Framing, APipelineCutAtEveryByteAnswersTheSame) {
  const std::vector<Step> all = steps();
  std::string requests;
  std::vector<std::size_t> ends;
  for (const Step& step : all) {
    requests += step.request;
    ends.push_back(requests.size());
  }
  for (std::size_t cut = 1; cut < requests.size(); ++cut) {
    SCOPED_TRACE(cut);
    client_.send(ByteView(requests).substr(0, cut));
    // The server has read the first part when it has answered every frame that ends in it.
    const auto whole = static_cast<std::size_t>(std::ranges::upper_bound(ends, cut) - ends.begin());
    std::vector<Reply> replies = client_.receive(whole);
    client_.send(ByteView(requests).substr(cut));
    for (Reply& reply : client_.receive(all.size() - whole)) replies.push_back(std::move(reply));
    expect_all(all, replies);
  }
  EXPECT_TRUE(client_.is_quiet());
}

TEST_F(Framing, APipelineSentByteByByteAnswersTheSame) {
  const std::vector<Step> all = steps();
  std::string requests;
  for (const Step& step : all) requests += step.request;
  client_.send_bytewise(requests);
  expect_all(all, client_.receive(all.size()));
}

TEST_F(Framing, AFrameThatNeverEndsGetsNoAnswerButThoseBeforeItDo) {
  const std::string request = set("foo", encode_int(42));
  for (std::size_t cut = 0; cut < request.size(); ++cut) {
    RawClient client = connect();
    client.send(ping() + request.substr(0, cut));
    client.half_close();
    EXPECT_EQ(client.receive(), ok("PONG"));
    EXPECT_EQ(client.receive_until_eof(), "");
  }
  EXPECT_EQ(call(exists("foo")), ok_bool(false));
}

TEST_F(Framing, AHundredThousandRequestsInOnePipelineAreAnsweredInOrder) {
  const int count = 100'000 / kSlowness;
  std::string requests;
  for (int i = 0; i < count; ++i) requests += incr("k") + ping(std::to_string(i));
  const std::vector<Reply> replies = client_.pipeline(requests, 2 * static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    ASSERT_EQ(replies[2 * static_cast<std::size_t>(i)], ok_i64(i + 1));
    ASSERT_EQ(replies[2 * static_cast<std::size_t>(i) + 1], ok(std::to_string(i)));
  }
}

TEST_F(Framing, APayloadOf64MiBIsServedBothWays) {
  std::string payload(kPayloadBytesMax, 'x');
  payload.front() = '<';
  payload.back() = '>';
  const std::string request = frame(kPing, payload);
  const std::vector<Reply> replies = client_.pipeline(request + ping("after"), 2);
  EXPECT_EQ(replies[0], ok(payload));
  EXPECT_EQ(replies[1], ok("after"));
}

TEST_F(Framing, AValueThatFillsAFrameCanBeStoredAndReadBack) {
  // The request adds 2 + 1 bytes of key, 8 of ttl and 5 of type and length to the bytes of the value.
  const std::string value = encode_bytes(std::string(kPayloadBytesMax - 16, 'v'));
  const std::string request = set("k", value);
  ASSERT_EQ(request.size(), 5 + std::size_t{kPayloadBytesMax});
  EXPECT_EQ(call(request), ok());
  EXPECT_EQ(call(get("k")), ok(value));
  EXPECT_EQ(call(swap("k", encode_int(1))), ok(value));
}

TEST_F(Framing, OneByteOverTheLimitIsTooLargeOnTheHeaderAlone) {
  for (const std::uint32_t size : {kPayloadBytesMax + 1, 0x7FFF'FFFFU, 0xFFFF'FFFFU}) {
    RawClient client = connect();
    client.send(ping() + header(kSet, size));
    EXPECT_EQ(client.receive(), ok("PONG"));
    EXPECT_EQ(client.receive(), invalid("TOOLARGE"));
    EXPECT_EQ(client.receive_until_eof(), "");
  }
  EXPECT_EQ(call(ping()), ok("PONG"));
}

TEST_F(Framing, TooLargeComesBeforeAnUnknownCommand) {
  client_.send(header(0xFF, kPayloadBytesMax + 1));
  EXPECT_EQ(client_.receive(), invalid("TOOLARGE"));
  EXPECT_EQ(client_.receive_until_eof(), "");
}

TEST_F(Framing, NoResetEatsTheAnswerOfTooLargeThoughThePeerGoesOnSending) {
  const std::string request = header(kSet, kPayloadBytesMax + 1) + std::string(4 << 20, 'x');
  const auto is_answered = [&] {
    try {
      RawClient client = connect();
      client.send(request);
      return client.receive() == invalid("TOOLARGE") && client.receive_until_eof().empty();
    } catch (const std::runtime_error&) {
      return false;
    }
  };
  for (int answered = 0; answered < 10;) {
    const auto begin = std::chrono::steady_clock::now();
    if (is_answered()) {
      ++answered;
    } else {
      // The server listens for so long; a peer that something else has kept from sending may come too late.
      ASSERT_GE(std::chrono::steady_clock::now() - begin, kLingerMax);
    }
  }
}

TEST_F(Framing, AfterTooLargeTheServerClosesThoughThePeerDoesNot) {
  EXPECT_EQ(call(ping()), ok("PONG"));
  const std::size_t fds_before = server_.open_fds();
  RawClient peer = connect();
  peer.send(header(kSet, kPayloadBytesMax + 1));
  EXPECT_EQ(peer.receive(), invalid("TOOLARGE"));
  EXPECT_TRUE(eventually([&] { return server_.open_fds() == fds_before; }));
}

TEST_F(Framing, NothingAfterATooLargeFrameIsRun) {
  client_.send(header(kSet, kPayloadBytesMax + 1) + set("after", encode_int(1)));
  EXPECT_EQ(client_.receive(), invalid("TOOLARGE"));
  EXPECT_EQ(client_.receive_until_eof(), "");
  RawClient other = connect();
  EXPECT_EQ(other.call(exists("after")), ok_bool(false));
}

class SmallFrames : public ServerTest {
 protected:
  SmallFrames() : ServerTest({"--max-payload", "64KiB"}) {}
};

TEST_F(SmallFrames, TheLimitIsTheFlags) {
  const std::string fits(64U << 10, 'p');
  EXPECT_EQ(call(ping(fits)), ok(fits));
  client_.send(header(kPing, (64U << 10) + 1));
  EXPECT_EQ(client_.receive(), invalid("TOOLARGE"));
  EXPECT_EQ(client_.receive_until_eof(), "");
}

}  // namespace
}  // namespace kv::test
