// Large values: allocated and filled before the lock is taken, and read after it is released.
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "engine/test_engine.hpp"

namespace kv::engine {
namespace {

using test::call_at;
using test::Seen;
using test::TestEngine;
using test::TestWaiter;

const std::string kOld(10'000, 'o');
const std::string kNew(10'000, 'n');

value::ValueView bytes_value(ByteView data) {
  return {value::ValueType::kBytes, data};
}

class LargeValue : public testing::Test, public TestEngine {
 protected:
  // A pin of what the key holds.
  void pin(std::optional<Pin>& pin, ByteView key) {
    engine.modify(key, call_at(now), [&](const EntryView* entry) {
      pin.emplace(*entry);
      return Change::keep();
    });
  }
};

TEST_F(LargeValue, OnlyLargeEntriesCanBePinned) {
  put("small", "value");
  put("large", kOld);
  engine.read("small", call_at(now), [](const EntryView& entry) { EXPECT_EQ(entry.large, nullptr); });
  engine.read("large", call_at(now), [](const EntryView& entry) { EXPECT_NE(entry.large, nullptr); });
}

TEST_F(LargeValue, APinThatIsMovedKeepsTheEntryOnce) {
  put("key", kOld);
  std::optional<Pin> first;
  pin(first, "key");
  std::optional<Pin> second(std::move(*first));
  first.reset();
  remove("key");
  EXPECT_EQ(second->view().value.data, kOld);
}

// Every size around the limit, with and without a deadline, prepared and not.
TEST_F(LargeValue, TheLimitMakesNoDifferenceToWhatIsStored) {
  for (std::size_t size = 1'000; size < 1'040; ++size) {
    const std::string data(size, 'x');
    for (const UnixMillis deadline : {UnixMillis{0}, now + 5}) {
      put("plain", data, deadline);
      put_prepared("prepared", data, deadline);
      EXPECT_EQ(get("plain"), (Seen{data, deadline, false})) << size;
      EXPECT_EQ(get("prepared"), (Seen{data, deadline, false})) << size;
      // From either side to the other, by the deadline alone.
      set_deadline("plain", deadline == 0 ? now + 9 : 0);
      EXPECT_EQ(get("plain"), (Seen{data, deadline == 0 ? now + 9 : 0, false})) << size;
    }
  }
}

TEST_F(LargeValue, APreparedValueIsLinkedWithoutACopy) {
  const value::ValueView value = bytes_value(kOld);
  PreparedValue prepared("key", value);
  const std::uint64_t bytes_before = engine.usage().data_bytes;
  engine.modify(
      "key", call_at(now), [&](const EntryView*) { return Change::put(value, now + 5); }, &prepared);
  EXPECT_EQ(get("key"), (Seen{kOld, now + 5, false}));
  EXPECT_GE(engine.usage().data_bytes, bytes_before + kOld.size());
}

TEST_F(LargeValue, APreparedValueThatIsNotPutIsForgotten) {
  const value::ValueView value = bytes_value(kOld);
  PreparedValue prepared("key", value);
  engine.modify(
      "key", call_at(now), [](const EntryView*) { return Change::keep(); }, &prepared);
  EXPECT_FALSE(has("key"));
  // Something else is put instead of it.
  engine.modify(
      "key", call_at(now), [](const EntryView*) { return Change::put(bytes_value(kNew), 0); }, &prepared);
  EXPECT_EQ(get("key")->data, kNew);
  // And it can still be put later, once.
  engine.modify(
      "key", call_at(now), [&](const EntryView*) { return Change::put(value, 0); }, &prepared);
  engine.modify(
      "key", call_at(now), [&](const EntryView*) { return Change::put(value, 0); }, &prepared);
  EXPECT_EQ(get("key")->data, kOld);
}

TEST_F(LargeValue, APinnedValueOutlivesWhateverHappensToItsKey) {
  const auto expect_survives = [&](const char* what, const std::function<void()>& end) {
    put("key", kOld);
    std::optional<Pin> kept;
    pin(kept, "key");
    end();
    EXPECT_EQ(kept->view().value.data, kOld) << what;
  };
  expect_survives("removed", [&] { remove("key"); });
  expect_survives("replaced", [&] { put("key", kNew); });
  expect_survives("replaced by a prepared one", [&] { put_prepared("key", kNew); });
  expect_survives("replaced by a small one", [&] { put("key", "small"); });
  expect_survives("put with others", [&] { put_many({{"key", kNew}, {"other", kNew}}); });
  expect_survives("removed with others", [&] { remove_many({"key", "other"}); });
  expect_survives("given a deadline", [&] { set_deadline("key", now + 5); });
  expect_survives("flushed", [&] { engine.flush(call_at(now)); });
  expect_survives("expired", [&] {
    set_deadline("key", now + 1);
    ++now;
    sweep();
    EXPECT_FALSE(has("key"));
  });
  expect_survives("handed over", [&] {
    TestWaiter waiter;
    wait("key", waiter, "owner");
    remove("key");
    EXPECT_EQ(owner("key"), "owner");
  });
}

TEST_F(LargeValue, SeveralCanPinOneEntry) {
  put("key", kOld);
  std::optional<Pin> first;
  std::optional<Pin> second;
  pin(first, "key");
  pin(second, "key");
  EXPECT_EQ(first->view().large, second->view().large);
  remove("key");
  first.reset();
  EXPECT_EQ(second->view().value.data, kOld);
}

TEST_F(LargeValue, IsLookedAtWithNoLockHeld) {
  put("key", kOld);
  // Which is why the callback may change the key, and still sees what it was.
  engine.read("key", call_at(now), [&](const EntryView& entry) {
    put("key", kNew);
    EXPECT_EQ(entry.value.data, kOld);
  });
  EXPECT_EQ(get("key")->data, kNew);
}

// Thousands of large values replaced at once have to be kept until the locks are released.
TEST_F(LargeValue, ManyAreReplacedAtOnce) {
  test::Pairs old_pairs;
  test::Pairs new_pairs;
  test::Keys keys;
  for (int i = 0; i < 3'000; ++i) {
    keys.push_back("key " + std::to_string(i));
    old_pairs.emplace_back(keys.back(), std::string(1'100, 'o'));
    new_pairs.emplace_back(keys.back(), std::string(1'200, 'n'));
  }
  put_many(old_pairs);
  put_many(new_pairs);
  for (const std::string& key : keys) ASSERT_EQ(get(key)->data, new_pairs[0].second);
  EXPECT_EQ(remove_many(keys), 3'000U);
  EXPECT_EQ(engine.usage().data_bytes, 0U);
}

}  // namespace
}  // namespace kv::engine
