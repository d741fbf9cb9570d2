// Snapshots alone, in memory: what it costs to add, compress and write entries, and to read, check and hand them out.
//
//   kv-snapshot-bench --benchmark_filter=Load
//
// Entries are keys of 16 bytes and values of 32 bytes of Bytes that compress by half. items_per_second counts entries;
// nothing is applied and there is no disk, so neither is in the figures.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "storage/snapshot_reader.hpp"
#include "storage/snapshot_writer.hpp"
#include "support/base/random.hpp"
#include "support/storage/snapshot_files.hpp"

namespace {

using namespace kv::storage;
using namespace kv::storage::test;
using kv::ByteView;
using kv::engine::Mutation;
using kv::value::ValueType;

constexpr std::size_t kKeyBytes = 16;
constexpr std::size_t kValueBytes = 32;

// "key:000000000042", in no order, as they lie in an engine's tables; and a value of which half is random and half the
// same in all.
class SomeEntries {
 public:
  explicit SomeEntries(std::uint64_t count) : keys_(count), values_(count) {
    kv::test::Random random(1);
    for (std::uint64_t i = 0; i < count; ++i) {
      constexpr std::uint64_t kPrime = 2'654'435'761;
      const std::string digits = std::to_string(i * kPrime % count);
      keys_[i].fill('0');
      std::copy(digits.begin(), digits.end(), keys_[i].end() - static_cast<std::ptrdiff_t>(digits.size()));
      ByteView("key:").copy(keys_[i].data(), 4);
      values_[i].fill('v');
      for (std::size_t at = 0; at < kValueBytes / 2; ++at) values_[i][at] = static_cast<char>(random.next());
    }
  }

  std::size_t size() const { return keys_.size(); }
  Mutation operator[](std::size_t i) const {
    return {.key = {keys_[i].data(), kKeyBytes}, .value = {ValueType::kBytes, {values_[i].data(), kValueBytes}}};
  }

 private:
  std::vector<std::array<char, kKeyBytes>> keys_;
  std::vector<std::array<char, kValueBytes>> values_;
};

SnapshotInfo write(FileSystem& files, const SomeEntries& entries, const SnapshotWriter::Options& options) {
  const auto writer = SnapshotWriter::create(files, "data", kStart, options).value();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    writer->add(entries[i]);
    if (i % kSnapshotStepEntries != 0) continue;
    while (writer->wants_flush()) writer->flush().value();
  }
  return writer->finish(kEnd, kToken).value();
}

// range(0): zstd's level, 0 for no compression.
SnapshotWriter::Options options_for(const benchmark::State& state) {
  const int level = static_cast<int>(state.range(0));
  return {.codec = level == 0 ? SnapshotCodec::kNone : SnapshotCodec::kZstd, .level = level};
}

void count(benchmark::State& state, const SnapshotInfo& info) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(info.entries));
  state.counters["file_bytes_per_entry"] = static_cast<double>(info.file_bytes) / static_cast<double>(info.entries);
}

void BM_Write(benchmark::State& state) {
  const SomeEntries entries(1'000'000);
  NoFiles files;
  SnapshotInfo info;
  for (auto _ : state) info = write(files, entries, options_for(state));
  count(state, info);
}
BENCHMARK(BM_Write)->ArgName("zstd")->Arg(0)->Arg(1)->Arg(3)->Unit(benchmark::kMillisecond);

// What happens under a shard's lock.
void BM_Add(benchmark::State& state) {
  const SomeEntries entries(kSnapshotStepEntries);
  NoFiles files;
  const auto writer = SnapshotWriter::create(files, "data", kStart, {.codec = SnapshotCodec::kNone}).value();
  for (auto _ : state) {
    for (std::size_t i = 0; i < entries.size(); ++i) writer->add(entries[i]);
    state.PauseTiming();
    while (writer->wants_flush()) writer->flush().value();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries.size()));
}
BENCHMARK(BM_Add);

void BM_Load(benchmark::State& state) {
  MemoryFiles files;
  const SnapshotInfo info = write(files, SomeEntries(5'000'000), options_for(state));
  const auto reader = SnapshotReader::open(files, kPath).value();
  const auto apply = [](std::span<const Mutation> puts) { benchmark::DoNotOptimize(puts.data()); };
  for (auto _ : state) {
    reader.load(static_cast<unsigned>(state.range(1)), apply, [](std::uint64_t) {}).value();
  }
  count(state, info);
}
BENCHMARK(BM_Load)
    ->ArgNames({"zstd", "threads"})
    ->ArgsProduct({{0, 1, 3}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
