// The engine under several threads. Run under ThreadSanitizer too.
#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "engine/recording_sink.hpp"
#include "engine/test_engine.hpp"
#include "support/base/random.hpp"
#include "support/base/wait.hpp"

namespace kv::engine {
namespace {

using test::call_at;
using test::Keys;
using test::Pairs;
using test::Random;
using test::Seen;
using test::TestEngine;
using Acquired = Engine::Acquired;

class EngineThreads : public testing::Test, public TestEngine {
 protected:
  EngineThreads() : TestEngine({.shards = 4}) {}

  // Runs `body(thread)` on `count` threads and waits for them.
  static void on_threads(int count, const std::function<void(int)>& body) {
    std::vector<std::jthread> threads;
    for (int i = 0; i < count; ++i) threads.emplace_back([&body, i] { body(i); });
  }
  // Runs `body` over and over beside `until`, on `count` threads.
  static void beside(const std::function<void()>& until, int count, const std::function<void(int)>& body) {
    std::atomic<bool> done{false};
    std::vector<std::jthread> threads;
    for (int i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        while (!done) body(i);
      });
    }
    until();
    done = true;
  }

  void increment(ByteView key) {
    std::string sum;
    engine.modify(key, call_at(now), [&](const EntryView* entry) {
      sum = entry == nullptr ? "1" : std::to_string(std::stoi(std::string(entry->value.data)) + 1);
      return Change::put({value::ValueType::kBytes, sum}, 0);
    });
  }
};

TEST_F(EngineThreads, IncrementsAddUp) {
  constexpr int kRounds = 3'000;
  const Keys keys{"a", "b", "c", "d", "e"};
  on_threads(4, [&](int thread) {
    for (int i = 0; i < kRounds; ++i) increment(keys[static_cast<std::size_t>(i + thread) % keys.size()]);
  });
  int sum = 0;
  for (const std::string& key : keys) sum += std::stoi(get(key)->data);
  EXPECT_EQ(sum, 4 * kRounds);
}

// Writers put the same data under all keys, or take all of them away; nobody
// may see a mixture.
TEST_F(EngineThreads, ManyKeysChangeAtOnce) {
  Keys keys;
  for (int i = 0; i < 9; ++i) keys.push_back("key " + std::to_string(i));
  std::atomic<int> seen_present{0};
  const auto look = [&](int) {
    const auto found = get_many(keys);
    for (const auto& entry : found) ASSERT_EQ(entry, found[0]);
    if (found[0]) ++seen_present;
  };
  const auto change = [&] {
    on_threads(2, [&](int thread) {
      for (int i = 0; i < 2'000; ++i) {
        if (i % 10 == 9) {
          const std::uint32_t removed = remove_many(keys);
          ASSERT_TRUE(removed == 0 || removed == keys.size()) << removed;
          continue;
        }
        // Small and large, so that entries are rewritten, replaced and moved.
        const std::string data(i % 7 == 0 ? 1'500 : static_cast<std::size_t>(i) % 5, static_cast<char>('a' + thread));
        Pairs pairs;
        for (const std::string& key : keys) pairs.emplace_back(key, data);
        put_many(pairs);
      }
    });
  };
  // Again where no reader got a processor meanwhile.
  beside([&] { EXPECT_TRUE(test::wait_until([&] { return change(), seen_present > 0; })); }, 2, look);
}

TEST_F(EngineThreads, FlushIsAtomicToo) {
  Pairs pairs;
  Keys keys;
  for (int i = 0; i < 9; ++i) {
    keys.push_back("key " + std::to_string(i));
    pairs.emplace_back(keys.back(), "value");
  }
  const auto look = [&](int) {
    const auto found = get_many(keys);
    for (const auto& entry : found) ASSERT_EQ(entry, found[0]);
  };
  const auto change = [&] {
    for (int i = 0; i < 1'000; ++i) {
      put_many(pairs);
      ASSERT_EQ(engine.flush(call_at(now)), keys.size());
    }
  };
  beside(change, 2, look);
}

TEST_F(EngineThreads, AScanFindsWhatStaysWhileOthersComeAndGo) {
  std::set<std::string> stay;
  for (int i = 0; i < 200; ++i) stay.insert("stays " + std::to_string(i));
  for (const std::string& key : stay) put(key, "value");
  const auto churn = [&](int thread) {
    const std::string prefix = "churn " + std::to_string(thread) + " ";
    for (int i = 0; i < 1'000; ++i) put(prefix + std::to_string(i), "value");
    for (int i = 0; i < 1'000; ++i) remove(prefix + std::to_string(i));
  };
  const auto scans = [&] {
    for (int i = 0; i < 30; ++i) {
      std::set<std::string> missing = stay;
      for (const std::string& key : scan(10)) missing.erase(key);
      ASSERT_TRUE(missing.empty()) << *missing.begin();
    }
  };
  beside(scans, 2, churn);
}

TEST_F(EngineThreads, KeysStayReadableWhileTheTableGrows) {
  constexpr int kKeys = 4'000;
  std::array<std::atomic<int>, 2> written{};
  const auto name = [](int thread, int i) { return "key " + std::to_string(thread) + " " + std::to_string(i); };
  const auto write = [&] {
    on_threads(2, [&](int thread) {
      for (int i = 0; i < kKeys; ++i) {
        put(name(thread, i), name(thread, i));
        written[static_cast<std::size_t>(thread)] = i + 1;
      }
    });
  };
  const auto read = [&](int thread) {
    Random random(static_cast<std::uint64_t>(thread));
    for (int writer = 0; writer < 2; ++writer) {
      const int there = written[static_cast<std::size_t>(writer)];
      if (there == 0) continue;
      const std::string key = name(writer, static_cast<int>(random.below(static_cast<std::uint64_t>(there))));
      engine.prefetch(std::array<ByteView, 1>{key});
      const auto entry = get(key);
      ASSERT_TRUE(entry) << key;
      ASSERT_EQ(entry->data, key);
    }
  };
  beside(write, 2, read);
  EXPECT_EQ(engine.usage().entries, 2U * kKeys);
}

TEST_F(EngineThreads, ALargeValueIsReadWholeWhileItIsReplaced) {
  put_prepared("key", std::string(20'000, 'a'));
  const auto replace = [&] {
    on_threads(2, [&](int thread) {
      for (int i = 0; i < 1'000; ++i) {
        const std::string data(20'000, static_cast<char>('a' + (i + thread) % 26));
        i % 2 == 0 ? put_prepared("key", data) : put("key", data);
        set_deadline("key", now + 1'000);
      }
    });
  };
  const auto read = [&](int) {
    engine.read("key", call_at(now), [](const EntryView& entry) {
      ASSERT_EQ(entry.value.data.find_first_not_of(entry.value.data[0]), ByteView::npos);
      ASSERT_EQ(entry.value.data.size(), 20'000U);
    });
  };
  beside(replace, 2, read);
}

TEST_F(EngineThreads, SweepingGoesOnBesideEverythingElse) {
  const auto work = [&](int thread) {
    Random random(static_cast<std::uint64_t>(thread));
    const std::string key = std::to_string(random.below(300)) + " " + std::to_string(thread);
    put(key, std::string(random.one_in(5) ? 2'000 : random.below(50), 'x'), now + 1);
    set_deadline(key, random.one_in(2) ? now + 1 : 0);
    get(key);
    if (random.one_in(3)) remove(key);
  };
  const auto sweeps = [&] {
    for (int i = 0; i < 1'000; ++i) {
      for (std::uint32_t shard = 0; shard < engine.shards(); ++shard)
        engine.sweep(shard, now + static_cast<UnixMillis>(i % 3));
    }
  };
  beside(sweeps, 2, work);
  now += 10;
  sweep();
  EXPECT_EQ(engine.usage().entries, scan().size());
}

// A waiter that a thread sleeps on.
class BlockingWaiter final : public Waiter {
 public:
  void granted() override {
    const std::lock_guard lock(mutex_);
    granted_ = true;
    changed_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return granted_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool granted_ = false;
};

// One holder at a time, and everybody gets its turn: a wake-up that gets lost
// would hang the test.
TEST_F(EngineThreads, ALockHasOneHolderAtATime) {
  std::atomic<int> inside{0};
  std::uint64_t last_token = 0;  // guarded by the lock under test
  int turns = 0;                 // likewise
  on_threads(4, [&](int thread) {
    const std::string owner = "owner " + std::to_string(thread);
    for (int i = 0; i < 500; ++i) {
      BlockingWaiter waiter;
      Acquired acquired = engine.acquire("key", owner, 3'600'000, call_at(now), &waiter);
      if (acquired.state == Acquired::State::kQueued) {
        waiter.wait();
        acquired = engine.leave("key", waiter, call_at(now));
      }
      ASSERT_EQ(acquired.state, Acquired::State::kHeld);
      ASSERT_EQ(++inside, 1);
      ASSERT_GT(acquired.token, last_token);
      last_token = acquired.token;
      ++turns;
      --inside;
      engine.modify("key", call_at(now), [&](const EntryView* entry) {
        EXPECT_EQ(entry->value.data, owner);
        return Change::remove();
      });
    }
  });
  EXPECT_EQ(turns, 4 * 500);
  EXPECT_FALSE(has("key"));
}

// Waiters that give up at the very moment they are granted the key: it must
// always pass on.
TEST_F(EngineThreads, AKeyIsNeverLostToAWaiterThatLeaves) {
  on_threads(4, [&](int thread) {
    Random random(static_cast<std::uint64_t>(thread));
    for (int i = 0; i < 2'000; ++i) {
      test::TestWaiter waiter;
      const Acquired acquired =
          engine.acquire("key", "owner " + std::to_string(thread), 3'600'000, call_at(now), &waiter);
      if (acquired.state == Acquired::State::kQueued) {
        for (auto patience = random.below(20); patience != 0 && waiter.grants == 0; --patience)
          std::this_thread::yield();
        if (engine.leave("key", waiter, call_at(now)).state == Acquired::State::kHeld)
          engine.give_back("key", waiter, now);
      } else {
        ASSERT_TRUE(remove("key"));
      }
    }
  });
  EXPECT_FALSE(has("key"));
  EXPECT_EQ(engine.usage().waiters, 0U);
}

// Every kind of change at once. Whatever the order in which they happened, the
// sink was told in that order, so who applies the records ends with the same;
// and so does who walks while it all goes on, and then applies the records made
// since the walk began.
TEST_F(EngineThreads, RecordsApplyToTheSame) {
  test::RecordingSink sink;
  engine.set_mutation_sink(&sink);
  Random seeds;
  const std::array<std::uint64_t, 3> seed{seeds.next(), seeds.next(), seeds.next()};
  std::vector<test::Change> snapshot;
  std::size_t snapshot_begin = 0;
  const auto work = [&](std::size_t thread) {
    Random random(seed[thread]);
    const auto some_key = [&] { return "key " + std::to_string(random.below(40)); };
    const auto some_data = [&] {
      return std::string(random.one_in(8) ? 2'000 : random.below(60), static_cast<char>('a' + random.below(26)));
    };
    const auto some_deadline = [&] { return random.one_in(2) ? 0 : now - 5 + random.below(20); };
    for (int i = 0; i < 4'000; ++i) {
      switch (random.below(9)) {
        case 0:
        case 1:
          put_prepared(some_key(), some_data(), some_deadline());
          break;
        case 2:
          remove(some_key());
          break;
        case 3:
          set_deadline(some_key(), some_deadline());
          break;
        case 4:
          put_many({{some_key(), some_data()}, {some_key(), some_data()}, {some_key(), some_data()}}, some_deadline());
          break;
        case 5:
          remove_many({some_key(), some_key(), some_key()});
          break;
        case 6:
          engine.sweep(static_cast<std::uint32_t>(random.below(engine.shards())), now);
          break;
        case 7:
          if (random.one_in(40)) engine.flush(call_at(now));
          break;
        default:
          test::TestWaiter waiter;
          const std::string key = some_key();
          if (engine.acquire(key, "owner", 5, call_at(now), &waiter).state == Acquired::State::kQueued) {
            if (random.one_in(2)) remove(key);
            engine.leave(key, waiter, call_at(now));
          }
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t thread = 0; thread < seed.size(); ++thread) threads.emplace_back(work, thread);
    test::wait_until([&] { return number(sink.last()) > 2'000; });
    snapshot_begin = number(sink.last());
    Engine::WalkCursor cursor;
    while (engine.walk(cursor, 3, [&](const Mutation& put) { snapshot.emplace_back(put); })) std::this_thread::yield();
  }
  engine.set_mutation_sink(nullptr);
  const std::vector<test::Record> records = sink.records();
  TestEngine from_log;
  test::apply(records, from_log.engine);
  EXPECT_EQ(from_log.entries(), entries());
  EXPECT_EQ(from_log.engine.last_token(), engine.last_token());
  TestEngine from_snapshot;
  test::apply({snapshot}, from_snapshot.engine);
  test::apply({records.begin() + static_cast<std::ptrdiff_t>(snapshot_begin), records.end()}, from_snapshot.engine);
  EXPECT_EQ(from_snapshot.entries(), entries());
}

// Recovery applies mutations of different keys on all processors.
TEST_F(EngineThreads, MutationsOfDifferentKeysAreAppliedAtOnce) {
  engine.reserve(10'000);
  on_threads(4, [&](int thread) {
    for (int i = 0; i < 2'500; ++i) {
      const std::string key = std::to_string(thread) + " " + std::to_string(i);
      test::Change change = i % 50 == 0 ? test::lock_of(key, "owner", now + 5) : test::put_of(key, key);
      change.token = change.is_lock ? static_cast<std::uint64_t>(i * 4 + thread) : 0;
      engine.apply(change.mutation());
    }
  });
  EXPECT_EQ(entries().size(), 10'000U);
  EXPECT_EQ(engine.last_token(), 2'450U * 4 + 3);
}

}  // namespace
}  // namespace kv::engine
