// The log alone, in memory: what it costs a session to append a record, the log's thread to add the checksums, and
// recovery to replay them.
//
//   kv-wal-bench --benchmark_filter=Append
//
// A record is the SET of a key of 16 bytes to a value of 32 bytes. items_per_second counts records; there is no disk,
// so none is in the figures.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <benchmark/benchmark.h>

#include "kv/base/assert.hpp"
#include "kv/engine/engine.hpp"

#include "storage/directory.hpp"
#include "storage/recovery.hpp"
#include "storage/wal.hpp"
#include "storage/wal_queue.hpp"
#include "support/storage/snapshot_files.hpp"

namespace {

using namespace kv::storage;
using kv::Lsn;
using kv::engine::Mutation;
using kv::storage::test::MemoryFiles;
using kv::value::ValueType;

constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kValueBytes = 32;
// What the log's thread finds in a full pipeline, about.
constexpr std::size_t kTakenBytes = std::size_t{256} << 10;
constexpr int kSealedRecords = 4096;
constexpr std::uint64_t kReplayedRecords = 2'000'000;

// "key:000000000042" is set. Views are good until the next call; numbers must not get shorter.
class SomeChange {
 public:
  SomeChange() {
    key_.fill('0');
    kv::ByteView("key:").copy(key_.data(), 4);
  }

  Mutation operator()(std::uint64_t number) {
    for (std::size_t at = kKeyBytes; number != 0; number /= 10) key_[--at] = static_cast<char>('0' + number % 10);
    return {.key = {key_.data(), kKeyBytes}, .value = {ValueType::kBytes, {value_.data(), kValueBytes}}};
  }

 private:
  std::array<char, kKeyBytes> key_{};
  std::array<char, kValueBytes> value_{};
};

// Beside the appending threads nobody takes what they append: whoever finds that it is enough does.
void BM_Append(benchmark::State& state) {
  static WalQueue queue(Lsn{1});
  SomeChange change;
  const Mutation mutation = change(42);
  for (auto _ : state) {
    benchmark::DoNotOptimize(queue.append({&mutation, 1}));
    if (queue.bytes() >= kTakenBytes) queue.give_back(queue.take());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Append)->Threads(1)->Threads(2)->UseRealTime();

void BM_Seal(benchmark::State& state) {
  WalQueue queue(Lsn{1});
  SomeChange change;
  const Mutation mutation = change(42);
  for (auto _ : state) {
    state.PauseTiming();
    for (int i = 0; i < kSealedRecords; ++i) queue.append({&mutation, 1});
    WalQueue::Group group = queue.take();
    state.ResumeTiming();
    group.seal();
    state.PauseTiming();
    queue.give_back(std::move(group));
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * kSealedRecords);
}
BENCHMARK(BM_Seal);

// A log of so many records, each of another key.
void write_log(const DataDirectory& directory) {
  const auto wal = Wal::open(directory.files(), directory.path(), {.fsync = FsyncPolicy::kNever}, Lsn{1}).value();
  SomeChange change;
  for (std::uint64_t i = 0; i < kReplayedRecords; ++i) {
    const Mutation mutation = change(i);
    wal->record({&mutation, 1});
    if (i % kSealedRecords == 0) wal->write_group();
  }
  wal->write_group();
  wal->stop().value();
}

void BM_Replay(benchmark::State& state) {
  MemoryFiles files;
  const DataDirectory directory = DataDirectory::open(files, "data").value();
  write_log(directory);
  for (auto _ : state) {
    state.PauseTiming();
    std::optional<kv::engine::Engine> engine(std::in_place, kv::engine::Engine::Options{});
    state.ResumeTiming();
    const Recovered recovered = recover(directory, *engine, static_cast<unsigned>(state.range(0))).value();
    KV_ASSERT(recovered.records == kReplayedRecords);
    state.PauseTiming();
    engine.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kReplayedRecords));
}
BENCHMARK(BM_Replay)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
