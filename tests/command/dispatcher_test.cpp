// From a frame to its reply: the order of checks, the weight of requests, what is counted.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kv/engine/mutation.hpp"

#include "command/test_server.hpp"
#include "support/base/random.hpp"

namespace kv::test {
namespace {

using namespace value;  // NOLINT(google-build-using-namespace): the values that tests write
using protocol::Weight;

class DispatcherTest : public CommandTest {
 protected:
  Weight weigh(protocol::Command command, std::size_t payload_bytes) {
    const std::string payload(payload_bytes, 'x');
    return dispatcher.weigh({static_cast<std::uint8_t>(command), payload});
  }
};

TEST_F(DispatcherTest, AnUnknownCommandByteIsSaidWhateverThePayload) {
  for (const int byte : {0x00, 0x1C, 0x20, 0x29, 0x30, 0x8F, 0xFF}) {
    EXPECT_EQ(run(frame(static_cast<std::uint8_t>(byte), "")), invalid("COMMAND"));
    EXPECT_EQ(run(frame(static_cast<std::uint8_t>(byte), "\xFF\xFF")), invalid("COMMAND"));
  }
}

TEST_F(DispatcherTest, ThePayloadIsCheckedToItsLastByteBeforeAnyKeyIsLookedAt) {
  run(set("key", encode_string("text")));
  using enum protocol::Command;
  // The key holds the wrong type, another owner's lock, nothing at all: not one of these is even looked at.
  EXPECT_EQ(run(frame(kIncr, sized("key") + u64(1) + "x")), invalid("FRAME"));
  EXPECT_EQ(run(frame(kAdd, sized("key") + encode_string("no number") + "x")), invalid("FRAME"));
  EXPECT_EQ(run(frame(kUnlock, sized("key") + sized("owner") + "x")), invalid("FRAME"));
  EXPECT_EQ(run(frame(kCas, sized("absent") + encode_int(1) + encode_int(2) + u64(0) + "x")), invalid("FRAME"));
  // Of two faults the first is said.
  EXPECT_EQ(run(frame(kLock, sized("") + sized("") + u64(~std::uint64_t{0}))), invalid("KEY"));
  EXPECT_EQ(run(frame(kLock, sized("key") + sized("") + u64(~std::uint64_t{0}) + "x")), invalid("ARGUMENT"));
}

TEST_F(DispatcherTest, AReplyIsAppendedToWhatIsThere) {
  ByteBuffer out;
  for (const std::string& request : {set("a", encode_int(1)), get("a"), get(""), get("b"), frame(0xFF)}) {
    ByteView bytes = request;
    protocol::Frame taken;
    ASSERT_EQ(protocol::take_frame(bytes, kPayloadBytesDefault, taken), protocol::FrameState::kComplete);
    handle(taken, out);
  }
  std::vector<Reply> replies;
  ByteView rest = out.view();
  for (protocol::Frame taken;
       protocol::take_frame(rest, kPayloadBytesDefault, taken) == protocol::FrameState::kComplete;) {
    replies.push_back({static_cast<protocol::Status>(taken.tag), std::string(taken.payload)});
  }
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(replies, (std::vector{ok(), ok(encode_int(1)), invalid("KEY"), null(), invalid("COMMAND")}));
}

TEST_F(DispatcherTest, TimeIsWhatTheSessionSays) {
  ByteBuffer out;
  const std::string payload = sized("key") + u64(1'000) + encode_int(1);
  const protocol::Frame request{static_cast<std::uint8_t>(protocol::Command::kSet), payload};
  dispatcher.handle(request, *caller, clock.now() + 500, Weight::kLight, out);
  expect_holds("key", encode_int(1), 1'500);
}

TEST_F(DispatcherTest, RefusesWithAnErrorThatIsCounted) {
  ByteBuffer out;
  dispatcher.refuse({Errc::kBusy, "too many connections"}, out);
  EXPECT_EQ(decode_reply(out.view()), error("BUSY"));
  EXPECT_EQ(counters.totals().errors[static_cast<std::size_t>(Errc::kBusy)], 1U);
}

TEST_F(DispatcherTest, WeighsWhatMayTakeLong) {
  using enum protocol::Command;
  EXPECT_EQ(weigh(kGet, 10), Weight::kBrief);
  EXPECT_EQ(weigh(kPing, 0), Weight::kBrief);
  EXPECT_EQ(weigh(kSet, 1'000), Weight::kBrief);
  EXPECT_EQ(weigh(kSet, 10'000), Weight::kLight);
  EXPECT_EQ(weigh(kSet, kHeavyPayloadBytes - 1), Weight::kLight);
  EXPECT_EQ(weigh(kFlush, 0), Weight::kHeavy);
  EXPECT_EQ(weigh(kInfo, 0), Weight::kLight);
  EXPECT_EQ(weigh(kAcquire, 30), Weight::kLight);
  EXPECT_EQ(weigh(kMset, 1'000), Weight::kLight);
  EXPECT_EQ(weigh(kMset, 100'000), Weight::kHeavy);
  EXPECT_EQ(weigh(kMget, 100'000), Weight::kHeavy);
  EXPECT_EQ(weigh(kScan, 20), Weight::kLight);
  EXPECT_EQ(weigh(kScan, 1'000), Weight::kHeavy) << "a long pattern";
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(weigh(static_cast<protocol::Command>(byte), kHeavyPayloadBytes), Weight::kHeavy) << byte;
  }
  EXPECT_EQ(weigh(static_cast<protocol::Command>(0xFF), 10), Weight::kBrief);
}

TEST_F(DispatcherTest, PrefetchTakesFramesOfAnyKind) {
  Random random;
  run(set("key", encode_int(1)));
  std::vector<std::string> payloads;
  std::vector<protocol::Frame> frames;
  for (int i = 0; i < 300; ++i) {
    std::string& payload = payloads.emplace_back(random.below(30), '\0');
    for (char& c : payload) c = static_cast<char>(random.next());
  }
  for (const std::string& payload : payloads)
    frames.push_back({static_cast<std::uint8_t>(random.below(0x20)), payload});
  dispatcher.prefetch(frames);
  dispatcher.prefetch({});
  EXPECT_EQ(run(get("key")), ok(encode_int(1)));
}

TEST_F(DispatcherTest, WritesAreRefusedWhileTheServerIsReadOnly) {
  const std::string one = encode_int(1);
  run(set("key", one, 1'000));
  run(lock("lock", "owner", 1'000));
  const std::vector<std::string> writes{
      set("key", one), del("key"), incr("key"), decr("key"), add("key", one), cas("key", one, one), setnx("new", one),
      swap("key", one), take("key"), lock("new", "owner"), unlock("lock", "owner"), extend("lock", "owner"),
      acquire("new", "owner"), acquire("key", "owner", 0, 1'000), mset({{"key", one}}), mdel({"key", "absent"}),
      expire("key", 1), persist("key"), flush(),
      // What is refused is not looked at: none of these would change anything.
      del("absent"), unlock("key", "owner"), incr("lock")};
  read_only = true;
  for (const std::string& write : writes) EXPECT_EQ(run(write), error("READONLY")) << static_cast<int>(write[0]);
  EXPECT_EQ(run(frame(protocol::Command::kSet, sized("key") + "x")), invalid("FRAME")) << "the payload comes first";
  // Reads and all else go on, and find what was there.
  EXPECT_EQ(keys({}).size(), 2U);
  EXPECT_EQ(run(mget({"key"})).status, protocol::Status::kOk);
  EXPECT_EQ(run(exists("lock")), ok_bool(true));
  EXPECT_EQ(run(type("key")).status, protocol::Status::kOk);
  EXPECT_EQ(run(ping()), ok("PONG"));
  EXPECT_EQ(run(info()).status, protocol::Status::kOk);
  EXPECT_EQ(run(lastsave()), ok_u64(0));
  EXPECT_EQ(run(snapshot()), error("INTERNAL"));
  EXPECT_EQ(engine.usage().waiters, 0U);
  expect_holds("key", one, 1'000);
  EXPECT_EQ(counters.totals().errors[static_cast<std::size_t>(Errc::kReadOnly)], writes.size());
  read_only = false;
  EXPECT_EQ(run(del("key")), ok_bool(true));
}

// What a reply depends on, by way of every kind of command. That is the last record of the keys that it
// named, or of all that it looked through.
TEST(DispatcherLsn, AReplyDependsOnWhatItsCommandRecordedOrSaw) {
  class Sink final : public engine::MutationSink {
   public:
    Lsn record(std::span<const engine::Mutation>) noexcept override { return Lsn{++last}; }
    bool reads_depend_on_log() const override { return true; }
    std::uint64_t last = 0;
  };
  Sink sink;
  ManualClock clock;
  engine::Engine engine({.shards = 1});
  engine.set_mutation_sink(&sink);
  observability::Counters counters;
  ScriptedAdministration administration;
  security::Users users(command::command_infos());
  security::Authenticator authenticator(users, clock);
  command::Dispatcher dispatcher({engine, clock, counters, administration, users, authenticator, {}});
  const auto caller = dispatcher.connect({});
  ByteBuffer out;
  const auto handle = [&](const std::string& request) {
    return dispatcher.handle({static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)}, *caller, clock.now(),
                             Weight::kLight, out);
  };
  const auto lsn_of = [&](const std::string& request) { return number(handle(request).lsn); };

  EXPECT_EQ(lsn_of(ping()), 0U);
  EXPECT_EQ(lsn_of(set("key", encode_int(1))), 1U);
  EXPECT_EQ(lsn_of(get("key")), 1U);
  EXPECT_EQ(lsn_of(mset({{"a", encode_int(1)}, {"b", encode_int(2)}})), 2U) << "one record";
  EXPECT_EQ(lsn_of(mget({"absent"})), 0U);
  EXPECT_EQ(lsn_of(mget({"absent", "a"})), 2U);
  EXPECT_EQ(lsn_of(scan(0, 0, "")), 2U);
  EXPECT_EQ(lsn_of(swap("a", encode_bytes(std::string(5'000, 'x')))), 3U);
  EXPECT_EQ(lsn_of(take("a")), 4U);
  EXPECT_EQ(lsn_of(lock("lock", "owner")), 5U);
  EXPECT_EQ(lsn_of(incr("lock")), 5U) << "WRONGTYPE tells of what is there, too";
  EXPECT_EQ(lsn_of(get("")), 0U) << "nothing was looked at";

  const protocol::Handled waits = handle(acquire("lock", "next", 0, 1'000));
  ASSERT_NE(waits.pending, nullptr);
  const protocol::Handled gives_up = handle(acquire("lock", "third", 0, 1'000));
  EXPECT_EQ(lsn_of(unlock("lock", "owner")), 6U);
  EXPECT_EQ(number(waits.pending->complete(out)), 6U) << "the grant";
  EXPECT_EQ(lsn_of(set("key", encode_int(2))), 7U);
  EXPECT_EQ(number(gives_up.pending->withdraw(out)), 6U) << "who holds the lock now";
  engine.set_mutation_sink(nullptr);
}

TEST_F(DispatcherTest, ALargeReplyIsMadeElsewhereAndCountedOnce) {
  run(set("key", encode_bytes(std::string(kHeavyPayloadBytes / 2, 'x'))));
  const std::string request = mget({"key", "key", "absent"});
  const protocol::Frame taken{static_cast<std::uint8_t>(protocol::Command::kMget), ByteView(request).substr(5)};
  EXPECT_EQ(dispatcher.weigh(taken), Weight::kLight);
  ByteBuffer out;
  EXPECT_TRUE(dispatcher.handle(taken, *caller, clock.now(), Weight::kLight, out).is_heavy);
  EXPECT_TRUE(out.empty());
  EXPECT_FALSE(dispatcher.handle(taken, *caller, clock.now(), Weight::kHeavy, out).is_heavy);
  EXPECT_GT(out.size(), kHeavyPayloadBytes);
  EXPECT_EQ(counters.totals().commands[taken.tag].calls(), 1U);
  EXPECT_EQ(counters.totals()[observability::Counter::kHits], 2U);
  EXPECT_EQ(counters.totals()[observability::Counter::kMisses], 1U);
  EXPECT_FALSE(handle({static_cast<std::uint8_t>(protocol::Command::kMget), ByteView(mget({"absent"})).substr(5)}, out)
                   .is_heavy);
}

TEST_F(DispatcherTest, CountsEveryCommandByHowItWasAnswered) {
  const auto counted = [&](protocol::Command command) {
    return counters.totals().commands[static_cast<std::uint8_t>(command)];
  };
  const auto failed = [&](protocol::Command command, Errc code) {
    return counted(command).replies[static_cast<std::size_t>(code)];
  };
  using enum protocol::Command;
  run(set("key", encode_string("text")));
  for (const char* key : {"key", "key", "absent", ""}) run(get(key));
  run(incr("key"));
  EXPECT_EQ(failed(kSet, Errc::kOk), 1U);
  EXPECT_EQ(failed(kGet, Errc::kOk), 2U);
  EXPECT_EQ(counted(kGet).nulls, 1U);
  EXPECT_EQ(failed(kGet, Errc::kKey), 1U);
  EXPECT_EQ(counted(kGet).calls(), 4U);
  EXPECT_EQ(failed(kIncr, Errc::kWrongType), 1U);
  // Bytes that no command has count together.
  run(frame(0x20));
  run(frame(0xFF));
  EXPECT_EQ(failed(static_cast<protocol::Command>(0), Errc::kUnknownCommand), 2U);
  EXPECT_EQ(counters.totals().commands.contains(0xFF), false);
  // What waits counts when it is answered.
  run(lock("lock", "owner", 1'000));
  ByteBuffer out;
  const std::string request = acquire("lock", "next", 0, 1'000);
  const protocol::Handled waits = handle({static_cast<std::uint8_t>(kAcquire), ByteView(request).substr(5)}, out);
  ASSERT_NE(waits.pending, nullptr);
  EXPECT_EQ(counted(kAcquire).calls(), 0U);
  waits.pending->complete(out);
  EXPECT_EQ(failed(kAcquire, Errc::kOk), 1U);
}

TEST_F(DispatcherTest, SharesTheTimeOfALapAmongItsRequests) {
  using namespace std::chrono_literals;
  const auto frame_of = [](protocol::Command command) {
    return protocol::Frame{static_cast<std::uint8_t>(command), "key"};
  };
  using enum protocol::Command;
  const std::vector<protocol::Frame> lap{frame_of(kGet), frame_of(kGet), frame_of(kSet), frame_of(kGet),
                                         protocol::Frame{0xFF, ""}};
  dispatcher.timed(lap, *caller, 5us);
  auto commands = counters.totals().commands;
  const auto latency = [&](protocol::Command command) { return commands[static_cast<std::uint8_t>(command)].latency; };
  EXPECT_EQ(latency(kGet).count(), 3U);
  EXPECT_EQ(latency(kGet).sum_ns, 3'000U);
  EXPECT_EQ(latency(kSet).count(), 1U);
  EXPECT_EQ(latency(kSet).sum_ns, 1'000U);
  EXPECT_EQ(latency(static_cast<protocol::Command>(0)).count(), 1U) << "under no command's byte";
  EXPECT_EQ(commands.contains(0xFF), false);
}

TEST_F(DispatcherTest, WhatTookLongerThanTheThresholdIsKept) {
  using namespace std::chrono_literals;
  const std::vector<protocol::Frame> lap{{0x01, "first"}, {0x01, "second"}};
  dispatcher.timed(lap, *caller, slow_log.threshold());
  EXPECT_EQ(slow_log.size(), 0U) << "not over the threshold";
  dispatcher.timed(lap, *caller, slow_log.threshold() + 1ms);
  const auto kept = slow_log.last(10);
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].took, slow_log.threshold() + 1ms);
  EXPECT_EQ(kept[0].requests, 2U);
  EXPECT_EQ(kept[0].key, "first");
  EXPECT_EQ(kept[0].connection, 7U);
}

// Any bytes as a payload: one reply, an error of the protocol or a success, and the server goes on.
TEST_F(DispatcherTest, AnyBytesGetOneReply) {
  Random random;
  for (int i = 0; i < 20'000; ++i) {
    const auto byte = static_cast<std::uint8_t>(random.below(0x1E));
    std::string payload(random.below(40), '\0');
    for (char& c : payload) c = static_cast<char>(random.one_in(3) ? random.next() : random.below(4));
    // ACQUIRE may wait.
    if (byte != static_cast<std::uint8_t>(protocol::Command::kAcquire)) run(frame(byte, payload));
    ASSERT_FALSE(HasFailure()) << static_cast<int>(byte) << " " << ok(payload);
  }
  EXPECT_EQ(run(ping()), ok("PONG"));
}

}  // namespace
}  // namespace kv::test
