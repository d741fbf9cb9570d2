// What happens when memory runs out: each allocation that a command makes fails in its turn.
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kv/engine/mutation.hpp"

#include "command/test_server.hpp"
#include "support/heap/heap.hpp"

namespace kv::test {
namespace {

using namespace value;  // NOLINT(google-build-using-namespace): the values that tests write

const std::string kOne = encode_int(1);
const std::string kLarge = encode_bytes(std::string(5'000, 'x'));
const std::string kLarger = encode_bytes(std::string(50'000, 'x'));
const std::string kLargest = encode_bytes(std::string(kReplyTailBytesMin, 'x'));

// Everything that a client can see.
std::map<std::string, std::pair<std::string, std::int64_t>> contents(TestServer& server) {
  std::map<std::string, std::pair<std::string, std::int64_t>> all;
  for (const std::string& key : server.keys()) {
    all[key] = {server.run(get(key)).payload, server.run(ttl(key)).i64()};
  }
  return all;
}

void set_up(TestServer& server) {
  server.run(mset({{"int", kOne},
                   {"small", encode_string("text")},
                   {"large", kLarge},
                   {"larger", kLarger},
                   {"largest", kLargest}}));
  server.run(set("passing", kOne, 1'000));
  server.run(set("decimal", encode_decimal("0.1")));
  server.run(lock("lock", "owner", 5'000));
  server.run(set("expired", kLarge, 1));
  server.advance(1);
}

// A request with its nth allocation failing either succeeds all the same or fails as if it had never been.
void expect_all_or_nothing(const std::string& request) {
  bool failed = true;
  for (std::size_t nth = 0; failed; ++nth) {
    TestServer server;
    set_up(server);
    const auto before = contents(server);
    ByteView bytes = request;
    protocol::Frame taken;
    ASSERT_EQ(protocol::take_frame(bytes, kPayloadBytesDefault, taken), protocol::FrameState::kComplete);
    ByteBuffer out;
    protocol::Handled handled;
    {
      const FailingAllocation failing(nth);
      handled = server.handle(taken, out);
      failed = failing.happened();
    }
    append_tail(handled, out);
    const Reply reply = decode_reply(out.view());
    if (reply == error("OOM")) {
      EXPECT_TRUE(failed);
      EXPECT_EQ(contents(server), before) << "allocation " << nth;
    }
    // Nothing is broken: the request works now.
    EXPECT_NE(server.run(request), error("OOM"));
    EXPECT_NE(server.run(ping()), error("OOM"));
    server.run(flush());
    EXPECT_EQ(server.engine.usage().data_bytes, 0U);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(OutOfMemory, ACommandSucceedsOrChangesNothing) {
  const std::string long_key(3'000, 'k');
  const std::vector<std::string> requests{
      get("larger"),
      get("largest"),
      set("int", kLarger),
      set("new", kOne),
      set("new", kLarge, 10),
      set("large", encode_string("small now")),
      set(long_key, kOne),
      set("d", list_of({encode_decimal("+1e3"), encode_decimal("+1e4")})),
      set("m", map_of({{"a", kOne}, {"b", kOne}, {"c", kLarge}})),
      del("large"),
      del("int"),
      setnx("new", kLarge),
      swap("large", kOne),
      swap("larger", kLarge),
      swap("largest", kLarger),
      take("larger"),
      take("largest"),
      take("small"),
      cas("int", kOne, kLarge),
      cas("large", kLarge, kLarger),
      cas("larger", kOne, kOne),
      cas("largest", kOne, kOne),
      incr("int"),
      incr("new"),
      add("decimal", encode_decimal("0." + std::string(999, '1'))),
      lock("new", "owner"),
      lock(long_key, std::string(3'000, 'o')),
      unlock("lock", "owner"),
      extend("lock", "owner"),
      acquire("new", "owner"),
      mget({"int", "large", "larger", "absent", "largest"}),
      mget({"largest", "largest", "largest", "largest", "int"}),
      mexists({"int", "large"}),
      mset({{"new", kLarge}}),
      mdel({"int", "large", "small", "larger", "absent"}),
      expire("int", 500),
      expire("large", 500),
      expire("int", 0),
      ttl("passing"),
      persist("passing"),
      scan(0, 1'000, "*[a-z]*"),
      flush(),
      info(),
      ping(std::string(10'000, 'x')),
      set("expired", kOne),
      frame(0xFF),
  };
  for (const std::string& request : requests) {
    SCOPED_TRACE("command " + std::to_string(request[0]) + ", " + request.substr(5, 60));
    expect_all_or_nothing(request);
  }
}

// The line of waiters stays whole too.
TEST(OutOfMemory, AWaiterStandsInLineOrDoesNot) {
  bool failed = true;
  for (std::size_t nth = 0; failed; ++nth) {
    TestServer server;
    set_up(server);
    const std::string request = acquire("lock", "waiter", 0, 60'000);
    ByteBuffer out;
    std::unique_ptr<protocol::PendingReply> pending;
    {
      const FailingAllocation failing(nth);
      pending = server.handle({static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)}, out).pending;
      failed = failing.happened();
    }
    EXPECT_EQ(pending == nullptr, !out.empty());
    EXPECT_EQ(server.engine.usage().waiters, pending == nullptr ? 0U : 1U);
    EXPECT_EQ(server.run(unlock("lock", "owner")), ok_bool(true));
    EXPECT_EQ(server.run(exists("lock")), ok_bool(pending != nullptr)) << "the one in line holds it";
  }
}

// A removal that can't hand the key over hasn't removed it, nor any other.
TEST(OutOfMemory, AKeyIsHandedOverOrStays) {
  for (const std::string& request : {del("large"), flush()}) {
    bool failed = true;
    for (std::size_t nth = 0; failed; ++nth) {
      TestServer server;
      set_up(server);
      const auto on_large = server.start(acquire("large", "waiter", 0, 60'000));
      const auto on_lock = server.start(acquire("lock", "next", 0, 60'000));
      const auto expected = contents(server);
      ByteBuffer out;
      {
        const FailingAllocation failing(nth);
        server.handle({static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)}, out);
        failed = failing.happened();
      }
      const bool removed = decode_reply(out.view()) != error("OOM");
      EXPECT_EQ(server.run(get("large")), ok(removed ? encode_string("waiter") : kLarge)) << nth;
      if (removed && request == flush()) {
        EXPECT_EQ(server.run(get("lock")), ok(encode_string("next"))) << nth;
        EXPECT_EQ(server.keys().size(), 2U) << nth;
      } else if (!removed) {
        EXPECT_EQ(contents(server), expected) << nth;
      }
    }
  }
}

// Keeps what it is told in memory that it took before.
class ArenaSink final : public engine::MutationSink {
 public:
  ArenaSink() {
    arena_.reserve(kArenaBytes);
    mutations_.reserve(100);
  }
  Lsn record(std::span<const engine::Mutation> mutations) noexcept override {
    for (engine::Mutation kept : mutations) {
      kept.key = keep(kept.key);
      kept.value.data = keep(kept.value.data);
      kept.large = nullptr;
      mutations_.push_back(kept);
    }
    return Lsn{++last_};
  }
  bool reads_depend_on_log() const override { return false; }
  const std::vector<engine::Mutation>& mutations() const { return mutations_; }

 private:
  static constexpr std::size_t kArenaBytes = 1U << 20;
  ByteView keep(ByteView bytes) {
    EXPECT_LE(arena_.size() + bytes.size(), kArenaBytes);
    const std::size_t at = arena_.size();
    arena_.append(bytes);
    return ByteView(arena_).substr(at);
  }
  std::string arena_;
  std::vector<engine::Mutation> mutations_;
  std::uint64_t last_ = 0;
};

void walk(const engine::Engine& engine, FunctionRef<void(const engine::Mutation&)> visit) {
  engine::Engine::WalkCursor cursor;
  while (engine.walk(cursor, 100, visit)) {
  }
}
std::map<std::string, std::pair<std::string, UnixMillis>> entries(const engine::Engine& engine) {
  std::map<std::string, std::pair<std::string, UnixMillis>> entries;
  walk(engine, [&](const engine::Mutation& put) {
    entries[std::string(put.key)] = {std::string(put.value.data), put.deadline};
  });
  return entries;
}

// However far a command came, the log has all of that and no more.
TEST(OutOfMemory, WhatHappenedIsRecordedAndNothingElse) {
  const std::vector<std::string> requests{
      set("int", kLarge),
      set("expired", kOne),
      set("large", kOne, 5),
      del("large"),
      take("larger"),
      expire("int", 500),
      expire("passing", 0),
      lock("new", std::string(2'000, 'o')),
      unlock("lock", "owner"),
      mset({{"new", kLarge}, {"int", kLarger}, {"expired", kOne}, {"small", kLarge}, {"newer", kOne}}),
      mdel({"int", "large", "small", "larger", "lock", "expired", "absent"}),
      flush(),
  };
  for (const std::string& request : requests) {
    bool failed = true;
    for (std::size_t nth = 0; failed; ++nth) {
      TestServer server;
      set_up(server);
      const auto on_large = server.start(acquire("large", std::string(2'000, 'w'), 0, 60'000));
      const auto on_lock = server.start(acquire("lock", "next", 0, 60'000));
      engine::Engine replica({.shards = 3});
      walk(server.engine, [&](const engine::Mutation& put) { replica.apply(put); });
      ArenaSink sink;
      server.engine.set_mutation_sink(&sink);
      ByteBuffer out;
      {
        const FailingAllocation failing(nth);
        server.handle({static_cast<std::uint8_t>(request[0]), ByteView(request).substr(5)}, out);
        failed = failing.happened();
      }
      server.engine.set_mutation_sink(nullptr);
      for (const engine::Mutation& mutation : sink.mutations()) replica.apply(mutation);
      ASSERT_EQ(entries(replica), entries(server.engine)) << "command " << int{request[0]} << ", allocation " << nth;
    }
  }
}

}  // namespace
}  // namespace kv::test
