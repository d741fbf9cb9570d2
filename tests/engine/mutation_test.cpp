// What the mutation sink is told: of each kind of call exactly its outcome. And which record a call depends on.
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/recording_sink.hpp"
#include "engine/test_engine.hpp"

namespace kv::engine {
namespace {

using test::call_at;
using test::clear;
using test::deadline_of;
using test::delete_of;
using test::lock_of;
using test::put_of;
using test::Record;
using test::RecordingSink;
using test::TestEngine;
using test::TestWaiter;
using Acquired = Engine::Acquired;

const std::string kLarge(5'000, 'x');

// Entries of every kind: small and large, with a deadline and without, locks, and a key that others wait for.
class MutationTest : public testing::Test, public TestEngine {
 protected:
  MutationTest() {
    engine.set_mutation_sink(&sink);
    put("key", "value");
    put("passing", "value", now + 100);
    put_prepared("large", kLarge);
    put_prepared("large passing", kLarge, now + 100);
    put("expired", "value", now + 1);
    EXPECT_TRUE(lock("lock", "holder", 100));
    put("waited for", "value", now + 50);
    wait("waited for", first, "first", 200);
    wait("waited for", second, "second", 300);
    ++now;
    sink.take();
  }
  ~MutationTest() override {
    engine.leave("waited for", first, call_at(now));
    engine.leave("waited for", second, call_at(now));
    engine.set_mutation_sink(nullptr);
  }

  RecordingSink sink;
  TestWaiter first;
  TestWaiter second;
};

TEST_F(MutationTest, EachCallIsRecordedAsItsOutcome) {
  struct Case {
    const char* name;
    std::function<void()> run;
    std::vector<Record> expected;
  };
  const UnixMillis soon = now + 10;
  const std::vector<Case> cases{
      // One key, one record.
      {"put, new", [&] { put("new", "1"); }, {{put_of("new", "1")}}},
      {"put, new, until", [&] { put("new 2", "1", soon); }, {{put_of("new 2", "1", soon)}}},
      {"put, same size", [&] { put("key", "eulav"); }, {{put_of("key", "eulav")}}},
      {"put, other size", [&] { put("key", "longer than before"); }, {{put_of("key", "longer than before")}}},
      {"put, empty", [&] { put("key", ""); }, {{put_of("key", "")}}},
      {"put, small to large", [&] { put("key", kLarge); }, {{put_of("key", kLarge)}}},
      {"put, large to small", [&] { put("key", "small"); }, {{put_of("key", "small")}}},
      {"put, large, prepared", [&] { put_prepared("key", kLarge, soon); }, {{put_of("key", kLarge, soon)}}},
      {"put what was there",
       [&] { put("key", "value"), sink.take(), put("key", "value"); },
       {{put_of("key", "value")}}},
      {"put a view of it",
       [&] {
         engine.modify("passing", call_at(now), [](const EntryView* entry) { return Change::put(entry->value, 0); });
       },
       {{put_of("passing", "value")}}},
      {"put a part of it",
       [&] {
         engine.modify("passing", call_at(now), [](const EntryView* entry) {
           return Change::put({value::ValueType::kBytes, entry->value.data.substr(1, 2)}, 0);
         });
       },
       {{put_of("passing", "al")}}},
      {"put makes a value of a lock", [&] { put("lock", "holder"); }, {{put_of("lock", "holder")}}},
      {"remove", [&] { remove("key"); }, {{delete_of("key")}}},
      {"remove, absent", [&] { remove("key"); }, {}},
      {"remove, large", [&] { remove("large"); }, {{delete_of("large")}}},
      {"deadline, none before",
       [&] { put("d", "1"), sink.take(), set_deadline("d", soon); },
       {{deadline_of("d", soon)}}},
      {"deadline, the same", [&] { set_deadline("d", soon); }, {}},
      {"deadline, another", [&] { set_deadline("d", soon + 1); }, {{deadline_of("d", soon + 1)}}},
      {"deadline, none", [&] { set_deadline("d", 0); }, {{deadline_of("d", 0)}}},
      {"deadline, none again", [&] { set_deadline("d", 0); }, {}},
      {"deadline, absent", [&] { set_deadline("absent", soon); }, {}},
      {"deadline, large", [&] { set_deadline("large passing", 0); }, {{deadline_of("large passing", 0)}}},
      {"deadline, large, none again", [&] { set_deadline("large passing", 0); }, {}},
      {"keep", [&] { get_exclusively("d"); }, {}},
      {"look",
       [&] {
         has("d"), get("large passing"), get_many({"d", "absent"}), scan();
       },
       {}},
      // Locks.
      {"acquire", [&] { lock("l", "o", 10); }, {{lock_of("l", "o", soon)}}},
      {"acquire, refused", [&] { lock("l", "p", 10); }, {}},
      {"extend", [&] { set_deadline("l", soon + 5); }, {{deadline_of("l", soon + 5)}}},
      {"release", [&] { remove("l"); }, {{delete_of("l")}}},
      // What has expired goes first. Who only looks leaves it.
      {"expired, look", [&] { has("expired"), get_many({"expired"}), scan(); }, {}},
      {"expired, keep", [&] { get_exclusively("expired"); }, {{delete_of("expired")}}},
      {"expired, put", [&] { put("e", "1", now), sink.take(), put("e", "2"); }, {{delete_of("e")}, {put_of("e", "2")}}},
      {"expired, acquire",
       [&] { put("e", "1", now), sink.take(), lock("e", "o", 10); },
       {{delete_of("e")}, {lock_of("e", "o", soon)}}},
      {"expired, sweep", [&] { put("e", kLarge, now), sink.take(), sweep(); }, {{delete_of("e")}}},
      // Several keys, one record.
      {"put_many",
       [&] {
         put_many({{"a", "1"}, {"b", kLarge}, {"a", "2"}, {"b", kLarge + "y"}, {"c", ""}}, soon);
       },
       {{put_of("a", "1", soon), put_of("b", kLarge, soon), put_of("a", "2", soon), put_of("b", kLarge + "y", soon),
         put_of("c", "", soon)}}},
      {"put_many, none", [&] { put_many({}); }, {}},
      {"put_many, expired",
       [&] {
         put("e", "1", now), sink.take(), put_many({{"f", "1"}, {"e", "2"}});
       },
       {{put_of("f", "1"), delete_of("e"), put_of("e", "2")}}},
      {"remove_many",
       [&] {
         remove_many({"f", "absent", "b", "a", "f"});
       },
       {{delete_of("a"), delete_of("b"), delete_of("f")}}},
      {"remove_many, absent",
       [&] {
         remove_many({"f", "absent"});
       },
       {}},
      {"remove_many, expired",
       [&] {
         put("g", "1", now), sink.take(), remove_many({"g", "c"});
       },
       {{delete_of("c"), delete_of("g")}}},
  };
  for (const Case& each : cases) {
    each.run();
    EXPECT_EQ(sink.take(), each.expected) << each.name;
  }
}

// Whatever takes a key away that is waited for, it becomes the lock of the first in line, in one change.
TEST_F(MutationTest, AKeyThatIsHandedOverIsRecordedAsItsNewLock) {
  const std::vector<std::function<void()>> removals{
      [&] { remove("waited for"); },
      [&] {
        remove_many({"waited for", "absent"});
      },
      [&] { now += 100, has("waited for"); },
      [&] { now += 100, get_many({"waited for"}); },
      [&] { now += 100, get_exclusively("waited for"); },
      [&] { now += 100, engine.hand_over_expired(now); },
      [&] {
        put("expired", "value"), put("passing", "value"), put("large passing", kLarge), put("lock", "value");
        sink.take();
        now += 100, sweep();
      },
  };
  for (const auto& removal : removals) {
    removal();
    std::vector<Record> records = sink.take();
    EXPECT_EQ(records, (std::vector<Record>{{lock_of("waited for", "first", now + 200)}}));
    const Acquired acquired = engine.leave("waited for", first, call_at(now));
    EXPECT_EQ(acquired.token, records[0][0].token);
    engine.leave("waited for", second, call_at(now));
    put("waited for", "value", now + 50);
    wait("waited for", first, "first", 200);
    wait("waited for", second, "second", 300);
    sink.take();
  }
}

TEST_F(MutationTest, AnExpiredKeyPassesTwiceWithinOneRecordOfSeveralKeys) {
  now += 100;
  remove_many({"waited for"});
  EXPECT_EQ(
      sink.take(),
      (std::vector<Record>{{lock_of("waited for", "first", now + 200), lock_of("waited for", "second", now + 300)}}));
  now += 1'000;
  put_many({{"waited for", "1"}});
  EXPECT_EQ(sink.take(), (std::vector<Record>{{delete_of("waited for"), put_of("waited for", "1")}}));
}

TEST_F(MutationTest, AFlushIsOneRecordWithTheLocksThatItHandsOver) {
  EXPECT_EQ(engine.flush(call_at(now)), 6U);
  EXPECT_EQ(sink.take(), (std::vector<Record>{{clear(), lock_of("waited for", "first", now + 200)}}));
  remove("waited for");
  remove("waited for");
  sink.take();
  engine.flush(call_at(now));
  EXPECT_EQ(sink.take(), std::vector<Record>{}) << "it was empty";
  put("expired", "value", now);
  sink.take();
  EXPECT_EQ(engine.flush(call_at(now)), 0U);
  EXPECT_EQ(sink.take(), std::vector<Record>{{clear()}}) << "its memory was not";
}

TEST_F(MutationTest, TokensOfRecordsAreThoseThatWereGiven) {
  const Acquired acquired = engine.acquire("new", "owner", 10, call_at(now), nullptr);
  EXPECT_EQ(sink.take()[0][0].token, acquired.token);
  remove("waited for");
  const Record handed_over = sink.take()[0];
  EXPECT_GT(handed_over[0].token, acquired.token);
  EXPECT_EQ(engine.leave("waited for", first, call_at(now)).token, handed_over[0].token);
}

TEST_F(MutationTest, AGrantThatIsGivenBackIsRecorded) {
  remove("waited for");
  ASSERT_EQ(engine.leave("waited for", first, call_at(now)).state, Acquired::State::kHeld);
  sink.take();
  engine.give_back("waited for", first, now);
  EXPECT_EQ(sink.take(), (std::vector<Record>{{lock_of("waited for", "second", now + 300)}}));
}

TEST_F(MutationTest, WithoutASinkNothingIsRecorded) {
  engine.set_mutation_sink(nullptr);
  Call call{now};
  put("key", "other");
  engine.acquire("new", "owner", 10, call, nullptr);
  engine.flush(call);
  EXPECT_EQ(call.lsn, kNoLsn);
  EXPECT_EQ(sink.take(), std::vector<Record>{});
}

// What a call depends on ---------------------------------------------------------------------------------------------

// One shard, so that every key has the last record of all.
class DependsTest : public testing::TestWithParam<bool>, public TestEngine {
 protected:
  DependsTest() : TestEngine({.shards = 1}) {
    engine.set_mutation_sink(&sink);
    put("key", "value");
    put("large", kLarge);
  }
  ~DependsTest() override { engine.set_mutation_sink(nullptr); }

  Lsn after(const std::function<void(Call&)>& run) const {
    Call call{now};
    run(call);
    return call.lsn;
  }
  // What a call depends on that only looked, at what was changed last by `record`.
  static Lsn seen(Lsn record) { return GetParam() ? record : kNoLsn; }
  static constexpr Lsn kKeyPut{1};
  static constexpr Lsn kLargePut{2};

  RecordingSink sink{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Reads, DependsTest, testing::Bool(),
                         [](const auto& row) { return row.param ? "DependOnTheLog" : "DoNotDepend"; });

TEST_P(DependsTest, ChangesDependOnTheirRecord) {
  const value::ValueView value{value::ValueType::kBytes, "other"};
  const value::KeyValue pair{"many", value};
  const ByteView key = "many";
  const std::vector<std::function<void(Call&)>> changes{
      [&](Call& call) { engine.modify("key", call, [&](const EntryView*) { return Change::put(value, now + 5); }); },
      [&](Call& call) { engine.modify("key", call, [&](const EntryView*) { return Change::set_deadline(0); }); },
      [&](Call& call) { engine.modify("key", call, [&](const EntryView*) { return Change::remove(); }); },
      [&](Call& call) { engine.acquire("lock", "owner", 100, call, nullptr); },
      [&](Call& call) {
        engine.put_many({&pair, 1}, 0, call);
      },
      [&](Call& call) {
        engine.remove_many({&key, 1}, call);
      },
      [&](Call& call) { engine.flush(call); },
  };
  for (const auto& change : changes) {
    const Lsn before = sink.last();
    EXPECT_EQ(number(after(change)), number(before) + 1);
    EXPECT_EQ(number(sink.last()), number(before) + 1);
  }
}

TEST_P(DependsTest, WhoeverOnlyLookedDependsOnTheLogOnlyWhereReadsDo) {
  const std::vector<ByteView> keys{"key", "absent"};
  const ByteView absent = "absent";
  struct Look {
    std::function<void(Call&)> run;
    Lsn seen;  // the last change of what it saw
  };
  const std::vector<Look> looks{
      {[&](Call& call) { engine.read("key", call, [](const EntryView&) {}); }, kKeyPut},
      {[&](Call& call) { engine.read("large", call, [](const EntryView&) {}); }, kLargePut},
      {[&](Call& call) { engine.read("absent", call, [](const EntryView&) {}); }, kNoLsn},
      {[&](Call& call) { engine.read_many(keys, call, [](auto) {}); }, kKeyPut},
      {[&](Call& call) { engine.modify("key", call, [](const EntryView*) { return Change::keep(); }); }, kKeyPut},
      {[&](Call& call) { engine.modify("key", call, [](const EntryView*) { return Change::set_deadline(0); }); },
       kKeyPut},
      {[&](Call& call) { engine.acquire("key", "owner", 100, call, nullptr); }, kKeyPut},
      {[&](Call& call) {
         engine.remove_many({&absent, 1}, call);
       },
       kNoLsn},
      {[&](Call& call) { engine.scan(0, 10, call, [](ByteView) { return true; }); }, kLargePut},
  };
  const Lsn last = sink.last();
  for (std::size_t i = 0; i < looks.size(); ++i) EXPECT_EQ(after(looks[i].run), seen(looks[i].seen)) << i;
  EXPECT_EQ(sink.last(), last) << "something changed";
}

TEST_P(DependsTest, ACallKeepsWhatAnotherOneOfItsRequestDependedOn) {
  Call call{now, Lsn{1'000}};
  engine.read("key", call, [](const EntryView&) {});
  engine.acquire("lock", "owner", 100, call, nullptr);
  EXPECT_EQ(call.lsn, Lsn{1'000});
}

TEST_P(DependsTest, AWaiterThatWasGrantedDependsOnTheGrant) {
  TestWaiter first;
  TestWaiter second;
  EXPECT_EQ(after([&](Call& call) { engine.acquire("key", "first", 10, call, &first); }), seen(kKeyPut));
  EXPECT_EQ(after([&](Call& call) { engine.acquire("key", "second", 10, call, &second); }), seen(kKeyPut));
  remove("key");
  const Lsn grant = sink.last();
  EXPECT_EQ(after([&](Call& call) { engine.leave("key", second, call); }), seen(grant));
  EXPECT_EQ(after([&](Call& call) { engine.leave("key", first, call); }), grant);
}

TEST_P(DependsTest, AHandOverByAReadIsItsOwnRecord) {
  put("key", "value", now + 10);
  TestWaiter waiter;
  wait("key", waiter, "waiter", 100);
  now += 10;
  const Lsn before = sink.last();
  EXPECT_EQ(number(after([&](Call& call) { engine.read("key", call, [](const EntryView&) {}); })), number(before) + 1);
  EXPECT_EQ(after([&](Call& call) { engine.leave("key", waiter, call); }), sink.last());
}

}  // namespace
}  // namespace kv::engine
