#include "kv/base/shared_mutex.hpp"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "support/base/wait.hpp"

namespace kv {
namespace {

using test::wait_until;

TEST(SharedMutex, LetsManyReadersInAtATime) {
  SharedMutex mutex;
  ASSERT_TRUE(mutex.try_lock_shared());
  EXPECT_TRUE(mutex.try_lock_shared());
  EXPECT_FALSE(mutex.try_lock());
  mutex.unlock_shared();
  EXPECT_FALSE(mutex.try_lock());
  mutex.unlock_shared();
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(SharedMutex, LetsOneWriterInAlone) {
  SharedMutex mutex;
  ASSERT_TRUE(mutex.try_lock());
  EXPECT_FALSE(mutex.try_lock());
  EXPECT_FALSE(mutex.try_lock_shared());
  mutex.unlock();
  EXPECT_TRUE(mutex.try_lock_shared());
  mutex.unlock_shared();
}

TEST(SharedMutex, IsReleasedWhenAGuardGoes) {
  SharedMutex mutex;
  { const ExclusiveGuard guard(mutex); }
  {
    const SharedGuard guard(mutex);
    EXPECT_TRUE(mutex.try_lock_shared());
    mutex.unlock_shared();
  }
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

// Writers raise both counters, readers must never see them differ, and no increment may be lost. The counters are plain
// ints, so ThreadSanitizer sees a lock that doesn't order its users.
TEST(SharedMutexThreads, ExcludeEachOther) {
  SharedMutex mutex;
  std::array<long, 2> counters{};
  constexpr int kWriters = 3;
  constexpr int kReaders = 3;
  constexpr int kRounds = 20'000;
  std::atomic<int> torn{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kWriters; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < kRounds; ++round) {
          const ExclusiveGuard guard(mutex);
          ++counters[0];
          ++counters[1];
        }
      });
    }
    for (int i = 0; i < kReaders; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < kRounds; ++round) {
          const SharedGuard guard(mutex);
          if (counters[0] != counters[1]) ++torn;
        }
      });
    }
  }
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(counters[0], long{kWriters} * kRounds);
  EXPECT_TRUE(mutex.try_lock()) << "nothing is left behind in the state";
  mutex.unlock();
}

// Longer than anyone spins before going to sleep.
void linger() {
  for (int i = 0; i < 200; ++i) std::this_thread::yield();
}

// Holders that stay long enough for the others to go to sleep: a wake-up that gets lost hangs the test.
TEST(SharedMutexThreads, WakeWhoeverSleeps) {
  SharedMutex mutex;
  long counter = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 300; ++round) {
          if (i % 2 == 0) {
            const ExclusiveGuard guard(mutex);
            ++counter;
            linger();
          } else {
            const SharedGuard guard(mutex);
            linger();
          }
        }
      });
    }
  }
  EXPECT_EQ(counter, 600);
}

TEST(SharedMutexThreads, ReadersThatComeAfterAWaitingWriterWaitForIt) {
  SharedMutex mutex;
  std::atomic<bool> written{false};
  mutex.lock_shared();
  std::jthread writer([&] {
    const ExclusiveGuard guard(mutex);
    written = true;
  });
  // The writer waits from the moment that no further reader gets in.
  ASSERT_TRUE(wait_until([&] {
    if (!mutex.try_lock_shared()) return true;
    mutex.unlock_shared();
    return false;
  }));
  std::atomic<bool> written_when_read{false};
  std::jthread reader([&] {
    const SharedGuard guard(mutex);
    written_when_read = written.load();
  });
  EXPECT_FALSE(written);
  mutex.unlock_shared();
  reader.join();
  EXPECT_TRUE(written_when_read);
}

// Writers that follow each other without a gap: a lock that always prefers writers never lets the reader in.
TEST(SharedMutexThreads, AStreamOfWritersDoesNotStarveReaders) {
  SharedMutex mutex;
  std::atomic<bool> stop{false};
  long written = 0;
  std::vector<std::jthread> writers;
  for (int i = 0; i < 3; ++i) {
    writers.emplace_back([&] {
      while (!stop) {
        const ExclusiveGuard guard(mutex);
        ++written;
      }
    });
  }
  constexpr int kRounds = 2'000;
  std::atomic<int> rounds{0};
  std::vector<std::jthread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      for (int round = 0; round < kRounds && !stop; ++round) {
        const SharedGuard guard(mutex);
        ++rounds;
      }
    });
  }
  EXPECT_TRUE(wait_until([&] { return rounds == 2 * kRounds; })) << rounds;
  stop = true;
  writers.clear();
  readers.clear();
  EXPECT_TRUE(mutex.try_lock()) << "nothing is left behind in the state";
  mutex.unlock();
}

// Readers that overlap so that there is always one inside: a lock that prefers readers never lets the writer in.
TEST(SharedMutexThreads, AStreamOfReadersDoesNotStarveAWriter) {
  SharedMutex mutex;
  std::atomic<bool> stop{false};
  std::atomic<int> inside{0};
  std::vector<std::jthread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const SharedGuard guard(mutex);
        ++inside;
        // Stays until another reader is inside too, or a waiting writer keeps the others out. Each turn may cost a time
        // slice of everything else on the machine, so they are few; for the readers to overlap one or two are enough.
        for (int spins = 0; spins < 50 && inside < 2 && !stop; ++spins) std::this_thread::yield();
        --inside;
      }
    });
  }
  std::atomic<int> writes{0};
  std::jthread writer([&] {
    while (!stop) {
      const ExclusiveGuard guard(mutex);
      ++writes;
    }
  });
  EXPECT_TRUE(wait_until([&] { return writes >= 100; })) << writes << " writes got in";
  stop = true;
}

}  // namespace
}  // namespace kv
