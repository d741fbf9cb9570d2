// The limit on memory, for a process whose resident memory a test moves by hand.
#include "kv/engine/memory_limit.hpp"

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "kv/base/memory_account.hpp"

#include "engine/recording_sink.hpp"
#include "engine/test_engine.hpp"
#include "support/base/wait.hpp"

namespace kv::engine {
namespace {

using test::call_at;
using test::TestEngine;

constexpr std::int64_t kMiB = 1 << 20;
constexpr std::uint64_t kLimit = 64 * kMiB;

// What is counted, and something beside.
class FakeMemory final : public ProcessMemory {
 public:
  std::uint64_t resident_bytes() override {
    const std::int64_t resident = memory::held() + beside;
    if (meanwhile) meanwhile();
    return static_cast<std::uint64_t>(resident);
  }
  void trim() override {
    ++trims;
    beside -= std::exchange(trimmable, 0);
  }

  std::atomic<std::int64_t> beside = 0;
  std::function<void()> meanwhile;  // happens after it was read, and before that is known
  std::int64_t trimmable = 0;       // a part of it
  int trims = 0;
};

class MemoryLimitTest : public testing::Test {
 protected:
  explicit MemoryLimitTest(EvictionPolicy policy = {Eviction::kSieve, false})
      : cache({.shards = 4, .eviction = policy}) {
    // As if all that other tests have left were not there.
    set_used(0);
    limit.look(cache.now);
  }

  // So that so much is used, counted or not.
  void set_used(std::int64_t bytes) { process->beside = bytes - memory::held(); }
  void look() { limit.look(cache.now); }
  bool has_room(std::size_t bytes) { return static_cast<bool>(limit.make_room(bytes, call_at(cache.now))); }
  bool has_room_for_buffer(std::int64_t bytes) {
    return limit.make_room_for_buffer(static_cast<std::size_t>(bytes), call_at(cache.now));
  }
  std::uint64_t entries() const { return cache.engine.usage().entries; }
  void fill(int mebibytes) {
    for (int i = 0; i < mebibytes; ++i) cache.put("filling " + std::to_string(i), std::string(kMiB, 'x'));
  }

  TestEngine cache;
  std::unique_ptr<FakeMemory> made = std::make_unique<FakeMemory>();
  FakeMemory* process = made.get();
  std::size_t password_memory = 0;
  MemoryLimit limit{cache.engine, kLimit, std::move(made), [this] { return password_memory; }};
};

class MemoryLimitWithoutEviction : public MemoryLimitTest {
 protected:
  MemoryLimitWithoutEviction() : MemoryLimitTest({}) {}
};

TEST_F(MemoryLimitTest, NobodyIsEvictedWhileThereIsRoom) {
  fill(60);
  EXPECT_TRUE(has_room(1'000));
  look();
  EXPECT_EQ(entries(), 60U);
  EXPECT_FALSE(limit.is_over());
}

TEST_F(MemoryLimitTest, RoomIsMadeForWhatIsAskedAndLittleMore) {
  fill(63);
  EXPECT_TRUE(has_room(4 * kMiB));
  EXPECT_GE(entries(), 57U);
  EXPECT_LE(entries(), 60U);
  EXPECT_TRUE(has_room(1'000));
  EXPECT_GE(entries(), 57U);
}

TEST_F(MemoryLimitTest, WhatIsPromisedCountsUntilItIsTaken) {
  fill(40);
  {
    const auto room = limit.make_room(20 * kMiB, call_at(cache.now));
    ASSERT_TRUE(room);
    EXPECT_EQ(entries(), 40U);
    EXPECT_TRUE(has_room(20 * kMiB));
    EXPECT_LE(entries(), 24U) << "there is room for one of them, and another one next to it";
  }
  const std::uint64_t left = entries();
  EXPECT_TRUE(has_room(20 * kMiB));
  EXPECT_EQ(entries(), left);
}

TEST_F(MemoryLimitTest, WhatCanNeverFitEvictsNobody) {
  fill(60);
  EXPECT_FALSE(has_room(65 * kMiB));
  EXPECT_EQ(entries(), 60U);
  EXPECT_EQ(limit.status().refused, 1U);
  EXPECT_TRUE(has_room(1'000)) << "and is no reason to refuse what is small";
  set_used(94 * kMiB);
  look();
  const std::uint64_t left = entries();
  EXPECT_FALSE(has_room(40 * kMiB)) << "with 34 MiB that nobody can evict";
  EXPECT_EQ(entries(), left);
}

TEST_F(MemoryLimitTest, OneRequestEvictsInProportionToItselfAndALookTheRest) {
  fill(60);
  process->beside += 20 * kMiB;
  limit.make_room(0, call_at(cache.now));
  EXPECT_EQ(entries(), 60U) << "nobody has looked yet";
  // As replies that pile up do: counted at once.
  memory::add(memory::Use::kBuffers, 20 * kMiB);
  process->beside -= 20 * kMiB;
  EXPECT_TRUE(has_room(10));
  EXPECT_EQ(entries(), 59U);
  look();
  EXPECT_LE(entries(), 44U);
  EXPECT_GE(entries(), 42U);
  EXPECT_FALSE(limit.is_over());
  memory::add(memory::Use::kBuffers, -20 * kMiB);
}

TEST_F(MemoryLimitTest, WhereNobodyIsLeftThereIsNoRoom) {
  ASSERT_TRUE(cache.lock("lock", "owner"));
  fill(3);
  set_used(70 * kMiB);
  look();
  EXPECT_EQ(entries(), 1U) << "all but the lock";
  EXPECT_FALSE(has_room(10));
  set_used(10 * kMiB);
  look();
  EXPECT_TRUE(has_room(10));
}

TEST_F(MemoryLimitTest, WhatTheAllocatorKeepsIsTrimmedBeforeAnybodyIsEvicted) {
  fill(60);
  set_used(62 * kMiB);
  look();
  EXPECT_EQ(process->trims, 0);
  process->beside += 10 * kMiB;
  process->trimmable = 9 * kMiB;
  look();
  EXPECT_EQ(process->trims, 1);
  EXPECT_EQ(entries(), 60U);
  process->beside += kMiB / 2;
  look();
  EXPECT_EQ(process->trims, 1) << "there is hardly more to trim than after the last time";
}

TEST_F(MemoryLimitTest, WhatChecksOfPasswordsMayTakeIsSetAsideAndEvictsNobodyWhenTheyTakeIt) {
  constexpr std::int64_t kCheck = 8 * kMiB;
  fill(60);
  password_memory = 2 * kCheck;
  look();
  const std::uint64_t left = entries();
  EXPECT_LE(left, 48U);
  EXPECT_GE(left, 45U);
  for (const std::int64_t touched : {kMiB, kCheck, std::int64_t{0}}) {
    memory::add(memory::Use::kPasswords, kCheck);
    process->beside += touched - kCheck;
    look();
    process->beside -= touched - kCheck;
    memory::add(memory::Use::kPasswords, -kCheck);
    EXPECT_EQ(entries(), left) << touched;
    EXPECT_FALSE(limit.is_over());
  }
  fill(60);
  memory::add(memory::Use::kPasswords, kCheck);
  process->beside -= kCheck;  // nothing of it is touched yet
  look();
  EXPECT_FALSE(limit.is_over()) << "and nothing gets into what was set aside";
  EXPECT_LE(entries(), 48U);
  process->beside += kCheck;
  memory::add(memory::Use::kPasswords, -kCheck);
}

TEST_F(MemoryLimitTest, ChecksOfPasswordsThatBeginOrEndDuringALookAreNeitherMissedNorCountedTwice) {
  constexpr std::int64_t kChecks = 16 * kMiB;
  password_memory = kChecks;
  fill(44);
  look();
  memory::add(memory::Use::kPasswords, kChecks);
  process->meanwhile = [] { memory::add(memory::Use::kPasswords, -kChecks); };
  look();
  EXPECT_EQ(entries(), 44U);
  process->meanwhile = [] { memory::add(memory::Use::kPasswords, kChecks); };
  look();
  process->meanwhile = {};
  EXPECT_EQ(entries(), 44U);
  EXPECT_GE(limit.status().used, static_cast<std::uint64_t>(44 * kMiB + kChecks)) << "what is set aside is so for good";
  memory::add(memory::Use::kPasswords, -kChecks);
}

TEST_F(MemoryLimitTest, ALookBreaksOffWhileTheLogIsFull) {
  test::RecordingSink sink;
  cache.engine.set_mutation_sink(&sink);
  fill(60);
  sink.accept_upkeep_until(number(sink.last()) + 5);
  process->beside += 20 * kMiB;
  look();
  EXPECT_LT(entries(), 60U);
  EXPECT_GE(entries(), 55U);
  sink.accept_upkeep_until(~std::uint64_t{0});
  look();
  EXPECT_LE(entries(), 44U);
  cache.engine.set_mutation_sink(nullptr);
}

TEST_F(MemoryLimitWithoutEviction, WhatIsFullStaysFullUntilALittleMoreThanEnoughIsFree) {
  fill(20);
  set_used(64 * kMiB - 50'000);
  look();
  EXPECT_TRUE(has_room(10));
  EXPECT_FALSE(has_room(100'000));
  EXPECT_FALSE(has_room(10)) << "or every other write would fail";
  set_used(64 * kMiB - 100'000);
  look();
  EXPECT_FALSE(has_room(10));
  cache.remove("filling 0");
  cache.remove("filling 1");
  EXPECT_TRUE(has_room(10)) << "at once, without a look";
  EXPECT_EQ(entries(), 18U);
  EXPECT_EQ(limit.status().refused, 3U);
}

TEST_F(MemoryLimitWithoutEviction, BuffersMayTakeASixteenthWhereThereIsNoRoom) {
  fill(64);
  EXPECT_FALSE(has_room(kMiB));
  EXPECT_TRUE(has_room_for_buffer(4 * kMiB));
  EXPECT_FALSE(has_room_for_buffer(4 * kMiB + 1));
  memory::add(memory::Use::kLargeBuffers, 3 * kMiB);
  EXPECT_TRUE(has_room_for_buffer(kMiB));
  EXPECT_FALSE(has_room_for_buffer(kMiB + 1)) << "together with those that there are";
  memory::add(memory::Use::kLargeBuffers, -3 * kMiB);
  EXPECT_EQ(entries(), 64U);
}

TEST_F(MemoryLimitWithoutEviction, UsualBuffersLeaveLargeOnesTheirPart) {
  fill(64);
  memory::add(memory::Use::kBuffers, 10 * kMiB);
  EXPECT_TRUE(has_room_for_buffer(4 * kMiB));
  EXPECT_TRUE(limit.may_stay(0));
  memory::add(memory::Use::kBuffers, -10 * kMiB);
}

TEST_F(MemoryLimitTest, ItIsFarOverWhenMoreIsTakenThanLargeBuffersAreGranted) {
  set_used(68 * kMiB);
  look();
  EXPECT_TRUE(limit.is_over());
  EXPECT_FALSE(limit.is_far_over());
  set_used(68 * kMiB + 1);
  look();
  EXPECT_TRUE(limit.is_far_over());
}

TEST_F(MemoryLimitTest, MuchThatTheAllocatorKeepsIsTrimmedLongBeforeItIsFull) {
  process->trimmable = 9 * kMiB;
  process->beside += 7 * kMiB;
  look();
  EXPECT_EQ(process->trims, 0);
  process->beside += 2 * kMiB;
  look();
  EXPECT_EQ(process->trims, 1);
  EXPECT_EQ(process->trimmable, 0);
}

TEST_F(MemoryLimitWithoutEviction, ABufferThatIsThereMayStayWhereTheOthersAreSmallOrThereIsRoom) {
  fill(64);
  EXPECT_TRUE(limit.may_stay(0));
  memory::add(memory::Use::kLargeBuffers, 10 * kMiB);
  EXPECT_TRUE(limit.may_stay(6 * kMiB));
  EXPECT_FALSE(limit.may_stay(6 * kMiB - 1));
  EXPECT_EQ(limit.status().refused, 1U);
  for (int i = 0; i < 11; ++i) cache.remove("filling " + std::to_string(i));
  EXPECT_TRUE(limit.may_stay(0));
  memory::add(memory::Use::kLargeBuffers, -10 * kMiB);
}

TEST_F(MemoryLimitTest, ABufferThatIsThereMayStayWhereEvictingMakesRoomForIt) {
  fill(64);
  memory::add(memory::Use::kLargeBuffers, 60 * kMiB);
  EXPECT_TRUE(limit.may_stay(0));
  EXPECT_EQ(entries(), 64U) << "which a look does";
  memory::add(memory::Use::kLargeBuffers, 10 * kMiB);
  EXPECT_FALSE(limit.may_stay(0));
  memory::add(memory::Use::kLargeBuffers, -70 * kMiB);
}

TEST_F(MemoryLimitTest, LargerBuffersFindRoomAsEntriesDo) {
  fill(60);
  EXPECT_TRUE(has_room_for_buffer(10 * kMiB));
  EXPECT_GE(entries(), 47U);
  EXPECT_LE(entries(), 54U);
  EXPECT_FALSE(has_room_for_buffer(65 * kMiB));
}

TEST_F(MemoryLimitWithoutEviction, WhatTheAllocatorKeepsIsTrimmedForARequestThatItLeavesNoRoom) {
  set_used(52 * kMiB);
  look();
  const int before = process->trims;
  process->trimmable = 7 * kMiB;
  process->beside += 7 * kMiB;
  look();
  EXPECT_TRUE(has_room(1'000));
  look();
  EXPECT_EQ(process->trims, before) << "nobody is short of it";
  EXPECT_FALSE(has_room(10 * kMiB));
  look();
  EXPECT_TRUE(has_room(10 * kMiB));
  look();
  EXPECT_EQ(process->trims, before + 1);
}

TEST_F(MemoryLimitWithoutEviction, WhatTheAllocatorKeepsIsTrimmedBeforeALittleTooMuchIsRefusedForGood) {
  fill(20);
  set_used(64 * kMiB - 50'000);
  look();
  EXPECT_FALSE(has_room(100'000));
  for (int i = 0; i < 20; ++i) cache.remove("filling " + std::to_string(i));
  set_used(64 * kMiB - 50'000);
  process->trimmable = 20 * kMiB;
  const int before = process->trims;
  look();
  EXPECT_EQ(process->trims, before + 1);
  EXPECT_TRUE(has_room(100'000));
}

TEST(ProcessMemory, IsThatOfThisProcess) {
  const auto process = memory_of_this_process();
  const std::uint64_t before = process->resident_bytes();
  EXPECT_GT(before, 1'000'000U);
  const std::string large(50 * kMiB, 'x');
  EXPECT_GT(process->resident_bytes(), before + 40 * kMiB);
  process->trim();
}

TEST(MemoryKeeperThreads, LooksByItself) {
  TestEngine cache({.shards = 4, .eviction = {Eviction::kSieve, false}});
  auto made = std::make_unique<FakeMemory>();
  FakeMemory* process = made.get();
  process->beside = -memory::held();
  MemoryLimit limit(cache.engine, kLimit, std::move(made));
  const ManualClock clock(cache.now);
  const MemoryKeeper keeper(limit, clock);
  for (int i = 0; i < 30; ++i) cache.put(std::to_string(i), std::string(kMiB, 'x'));
  process->beside += 40 * kMiB;
  EXPECT_TRUE(test::wait_until([&] { return cache.engine.usage().entries < 27; }));
}

TEST_F(MemoryLimitTest, ALimitThatIsLoweredEvictsAtTheNextLook) {
  fill(60);
  limit.set_limit(40 * kMiB);
  EXPECT_TRUE(limit.is_over());
  EXPECT_EQ(limit.status().limit, static_cast<std::uint64_t>(40 * kMiB));
  look();
  EXPECT_FALSE(limit.is_over());
  EXPECT_LE(entries(), 40U);
  EXPECT_GE(entries(), 35U);
  limit.set_limit(kLimit);
  EXPECT_TRUE(has_room(20 * kMiB));
  EXPECT_GE(entries(), 35U) << "there is room again without evicting";
}

TEST_F(MemoryLimitWithoutEviction, APolicyThatComesLaterMakesRoom) {
  fill(64);
  EXPECT_FALSE(has_room(kMiB));
  cache.engine.set_eviction({Eviction::kLru, false});
  look();
  EXPECT_TRUE(has_room(kMiB));
  EXPECT_LT(entries(), 64U);
}

}  // namespace
}  // namespace kv::engine
