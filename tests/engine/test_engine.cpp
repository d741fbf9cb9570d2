#include "engine/test_engine.hpp"

#include <gtest/gtest.h>

#include "kv/engine/mutation.hpp"

namespace kv::test {

using engine::Change;
using engine::EntryView;
using Acquired = engine::Engine::Acquired;

namespace {

value::ValueView bytes_value(ByteView data) {
  return {value::ValueType::kBytes, data};
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << seen.data.substr(0, 40) << " (" << seen.data.size() << " bytes), deadline " << seen.deadline
             << (seen.is_lock ? ", a lock" : "");
}

Seen seen(const EntryView& view) {
  return {std::string(view.value.data), view.deadline, view.is_lock};
}

void TestEngine::put(ByteView key, ByteView data, UnixMillis deadline) {
  engine.modify(key, call_at(now), [&](const EntryView*) { return Change::put(bytes_value(data), deadline); });
}

void TestEngine::put_prepared(ByteView key, ByteView data, UnixMillis deadline) {
  const value::ValueView value = bytes_value(data);
  engine::PreparedValue prepared(key, value);
  engine.modify(
      key, call_at(now), [&](const EntryView*) { return Change::put(value, deadline); }, &prepared);
}

bool TestEngine::remove(ByteView key) {
  bool found = false;
  engine.modify(key, call_at(now), [&](const EntryView* entry) {
    found = entry != nullptr;
    return found ? Change::remove() : Change::keep();
  });
  return found;
}

bool TestEngine::set_deadline(ByteView key, UnixMillis deadline) {
  bool found = false;
  engine.modify(key, call_at(now), [&](const EntryView* entry) {
    found = entry != nullptr;
    return found ? Change::set_deadline(deadline) : Change::keep();
  });
  return found;
}

bool TestEngine::has(ByteView key) const {
  return engine.read(key, call_at(now), [](const EntryView&) {});
}

std::optional<Seen> TestEngine::get(ByteView key) const {
  std::optional<Seen> result;
  const bool found = engine.read(key, call_at(now), [&](const EntryView& entry) { result = seen(entry); });
  EXPECT_EQ(found, result.has_value());
  return result;
}

std::optional<Seen> TestEngine::get_exclusively(ByteView key) {
  std::optional<Seen> result;
  engine.modify(key, call_at(now), [&](const EntryView* entry) {
    if (entry != nullptr) result = seen(*entry);
    return Change::keep();
  });
  return result;
}

void TestEngine::put_many(const Pairs& pairs, UnixMillis deadline) {
  std::vector<value::KeyValue> views;
  for (const auto& [key, data] : pairs) views.push_back({key, bytes_value(data)});
  engine.put_many(views, deadline, call_at(now));
}

std::vector<std::optional<Seen>> TestEngine::get_many(const Keys& keys) const {
  std::vector<std::optional<Seen>> result;
  const std::vector<ByteView> views(keys.begin(), keys.end());
  engine.read_many(views, call_at(now), [&](std::span<const std::optional<EntryView>> found) {
    EXPECT_TRUE(result.empty()) << "called twice";
    for (const auto& view : found) result.push_back(view ? std::optional(seen(*view)) : std::nullopt);
  });
  EXPECT_EQ(result.size(), keys.size());
  return result;
}

std::uint32_t TestEngine::remove_many(const Keys& keys) {
  const std::vector<ByteView> views(keys.begin(), keys.end());
  return engine.remove_many(views, call_at(now));
}

std::map<std::string, Seen> TestEngine::entries(std::size_t count) const {
  std::map<std::string, Seen> entries;
  const auto note = [&](const engine::Mutation& put) {
    EXPECT_EQ(put.kind, engine::Mutation::Kind::kPut);
    EXPECT_TRUE(
        entries.try_emplace(std::string(put.key), std::string(put.value.data), put.deadline, put.is_lock).second)
        << put.key << " came twice though nothing changed";
  };
  engine::Engine::WalkCursor cursor;
  while (engine.walk(cursor, count, note)) {
  }
  return entries;
}

Keys TestEngine::scan(std::size_t count) const {
  Keys keys;
  std::uint64_t cursor = 0;
  do {
    cursor = engine.scan(cursor, count, call_at(now), [&](ByteView key) {
      keys.emplace_back(key);
      return true;
    });
  } while (cursor != 0);
  return keys;
}

bool TestEngine::lock(ByteView key, ByteView owner, std::uint64_t ttl_ms) {
  return engine.acquire(key, owner, ttl_ms, call_at(now), nullptr).state == Acquired::State::kHeld;
}

void TestEngine::wait(ByteView key, TestWaiter& waiter, ByteView owner, std::uint64_t ttl_ms) {
  ASSERT_EQ(engine.acquire(key, owner, ttl_ms, call_at(now), &waiter).state, Acquired::State::kQueued);
}

std::optional<std::string> TestEngine::owner(ByteView key) const {
  const std::optional<Seen> entry = get(key);
  return entry && entry->is_lock ? std::optional(entry->data) : std::nullopt;
}

void TestEngine::sweep() {
  for (std::uint32_t shard = 0; shard < engine.shards(); ++shard) engine.sweep(shard, now);
}

}  // namespace kv::test
