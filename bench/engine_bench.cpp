// The engine alone, without protocol or network: what one operation costs, by thread count, number of keys and size.
//
//   kv-engine-bench --benchmark_filter=Get
//
// Keys are 16 bytes and values 32 bytes of Bytes unless the row says otherwise; keys are chosen uniformly at random
// from a sequence that is made before the clock starts. items_per_second counts operations (for MGET: keys).
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "kv/base/byte_buffer.hpp"
#include "kv/engine/engine.hpp"
#include "kv/engine/mutation.hpp"

namespace {

using kv::ByteBuffer;
using kv::ByteView;
using kv::engine::Call;
using kv::engine::Change;
using kv::engine::Engine;
using kv::engine::EntryView;
using kv::value::ValueType;
using kv::value::ValueView;

constexpr kv::UnixMillis kNow = 1'800'000'000'000;
constexpr std::size_t kValueBytes = 32;
constexpr std::size_t kBatch = 16;

using Key = std::array<char, 16>;

Key make_key(std::uint64_t number) {
  Key key{'k', 'e', 'y', ':'};
  for (std::size_t at = key.size(); at > 4; number /= 10) key[--at] = static_cast<char>('0' + number % 10);
  return key;
}
ByteView view(const Key& key) {
  return {key.data(), key.size()};
}

ValueView bytes_value(const std::string& bytes) {
  return {ValueType::kBytes, bytes};
}

void put(Engine& engine, ByteView key, const ValueView& value, kv::UnixMillis deadline = 0) {
  kv::engine::PreparedValue prepared(key, value);
  Call call{kNow};
  engine.modify(
      key, call, [&](const EntryView*) { return Change::put(value, deadline); }, &prepared);
}

// Filled once for each number of keys, and shared by the rows that only read or overwrite.
Engine& filled_engine(std::uint64_t keys) {
  static std::mutex mutex;
  static std::uint64_t filled_with = 0;
  static std::unique_ptr<Engine> engine;
  const std::lock_guard lock(mutex);
  if (filled_with != keys) {
    engine.reset();
    engine = std::make_unique<Engine>(Engine::Options{});
    const std::string value(kValueBytes, 'v');
    for (std::uint64_t i = 0; i < keys; ++i) put(*engine, view(make_key(i)), bytes_value(value));
    filled_with = keys;
  }
  return *engine;
}

// A random walk over the keys, different for each thread.
class RandomKeys {
 public:
  RandomKeys(std::uint64_t keys, int thread) : keys_(kLength) {
    std::mt19937_64 random(static_cast<std::uint64_t>(thread) + 1);
    for (Key& key : keys_) key = make_key(random() % keys);
  }
  ByteView next() { return view(keys_[++at_ % kLength]); }

 private:
  static constexpr std::size_t kLength = 1U << 18;
  std::vector<Key> keys_;
  std::size_t at_ = 0;
};

// As a GET does: the value is copied once, into the reply.
void get(Engine& engine, ByteView key, ByteBuffer& reply) {
  Call call{kNow};
  engine.read(key, call, [&](const EntryView& entry) {
    const std::size_t size = kv::value::encoded_size(entry.value);
    kv::value::encode(entry.value, reply.prepare(size));
    reply.commit(size);
  });
}

void BM_Get(benchmark::State& state) {
  Engine& engine = filled_engine(static_cast<std::uint64_t>(state.range(0)));
  RandomKeys keys(static_cast<std::uint64_t>(state.range(0)), state.thread_index());
  ByteBuffer reply;
  for (auto _ : state) {
    reply.clear();
    get(engine, keys.next(), reply);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Get)->ArgName("keys")->Arg(1'000'000)->Threads(1)->Threads(2)->Threads(4)->Threads(8)->UseRealTime();
BENCHMARK(BM_Get)->ArgName("keys")->Arg(10'000)->Arg(100'000)->Arg(10'000'000);

// As a session does with a pipeline: what the batch needs is fetched first.
void BM_GetBatched(benchmark::State& state) {
  Engine& engine = filled_engine(static_cast<std::uint64_t>(state.range(0)));
  RandomKeys keys(static_cast<std::uint64_t>(state.range(0)), state.thread_index());
  ByteBuffer reply;
  std::array<ByteView, kBatch> batch;
  for (auto _ : state) {
    reply.clear();
    for (ByteView& key : batch) key = keys.next();
    engine.prefetch(batch);
    for (const ByteView key : batch) get(engine, key, reply);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(BM_GetBatched)->ArgName("keys")->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);

void BM_Set(benchmark::State& state) {
  Engine& engine = filled_engine(static_cast<std::uint64_t>(state.range(0)));
  RandomKeys keys(static_cast<std::uint64_t>(state.range(0)), state.thread_index());
  const std::string value(kValueBytes, 'w');
  for (auto _ : state) put(engine, keys.next(), bytes_value(value));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Set)->ArgName("keys")->Arg(1'000'000)->Threads(1)->Threads(2)->Threads(4)->Threads(8)->UseRealTime();
BENCHMARK(BM_Set)->ArgName("keys")->Arg(10'000'000);

void BM_SetBatched(benchmark::State& state) {
  Engine& engine = filled_engine(static_cast<std::uint64_t>(state.range(0)));
  RandomKeys keys(static_cast<std::uint64_t>(state.range(0)), state.thread_index());
  const std::string value(kValueBytes, 'w');
  std::array<ByteView, kBatch> batch;
  for (auto _ : state) {
    for (ByteView& key : batch) key = keys.next();
    engine.prefetch(batch);
    for (const ByteView key : batch) put(engine, key, bytes_value(value));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(BM_SetBatched)->ArgName("keys")->Arg(1'000'000)->Arg(10'000'000);

void BM_Increment(benchmark::State& state) {
  constexpr std::uint64_t kKeys = 1'000'000;
  Engine engine{Engine::Options{}};
  RandomKeys keys(kKeys, 0);
  char bytes[8];
  for (auto _ : state) {
    Call call{kNow};
    engine.modify(keys.next(), call, [&](const EntryView* entry) {
      const std::int64_t sum = (entry == nullptr ? 0 : entry->value.as_int()) + 1;
      kv::store_big_endian(bytes, static_cast<std::uint64_t>(sum));
      return Change::put({ValueType::kInt, {bytes, sizeof(bytes)}}, 0);
    });
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Increment);

void BM_ReadMany100(benchmark::State& state) {
  constexpr std::uint64_t kKeys = 1'000'000;
  constexpr std::size_t kMany = 100;
  Engine& engine = filled_engine(kKeys);
  RandomKeys keys(kKeys, 0);
  ByteBuffer reply;
  std::array<ByteView, kMany> many;
  for (auto _ : state) {
    reply.clear();
    for (ByteView& key : many) key = keys.next();
    Call call{kNow};
    engine.read_many(many, call, [&](auto views) {
      for (const auto& found : views) {
        const std::size_t size = kv::value::encoded_size(found->value);
        kv::value::encode(found->value, reply.prepare(size));
        reply.commit(size);
      }
    });
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kMany));
}
BENCHMARK(BM_ReadMany100);

void BM_CompareAndSwap(benchmark::State& state) {
  constexpr std::uint64_t kKeys = 1'000'000;
  Engine& engine = filled_engine(kKeys);
  RandomKeys keys(kKeys, 0);
  const std::string value(kValueBytes, 'c');
  for (auto _ : state) {
    Call call{kNow};
    engine.modify(keys.next(), call, [&](const EntryView* entry) {
      return entry->value.data == value ? Change::keep() : Change::put(bytes_value(value), entry->deadline);
    });
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_CompareAndSwap);

void BM_LockUnlock(benchmark::State& state) {
  constexpr std::uint64_t kKeys = 1'000'000;
  Engine engine{Engine::Options{}};
  RandomKeys keys(kKeys, 0);
  for (auto _ : state) {
    const ByteView key = keys.next();
    Call call{kNow};
    engine.acquire(key, "owner", 30'000, call, nullptr);
    engine.modify(key, call, [](const EntryView*) { return Change::remove(); });
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_LockUnlock);

void BM_SetWithDeadline(benchmark::State& state) {
  constexpr std::uint64_t kKeys = 1'000'000;
  Engine engine{Engine::Options{}};
  RandomKeys keys(kKeys, 0);
  const std::string value(kValueBytes, 'd');
  for (auto _ : state) put(engine, keys.next(), bytes_value(value), kNow + 3'600'000);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SetWithDeadline);

void BM_DeleteAndSet(benchmark::State& state) {
  constexpr std::uint64_t kKeys = 1'000'000;
  Engine engine{Engine::Options{}};
  const std::string value(kValueBytes, 'x');
  for (std::uint64_t i = 0; i < kKeys; ++i) put(engine, view(make_key(i)), bytes_value(value));
  RandomKeys keys(kKeys, 0);
  for (auto _ : state) {
    const ByteView key = keys.next();
    Call call{kNow};
    engine.modify(key, call, [](const EntryView*) { return Change::remove(); });
    put(engine, key, bytes_value(value));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DeleteAndSet);

// Fills an empty engine with 5 million entries, each of two threads with half of them, as `load` does with a batch.
void fill(benchmark::State& state, bool reserved, void (*load)(Engine&, std::span<const Key>, const ValueView&)) {
  constexpr std::size_t kKeys = 5'000'000;
  std::vector<Key> keys(kKeys);
  for (std::size_t i = 0; i < kKeys; ++i) keys[i] = make_key(i);
  const std::string value(kValueBytes, 'l');
  for (auto _ : state) {
    auto engine = std::make_unique<Engine>(Engine::Options{});
    if (reserved) engine->reserve(kKeys);
    const auto half = [&](std::span<const Key> rest) {
      for (; !rest.empty(); rest = rest.subspan(kBatch)) load(*engine, rest.first(kBatch), bytes_value(value));
    };
    {
      const std::jthread other(half, std::span(keys).first(kKeys / 2));
      half(std::span(keys).last(kKeys / 2));
    }
    state.PauseTiming();
    if (engine->usage().entries != kKeys) state.SkipWithError("keys are missing");
    engine.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kKeys));
}

void BM_FillByPut(benchmark::State& state) {
  fill(state, false, [](Engine& engine, std::span<const Key> keys, const ValueView& value) {
    for (const Key& key : keys) put(engine, view(key), value);
  });
}
BENCHMARK(BM_FillByPut)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1);

void BM_FillByApply(benchmark::State& state) {
  fill(state, true, [](Engine& engine, std::span<const Key> keys, const ValueView& value) {
    for (const Key& key : keys) engine.apply({.key = view(key), .value = value});
  });
}
BENCHMARK(BM_FillByApply)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1);

// As recovery does: what the batch needs is fetched first.
void BM_FillByApplyBatched(benchmark::State& state) {
  fill(state, true, [](Engine& engine, std::span<const Key> keys, const ValueView& value) {
    std::array<ByteView, kBatch> batch;
    std::ranges::transform(keys, batch.begin(), view);
    engine.prefetch(batch);
    for (const ByteView key : batch) engine.apply({.key = key, .value = value});
  });
}
BENCHMARK(BM_FillByApplyBatched)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(1);

// A value of each size is set and read, over a thousand keys.
void BM_SetAndGetBySize(benchmark::State& state) {
  constexpr std::uint64_t kKeys = 1'000;
  Engine engine{Engine::Options{}};
  RandomKeys keys(kKeys, 0);
  const std::string value(static_cast<std::size_t>(state.range(0)), 's');
  ByteBuffer reply;
  for (auto _ : state) {
    const ByteView key = keys.next();
    put(engine, key, bytes_value(value));
    reply.clear();
    get(engine, key, reply);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0) * 2);
}
BENCHMARK(BM_SetAndGetBySize)->ArgName("bytes")->RangeMultiplier(8)->Range(8, 1 << 20);

}  // namespace

BENCHMARK_MAIN();
