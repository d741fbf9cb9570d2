// Random calls to the engine and to a model that could hardly be simpler: both
// must show the same, at every step. And a second engine that is told no more
// than what the mutation sink of the first was must end up with the same
// entries.
#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "engine/recording_sink.hpp"
#include "engine/test_engine.hpp"
#include "engine/test_hash.hpp"
#include "support/base/random.hpp"

namespace kv::engine {
namespace {

using test::call_at;
using test::Keys;
using test::Pairs;
using test::Random;
using test::Seen;
using test::TestEngine;
using test::TestWaiter;
using Acquired = Engine::Acquired;

struct ModelWaiter {
  std::string key;
  std::string owner;
  std::uint64_t ttl_ms = 0;
  bool granted = false;
  UnixMillis deadline = 0;  // once granted
  TestWaiter real;
};

class Model {
 public:
  using Entries = std::map<std::string, Seen>;

  // The entry of a present key. What has expired goes first, to whoever waits
  // for it.
  Seen* find(const std::string& key, UnixMillis now) {
    for (auto at = entries_.find(key); at != entries_.end() && is_expired(at->second, now); at = entries_.find(key)) {
      remove(key, now);
    }
    const auto at = entries_.find(key);
    return at == entries_.end() ? nullptr : &at->second;
  }
  void put(const std::string& key, const Seen& entry) { entries_[key] = entry; }
  void remove(const std::string& key, UnixMillis now) {
    entries_.erase(key);
    auto& line = lines_[key];
    if (line.empty()) return;
    ModelWaiter& first = *line.front();
    line.pop_front();
    first.granted = true;
    first.deadline = now + first.ttl_ms;
    entries_[key] = {first.owner, first.deadline, true};
  }
  std::uint64_t flush(UnixMillis now) {
    const Entries before = std::exchange(entries_, {});
    for (const auto& [key, entry] : before) remove(key, now);
    return static_cast<std::uint64_t>(
        std::ranges::count_if(before, [&](const auto& pair) { return !is_expired(pair.second, now); }));
  }
  // Everything that a scan shows: what is present, and what has expired but is
  // waited for.
  std::set<std::string> present(UnixMillis now) {
    std::set<std::string> keys;
    for (const auto& [key, entry] : entries_) {
      if (!is_expired(entry, now) || !lines_[key].empty()) keys.insert(key);
    }
    return keys;
  }
  void hand_over_expired(UnixMillis now) {
    for (const auto& [key, line] : lines_) find(key, now);
  }
  void sweep(UnixMillis now) {
    const Entries before = entries_;
    for (const auto& [key, entry] : before) find(key, now);
  }
  std::deque<ModelWaiter*>& line(const std::string& key) { return lines_[key]; }
  std::size_t size() const { return entries_.size(); }

 private:
  static bool is_expired(const Seen& entry, UnixMillis now) { return entry.deadline != 0 && entry.deadline <= now; }

  Entries entries_;
  std::map<std::string, std::deque<ModelWaiter*>> lines_;
};

class ModelTest {
 public:
  ModelTest(Random& random, const Engine::Options& options) : random_(random), engine_(options) {
    engine_.engine.set_mutation_sink(&sink_);
  }

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFatalFailure(); ++step) {
      if (random_.one_in(4)) engine_.now += random_.below(20);
      one_step();
      expect_same_grants();
      if (step % 100 == 0) expect_same_replica();
    }
    expect_same_replica();
    expect_repetition_does_no_harm();
    engine_.sweep();
    model_.sweep(now());
    EXPECT_EQ(engine_.engine.usage().entries, model_.size());
    while (!waiters_.empty()) leave(0);
  }

 private:
  UnixMillis now() const { return engine_.now; }
  std::string random_key() { return "key " + std::to_string(random_.below(60)); }
  std::string random_owner() {
    return "owner " + std::to_string(random_.below(3)) + std::string(random_.one_in(10) ? 2'000 : 0, 'o');
  }
  UnixMillis random_deadline() { return random_.one_in(2) ? 0 : now() + 1 + random_.below(60); }
  // Sizes around those where the memory of an entry changes.
  std::string random_data() {
    const std::size_t size = random_.one_in(10)   ? 1'000 + random_.below(40)
                             : random_.one_in(20) ? 5'000
                                                  : random_.below(40);
    return std::string(size, static_cast<char>('a' + random_.below(26)));
  }
  Keys random_keys() {
    Keys keys(random_.below(8));
    for (std::string& key : keys) key = random_key();
    return keys;
  }

  void one_step() {
    switch (random_.below(16)) {
      case 0:
      case 1:
      case 2:
        return put();
      case 3:
        return remove();
      case 4:
        return set_deadline();
      case 5:
      case 6:
        return look();
      case 7:
        return put_many();
      case 8:
        return look_at_many();
      case 9:
        return remove_many();
      case 10:
        return lock();
      case 11:
      case 12:
        return waiters_.size() < 20 ? wait() : leave(random_.below(waiters_.size()));
      case 13:
        if (!waiters_.empty()) leave(random_.below(waiters_.size()));
        return;
      case 14:
        return scan();
      default:
        return upkeep();
    }
  }

  void put() {
    const std::string key = random_key();
    const std::string data = random_data();
    const UnixMillis deadline = random_deadline();
    random_.one_in(2) ? engine_.put(key, data, deadline) : engine_.put_prepared(key, data, deadline);
    model_.find(key, now());
    model_.put(key, {data, deadline, false});
  }
  void remove() {
    const std::string key = random_key();
    const bool expected = model_.find(key, now()) != nullptr;
    ASSERT_EQ(engine_.remove(key), expected);
    if (expected) model_.remove(key, now());
  }
  void set_deadline() {
    const std::string key = random_key();
    const UnixMillis deadline = random_deadline();
    Seen* entry = model_.find(key, now());
    ASSERT_EQ(engine_.set_deadline(key, deadline), entry != nullptr);
    if (entry != nullptr) entry->deadline = deadline;
  }
  void look() {
    const std::string key = random_key();
    const Seen* entry = model_.find(key, now());
    const auto shown = random_.one_in(2) ? engine_.get(key) : engine_.get_exclusively(key);
    ASSERT_EQ(shown, entry == nullptr ? std::nullopt : std::optional(*entry)) << key;
  }
  void put_many() {
    Pairs pairs(random_.below(8));
    const UnixMillis deadline = random_deadline();
    for (auto& [key, data] : pairs) {
      key = random_key();
      data = random_data();
      model_.find(key, now());
      model_.put(key, {data, deadline, false});
    }
    engine_.put_many(pairs, deadline);
  }
  void look_at_many() {
    const Keys keys = random_keys();
    const auto shown = engine_.get_many(keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const Seen* entry = model_.find(keys[i], now());
      ASSERT_EQ(shown[i], entry == nullptr ? std::nullopt : std::optional(*entry)) << keys[i];
    }
  }
  void remove_many() {
    const Keys keys = random_keys();
    const std::set<std::string> distinct(keys.begin(), keys.end());
    std::uint32_t expected = 0;
    for (const std::string& key : distinct) {
      if (model_.find(key, now()) == nullptr) continue;
      model_.remove(key, now());
      ++expected;
    }
    ASSERT_EQ(engine_.remove_many(keys), expected);
  }

  // What acquire() has to answer when it doesn't wait.
  void expect_acquired(const Acquired& acquired, const Seen* entry) {
    if (entry == nullptr) {
      ASSERT_EQ(acquired.state, Acquired::State::kHeld);
      expect_new_token(acquired.token);
    } else {
      ASSERT_EQ(acquired.state, Acquired::State::kRefused);
      ASSERT_EQ(acquired.remaining_ms, remaining(*entry));
    }
  }
  std::uint64_t remaining(const Seen& entry) const {
    return entry.deadline == 0 ? ~std::uint64_t{0} : entry.deadline - now();
  }
  void expect_new_token(std::uint64_t token) {
    ASSERT_TRUE(tokens_.insert(token).second);
    ASSERT_EQ(*tokens_.rbegin(), token);
    ASSERT_GE(token, now() * 65'536);
  }
  void lock() {
    const std::string key = random_key();
    const std::string owner = random_owner();
    const std::uint64_t ttl_ms = 1 + random_.below(60);
    const Seen* entry = model_.find(key, now());
    expect_acquired(engine_.engine.acquire(key, owner, ttl_ms, call_at(now()), nullptr), entry);
    if (entry == nullptr) model_.put(key, {owner, now() + ttl_ms, true});
  }
  void wait() {
    auto waiter = std::make_unique<ModelWaiter>();
    waiter->key = random_key();
    waiter->owner = random_owner();
    waiter->ttl_ms = 1 + random_.below(60);
    const Seen* entry = model_.find(waiter->key, now());
    const Acquired acquired =
        engine_.engine.acquire(waiter->key, waiter->owner, waiter->ttl_ms, call_at(now()), &waiter->real);
    if (entry == nullptr) {
      expect_acquired(acquired, nullptr);
      model_.put(waiter->key, {waiter->owner, now() + waiter->ttl_ms, true});
      return;
    }
    ASSERT_EQ(acquired.state, Acquired::State::kQueued);
    model_.line(waiter->key).push_back(waiter.get());
    waiters_.push_back(std::move(waiter));
  }
  // Ends a wait, and sometimes gives back what it brought.
  void leave(std::size_t index) {
    const auto waiter = std::move(waiters_[index]);
    waiters_.erase(waiters_.begin() + static_cast<std::ptrdiff_t>(index));
    if (!waiter->granted) model_.find(waiter->key, now());
    const Acquired acquired = engine_.engine.leave(waiter->key, waiter->real, call_at(now()));
    if (!waiter->granted) {
      ASSERT_EQ(acquired.state, Acquired::State::kRefused);
      ASSERT_EQ(acquired.remaining_ms, remaining(*model_.find(waiter->key, now())));
      std::erase(model_.line(waiter->key), waiter.get());
      return;
    }
    ASSERT_EQ(acquired.state, Acquired::State::kHeld);
    ASSERT_TRUE(tokens_.insert(acquired.token).second);
    if (!random_.one_in(2)) return;
    engine_.engine.give_back(waiter->key, waiter->real, now());
    const Seen* entry = model_.find(waiter->key, now());
    if (entry != nullptr && *entry == Seen{waiter->owner, waiter->deadline, true}) model_.remove(waiter->key, now());
  }

  void scan() {
    const Keys keys = engine_.scan(1 + random_.below(70));
    const std::set<std::string> shown(keys.begin(), keys.end());
    ASSERT_EQ(shown.size(), keys.size()) << "a key came twice though nothing changed";
    ASSERT_EQ(shown, model_.present(now()));
  }
  void upkeep() {
    if (random_.one_in(20)) {
      ASSERT_EQ(engine_.engine.flush(call_at(now())), model_.flush(now()));
    } else if (random_.one_in(2)) {
      engine_.sweep();
      model_.sweep(now());
      ASSERT_EQ(engine_.engine.usage().entries, model_.size());
    } else {
      engine_.engine.hand_over_expired(now());
      model_.hand_over_expired(now());
    }
  }
  void expect_same_grants() {
    for (const auto& waiter : waiters_) ASSERT_EQ(waiter->real.grants, waiter->granted ? 1 : 0) << waiter->key;
  }

  // The replica has other shards and another hash.
  void expect_same_replica() {
    test::apply(sink_.take(), replica_.engine);
    ASSERT_EQ(replica_.entries(), engine_.entries());
    expect_counts_of_what_is_there(engine_);
    expect_counts_of_what_is_there(replica_);
    ASSERT_GE(replica_.engine.last_token(), tokens_.empty() ? 0 : *tokens_.rbegin());
  }
  static void expect_counts_of_what_is_there(const TestEngine& of) {
    const auto entries = of.entries();
    const Engine::Usage usage = of.engine.usage();
    EXPECT_EQ(usage.entries, entries.size());
    EXPECT_EQ(usage.with_deadline,
              std::ranges::count_if(entries, [](const auto& e) { return e.second.deadline != 0; }));
    EXPECT_EQ(usage.locks, std::ranges::count_if(entries, [](const auto& e) { return e.second.is_lock; }));
  }
  // A snapshot holds more than what was there when it began; the log from then
  // on is applied to it nevertheless.
  void expect_repetition_does_no_harm() {
    const auto records = sink_.records();
    for (int i = 0; i < 5; ++i) {
      const auto from = static_cast<std::ptrdiff_t>(random_.below(records.size() + 1));
      test::apply({records.begin() + from, records.end()}, replica_.engine);
      ASSERT_EQ(replica_.entries(), engine_.entries()) << "applied again from record " << from;
    }
  }

  Random& random_;
  test::RecordingSink sink_;
  TestEngine engine_;
  TestEngine replica_{{.shards = 3}};
  Model model_;
  std::vector<std::unique_ptr<ModelWaiter>> waiters_;
  std::set<std::uint64_t> tokens_;
};

TEST(EngineModel, ShowsTheSameAsTheModel) {
  Random random;
  for (const std::uint32_t shards : {1U, 7U, 256U}) {
    for (const auto hash : {static_cast<std::uint64_t (*)(ByteView)>(nullptr), test::few_hashes, test::one_hash}) {
      SCOPED_TRACE(std::to_string(shards) + " shards");
      ModelTest(random, {.shards = shards, .hash = hash}).run(15'000);
      if (testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace kv::engine
