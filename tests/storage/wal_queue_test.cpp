#include "storage/wal_queue.hpp"

#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "kv/engine/engine.hpp"

#include "storage/record.hpp"
#include "support/storage/durable_state.hpp"
#include "support/storage/random_mutation.hpp"

namespace kv::storage {
namespace {

using engine::Mutation;
using kv::test::encoded_record;
using kv::test::Random;
using kv::test::RandomMutations;
using namespace test;

std::string bytes_of(WalQueue::Group& group) {
  group.seal();
  std::vector<ByteView> pieces;
  group.append_to(pieces);
  std::string bytes;
  for (const ByteView piece : pieces) bytes += piece;
  EXPECT_EQ(bytes.size(), group.bytes());
  return bytes;
}

// Appends what the engine says.
class QueueSink final : public engine::MutationSink {
 public:
  explicit QueueSink(WalQueue& queue) : queue_(queue) {}
  Lsn record(std::span<const Mutation> mutations) noexcept override { return queue_.append(mutations); }
  bool reads_depend_on_log() const override { return false; }

 private:
  WalQueue& queue_;
};

Lsn append(WalQueue& queue, const Mutation& mutation) {
  return queue.append({&mutation, 1});
}

TEST(WalQueue, NumbersRecordsAndHandsThemOutInOrder) {
  Random random;
  WalQueue queue(Lsn{5});
  EXPECT_EQ(queue.last(), Lsn{4});
  EXPECT_TRUE(queue.take().empty());
  std::string expected;
  for (std::uint64_t lsn = 5; lsn < 500; ++lsn) {
    const RandomMutations mutations(random, 1 + random.below(4));
    ASSERT_EQ(queue.append(mutations.get()), Lsn{lsn});
    expected += encoded_record(Lsn{lsn}, mutations.get());
  }
  EXPECT_EQ(queue.last(), Lsn{499});
  EXPECT_EQ(queue.bytes(), expected.size());
  auto group = queue.take();
  EXPECT_EQ(group.last(), Lsn{499});
  EXPECT_EQ(bytes_of(group), expected);
  EXPECT_EQ(queue.bytes(), expected.size()) << "as long as it isn't given back";
  EXPECT_TRUE(queue.take().empty());
  queue.give_back(std::move(group));
  EXPECT_EQ(queue.bytes(), 0);
}

TEST(WalQueue, WritesALargeValueFromItsEntryAlsoOnceItsKeyIsGone) {
  engine::Engine engine({.shards = 1});
  WalQueue queue(Lsn{1});
  QueueSink sink(queue);
  engine.set_mutation_sink(&sink);
  Random random;
  std::string expected;
  std::uint64_t lsn = 1;
  for (const std::size_t size : {2'000, 16'383, 16'384, 70'000, 3'000'000, 10}) {
    const std::string data = random_bytes(random, size);
    put(engine, "key", data);
    expected += encoded_record(Lsn{lsn++}, std::vector{put_of("key", data)});
  }
  engine::Call call{.now = kCreated};
  engine.modify("key", call, [](const engine::EntryView*) { return engine::Change::remove(); });
  expected += encoded_record(Lsn{lsn}, std::vector{delete_of("key")});
  auto group = queue.take();
  EXPECT_TRUE(bytes_of(group) == expected);
  queue.give_back(std::move(group));
}

TEST(WalQueue, TakesRecordsOfSeveralMebibytes) {
  WalQueue queue(Lsn{1});
  const std::string large(5U << 20, 'x');
  const std::vector<Mutation> several{put_of("a", large), put_of("b", "small"), put_of("c", large)};
  append(queue, put_of("first", "1"));
  queue.append(several);
  append(queue, put_of("last", "1"));
  auto group = queue.take();
  EXPECT_TRUE(bytes_of(group) == encoded_record(Lsn{1}, std::vector{put_of("first", "1")}) +
                                     encoded_record(Lsn{2}, several) +
                                     encoded_record(Lsn{3}, std::vector{put_of("last", "1")}));
}

TEST(WalQueue, UsesItsMemoryAgain) {
  WalQueue queue(Lsn{1});
  const std::string data(1'000, 'x');
  const auto where = [&] {
    append(queue, put_of("key", data));
    auto group = queue.take();
    std::vector<ByteView> pieces;
    group.append_to(pieces);
    const char* at = pieces.front().data();
    queue.give_back(std::move(group));
    return at;
  };
  const char* first = where();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(where(), first);
}

TEST(WalQueueThreads, KeepTheOrderOfNumbersAndOfEachThread) {
  constexpr int kThreads = 4;
  constexpr int kRecords = 5'000;
  WalQueue queue(Lsn{1});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      Lsn last = kNoLsn;
      for (int i = 0; i < kRecords; ++i) {
        const Lsn lsn = append(queue, put_of(std::to_string(thread), std::to_string(i)));
        EXPECT_GT(lsn, last);
        last = lsn;
      }
    });
  }
  std::string bytes;
  const auto take = [&] {
    auto group = queue.take();
    if (group.empty()) return;
    bytes += bytes_of(group);
    queue.give_back(std::move(group));
  };
  while (queue.last() != Lsn{kThreads * kRecords}) take();
  for (std::thread& thread : threads) thread.join();
  take();
  EXPECT_EQ(queue.bytes(), 0);

  std::map<std::string, int> next;
  ByteView rest = bytes;
  for (std::uint64_t lsn = 1; lsn <= kThreads * kRecords; ++lsn) {
    Record record;
    ASSERT_EQ(decode_record(rest, record), RecordState::kComplete);
    ASSERT_EQ(record.lsn, Lsn{lsn});
    ASSERT_TRUE(for_each_mutation(record.body, [&](const Mutation& mutation) {
      EXPECT_EQ(mutation.value.data, std::to_string(next[std::string(mutation.key)]++));
    }));
    rest.remove_prefix(record.bytes);
  }
  EXPECT_TRUE(rest.empty());
}

}  // namespace
}  // namespace kv::storage
