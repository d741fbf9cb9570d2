#include "storage/wal.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "storage/record.hpp"
#include "storage/segment.hpp"
#include "support/base/wait.hpp"
#include "support/storage/durable_state.hpp"
#include "support/storage/faulty_file_system.hpp"

namespace kv::storage {
namespace {

using engine::Mutation;
using kv::test::FaultyFileSystem;
using kv::test::wait_until;
using Call = FaultyFileSystem::Call;
using Written = Wal::Written;
using namespace test;
namespace errc = boost::system::errc;

constexpr const char* kFolder = "data";

class WalTest : public testing::Test {
 protected:
  WalTest() { files_.create_directories(kFolder).value(); }

  Wal& open(FsyncPolicy fsync, std::uint64_t segment_bytes = kWalSegmentBytesDefault) {
    // No write is slow here, however busy the machine is.
    const Wal::Options options{.fsync = fsync,
                               .segment_bytes = segment_bytes,
                               .zeros_ahead_bytes = 4'096,
                               .at_once_max = std::chrono::hours(1)};
    wal_ = Wal::open(files_, kFolder, options, Lsn{1}).value();
    return *wal_;
  }
  Lsn put(ByteView data = "value") {
    const Mutation mutation = put_of("key", data);
    return wal_->record({&mutation, 1});
  }
  // The numbers of the records in a segment, in order, and what its last mark says.
  struct Found {
    std::vector<std::uint64_t> records;
    Lsn synced = kNoLsn;
    bool is_damaged = false;
  };
  Found read(std::uint64_t first) {
    auto reader =
        SegmentReader::open(files_, std::string(kFolder) + "/" + segment_name(Lsn{first}), Lsn{first}).value();
    Found found;
    Record record;
    while (reader.next(record).value()) {
      if (record.type == RecordType::kChanges) found.records.push_back(number(record.lsn));
    }
    found.synced = reader.synced();
    found.is_damaged = reader.damage().has_value();
    return found;
  }
  bool has_segment(std::uint64_t first) { return files_.exists(std::string(kFolder) + "/" + segment_name(Lsn{first})); }
  using Numbers = std::vector<std::uint64_t>;

  FaultyFileSystem files_;
  std::unique_ptr<Wal> wal_;
};

TEST_F(WalTest, CommitsWhatIsSyncedUnderAlways) {
  Wal& wal = open(FsyncPolicy::kAlways);
  EXPECT_TRUE(wal.reads_depend_on_log());
  put();
  const Lsn last = put();
  EXPECT_EQ(wal.committed(), kNoLsn);
  EXPECT_EQ(wal.write_group(), Written::kGroup);
  EXPECT_EQ(wal.committed(), last);
  EXPECT_EQ(wal.status().synced, last);
  EXPECT_EQ(wal.write_group(), Written::kNothing);
}

TEST_F(WalTest, CommitsWhatIsWrittenUnderTheOthers) {
  for (const FsyncPolicy fsync : {FsyncPolicy::kInterval, FsyncPolicy::kNever}) {
    wal_.reset();
    files_.remove(std::string(kFolder) + "/" + segment_name(Lsn{1})).has_value();
    Wal& wal = open(fsync);
    EXPECT_FALSE(wal.reads_depend_on_log());
    const Lsn last = put();
    EXPECT_EQ(wal.write_group(), Written::kGroup);
    EXPECT_EQ(wal.committed(), last);
    EXPECT_EQ(wal.status().synced, kNoLsn);
    wal.sync().value();
    EXPECT_EQ(wal.status().synced, last);
  }
}

TEST_F(WalTest, WritesAGroupWithOneWriteAndOneSync) {
  Wal& wal = open(FsyncPolicy::kAlways);
  put();
  wal.write_group();  // fills zeros ahead
  const auto writes = files_.calls(Call::kWrite);
  const auto syncs = files_.calls(Call::kSync);
  for (int i = 0; i < 30; ++i) put();
  wal.write_group();
  EXPECT_EQ(files_.calls(Call::kWrite), writes + 1);
  EXPECT_EQ(files_.calls(Call::kSync), syncs + 1);
  wal.sync().value();
  EXPECT_EQ(files_.calls(Call::kSync), syncs + 1) << "there was nothing to sync";
}

TEST_F(WalTest, TriesAgainUntilThereIsRoom) {
  for (const FsyncPolicy fsync : {FsyncPolicy::kAlways, FsyncPolicy::kInterval}) {
    wal_.reset();
    files_.heal();
    files_.remove(std::string(kFolder) + "/" + segment_name(Lsn{1})).has_value();
    Wal& wal = open(fsync);
    put();
    wal.write_group();
    files_.set_room(files_.used() + (fsync == FsyncPolicy::kAlways ? 0 : 20));
    const std::string data(5'000, 'x');
    put(data);
    EXPECT_EQ(wal.write_group(), Written::kNoSpace);
    EXPECT_TRUE(wal.is_read_only());
    EXPECT_FALSE(wal.has_failed());
    EXPECT_FALSE(wal.accepts_upkeep());
    EXPECT_TRUE(wal.has_room()) << "a write is refused, it needn't wait";
    EXPECT_EQ(wal.committed(), Lsn{1});
    EXPECT_NE(wal.status().read_only_reason, "");
    put();  // one that was under way
    EXPECT_EQ(wal.write_group(), Written::kNoSpace);
    files_.heal();
    EXPECT_EQ(wal.write_group(), Written::kGroup);
    EXPECT_FALSE(wal.is_read_only());
    EXPECT_EQ(wal.status().read_only_reason, "");
    EXPECT_EQ(wal.committed(), Lsn{2});
    EXPECT_EQ(wal.write_group(), Written::kGroup);
    EXPECT_EQ(read(1).records, (Numbers{1, 2, 3}));
  }
}

TEST_F(WalTest, BeginsReadOnlyWhereThereIsNoRoomForASegment) {
  for (const bool finds_room : {false, true}) {
    wal_.reset();
    files_.set_room(files_.used());
    Wal& wal = open(FsyncPolicy::kAlways);
    EXPECT_TRUE(wal.is_read_only());
    EXPECT_FALSE(wal.has_failed());
    EXPECT_FALSE(wal.accepts_upkeep());
    EXPECT_NE(wal.status().read_only_reason, "");
    EXPECT_EQ(wal.committed(), kNoLsn);
    EXPECT_EQ(wal.write_group(), Written::kNoSpace);
    EXPECT_FALSE(has_segment(1)) << "no half of one is in the way";
    EXPECT_TRUE(wal.sync()) << "there is nothing to sync";
    EXPECT_TRUE(wal.sync_through(kNoLsn));
    if (!finds_room) {
      EXPECT_TRUE(wal.stop()) << "nothing is lost";
      continue;
    }
    files_.heal();
    EXPECT_EQ(wal.write_group(), Written::kNothing);
    EXPECT_FALSE(wal.is_read_only());
    EXPECT_EQ(wal.status().read_only_reason, "");
    put();
    EXPECT_EQ(wal.write_group(), Written::kGroup);
    EXPECT_EQ(wal.committed(), Lsn{1});
    EXPECT_TRUE(wal.stop());
    EXPECT_EQ(read(1).records, (Numbers{1}));
  }
}

TEST_F(WalTest, DoesNotBeginWhereThereIsAnotherFaultThanLackOfRoom) {
  files_.fail(Call::kOpen, errc::io_error);
  EXPECT_FALSE(Wal::open(files_, kFolder, {}, Lsn{1}));
}

TEST_F(WalTest, WritesAtOnceWhatNeedsNoSync) {
  for (const FsyncPolicy fsync : {FsyncPolicy::kInterval, FsyncPolicy::kNever}) {
    wal_.reset();
    for (const std::uint64_t first : {1, 4}) {
      files_.remove(std::string(kFolder) + "/" + segment_name(Lsn{first})).has_value();
    }
    Wal& wal = open(fsync, 10'000);
    bool told = false;
    wal.add_listener([&] { told = true; });
    put();
    wal.hurry();
    EXPECT_EQ(wal.committed(), Lsn{1});
    EXPECT_TRUE(told);
    EXPECT_EQ(wal.status().synced, kNoLsn);
    put(std::string(20'000, 'x'));
    wal.hurry();
    EXPECT_EQ(wal.committed(), Lsn{2});
    EXPECT_FALSE(has_segment(3)) << "that takes syncs, and so the log's own thread";
    put();
    wal.hurry();
    EXPECT_EQ(wal.committed(), Lsn{3});
    EXPECT_EQ(wal.write_group(), Written::kNothing);
    EXPECT_TRUE(has_segment(4));
  }
}

TEST_F(WalTest, LeavesToItsOwnThreadWhatMayTakeLong) {
  Wal& wal = open(FsyncPolicy::kInterval);
  put(std::string(300'000, 'x'));
  wal.hurry();
  EXPECT_EQ(wal.committed(), kNoLsn);
  wal.write_group();
  EXPECT_EQ(wal.committed(), Lsn{1});

  files_.set_room(files_.used());
  put();
  wal.hurry();
  EXPECT_TRUE(wal.is_read_only());
  files_.heal();
  wal.hurry();
  EXPECT_EQ(wal.committed(), Lsn{1}) << "what has found no space";
  wal.write_group();
  EXPECT_EQ(wal.committed(), Lsn{2});
}

TEST_F(WalTest, LeavesToItsOwnThreadWhatNeedsASync) {
  Wal& wal = open(FsyncPolicy::kAlways);
  put();
  wal.hurry();
  EXPECT_EQ(wal.status().written, kNoLsn);
}

TEST_F(WalTest, WritesNothingAtOnceAfterAWriteThatTookLong) {
  wal_ = Wal::open(files_, kFolder, {.at_once_max = std::chrono::microseconds(0)}, Lsn{1}).value();
  put();
  wal_->hurry();
  EXPECT_EQ(wal_->committed(), Lsn{1});
  put();
  wal_->hurry();
  EXPECT_EQ(wal_->committed(), Lsn{1});
}

TEST_F(WalTest, EndsForGoodOnceAWriteOrASyncFails) {
  for (const Call call : {Call::kWrite, Call::kSync}) {
    wal_.reset();
    files_.remove(std::string(kFolder) + "/" + segment_name(Lsn{1})).has_value();
    Wal& wal = open(FsyncPolicy::kAlways);
    put();
    wal.write_group();
    files_.fail(call, errc::io_error);
    put();
    EXPECT_EQ(wal.write_group(), Written::kFailed);
    EXPECT_TRUE(wal.has_failed());
    EXPECT_TRUE(wal.is_read_only());
    put();
    EXPECT_EQ(wal.write_group(), Written::kFailed);
    EXPECT_FALSE(wal.sync());
    EXPECT_FALSE(wal.sync_through(Lsn{2}));
    EXPECT_EQ(wal.committed(), Lsn{1});
    EXPECT_FALSE(wal.stop());
    EXPECT_EQ(wal.committed(), Lsn{1});
  }
}

// A sync that fails for lack of room has failed: what it was for is not known to be there, room or not.
TEST_F(WalTest, TakesASyncWithoutSpaceForAFailure) {
  Wal& wal = open(FsyncPolicy::kInterval, 100);
  files_.fail(Call::kSync, errc::no_space_on_device);
  put(std::string(200, 'x'));
  EXPECT_EQ(wal.write_group(), Written::kFailed);
  EXPECT_TRUE(wal.has_failed());
}

TEST_F(WalTest, BeginsANewSegmentOnceOneIsFull) {
  Wal& wal = open(FsyncPolicy::kNever, 1'000);
  for (int i = 0; i < 3; ++i) put(std::string(600, 'x'));
  wal.write_group();
  EXPECT_TRUE(has_segment(4));
  EXPECT_EQ(wal.status().synced, Lsn{3}) << "before the next one has a record";
  put();
  wal.write_group();
  EXPECT_EQ(read(1).records, (Numbers{1, 2, 3}));
  EXPECT_EQ(read(4).records, (Numbers{4}));
}

// Nothing else may be torn when the power goes.
TEST_F(WalTest, SyncsASegmentBeforeThereIsAnother) {
  Wal& wal = open(FsyncPolicy::kNever, 100);
  put(std::string(200, 'x'));
  files_.fail(Call::kSync, errc::io_error);
  EXPECT_EQ(wal.write_group(), Written::kFailed);
  EXPECT_FALSE(has_segment(2));
}

TEST_F(WalTest, GoesOnInTheOldSegmentWhileThereIsNoRoomForANewOne) {
  Wal& wal = open(FsyncPolicy::kAlways, 100);
  files_.fail(Call::kOpen, errc::no_space_on_device);
  put(std::string(200, 'x'));
  EXPECT_EQ(wal.write_group(), Written::kGroup);
  EXPECT_EQ(wal.committed(), Lsn{1});
  EXPECT_FALSE(wal.is_read_only());
  put();
  EXPECT_EQ(wal.write_group(), Written::kGroup);
  EXPECT_EQ(read(1).records, (Numbers{1, 2}));
  EXPECT_TRUE(has_segment(3));
}

TEST_F(WalTest, StopsWithEverythingSyncedAndAMarkThatSaysSo) {
  for (const bool is_started : {false, true}) {
    wal_.reset();
    files_.remove(std::string(kFolder) + "/" + segment_name(Lsn{1})).has_value();
    Wal& wal = open(FsyncPolicy::kNever);
    if (is_started) wal.start();
    put();
    put();
    ASSERT_TRUE(wal.stop());
    EXPECT_EQ(wal.committed(), Lsn{2});
    EXPECT_EQ(wal.status().synced, Lsn{2});
    const Found found = read(1);
    EXPECT_EQ(found.records, (Numbers{1, 2}));
    EXPECT_EQ(found.synced, Lsn{2});
    EXPECT_FALSE(found.is_damaged);
  }
}

TEST_F(WalTest, StopsWithWhatCameBehindAGroupThatHadFoundNoSpace) {
  Wal& wal = open(FsyncPolicy::kNever);
  files_.set_room(files_.used());
  put();
  EXPECT_EQ(wal.write_group(), Written::kNoSpace);
  put();
  files_.heal();
  ASSERT_TRUE(wal.stop());
  EXPECT_EQ(read(1).records, (Numbers{1, 2}));
}

TEST_F(WalTest, SyncsWhatItHasWhereItStopsWithoutSpace) {
  Wal& wal = open(FsyncPolicy::kNever);
  put();
  wal.write_group();
  files_.set_room(files_.used());
  put();
  const auto stopped = wal.stop();
  ASSERT_FALSE(stopped) << "the second record is lost";
  EXPECT_EQ(wal.status().synced, Lsn{1});
}

// A snapshot must not keep the server from stopping.
TEST_F(WalTest, ThreadsDoNotWaitForRoom) {
  Wal& wal = open(FsyncPolicy::kInterval);
  wal.start();
  files_.set_room(files_.used());
  const Lsn last = put();
  EXPECT_FALSE(wal.sync_through(last));
  EXPECT_FALSE(wal.rotate());
  files_.heal();
  EXPECT_TRUE(wait_until([&] { return !wal.is_read_only(); }));
  EXPECT_TRUE(wal.sync_through(last));
  EXPECT_TRUE(wal.stop());
}

TEST_F(WalTest, ThreadsBeginAsSoonAsThereIsRoom) {
  files_.set_room(files_.used());
  Wal& wal = open(FsyncPolicy::kInterval);
  std::atomic<bool> told = false;
  wal.add_listener([&] { told = told || !wal_->is_read_only(); });
  wal.start();
  EXPECT_FALSE(wal.rotate());
  files_.heal();
  EXPECT_TRUE(wait_until([&] { return told.load(); }));
  const Lsn last = put();
  EXPECT_TRUE(wal.sync_through(last));
  EXPECT_TRUE(wal.stop());
}

TEST_F(WalTest, ThreadsCommitAndTellListeners) {
  for (const FsyncPolicy fsync : {FsyncPolicy::kAlways, FsyncPolicy::kInterval, FsyncPolicy::kNever}) {
    wal_.reset();
    files_.remove(std::string(kFolder) + "/" + segment_name(Lsn{1})).has_value();
    Wal& wal = open(fsync);
    std::atomic<int> told = 0;
    wal.add_listener([&] { ++told; });
    wal.start();
    for (int i = 0; i < 200; ++i) {
      const Lsn lsn = put();
      wal.hurry();
      ASSERT_TRUE(wait_until([&] { return wal.committed() >= lsn; }));
    }
    EXPECT_GT(told, 0);
    ASSERT_TRUE(wal.sync_through(wal.last_lsn()));
    EXPECT_EQ(wal.status().synced, wal.last_lsn());
    EXPECT_TRUE(wal.stop());
  }
}

TEST_F(WalTest, ThreadsThatWaitWriteForEachOther) {
  constexpr int kThreads = 4;
  constexpr int kRecords = 500;
  Wal& wal = open(FsyncPolicy::kInterval, 5'000);
  wal.start();
  std::vector<std::thread> threads;
  std::atomic<int> in_vain = 0;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int record = 0; record < kRecords; ++record) {
        const Lsn lsn = put();
        wal.hurry();
        if (!wait_until([&] { return wal.committed() >= lsn; })) ++in_vain;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(in_vain, 0);
  EXPECT_TRUE(wal.stop());
  std::uint64_t expected = 1;
  while (has_segment(expected)) {
    const Numbers records = read(expected).records;
    if (records.empty()) break;
    for (const std::uint64_t lsn : records) EXPECT_EQ(lsn, expected++);
  }
  EXPECT_EQ(expected - 1, kThreads * kRecords);
}

TEST_F(WalTest, ThreadsEndASegmentWithAllThatWasQueued) {
  Wal& wal = open(FsyncPolicy::kNever);
  wal.start();
  for (std::uint64_t round = 0; round < 50; ++round) {
    put();
    const Lsn last = put();
    ASSERT_EQ(wal.rotate().value(), last);
    ASSERT_TRUE(has_segment(number(last) + 1));
    ASSERT_EQ(read(number(last) - 1).records, (Numbers{number(last) - 1, number(last)}));
    ASSERT_EQ(wal.rotate().value(), last) << "nothing is in the new one yet";
  }
  EXPECT_TRUE(wal.stop());
  EXPECT_FALSE(wal.rotate());
}

TEST_F(WalTest, ThreadsSayThatTheLogHasFailed) {
  Wal& wal = open(FsyncPolicy::kInterval);
  std::atomic<bool> told = false;
  wal.add_listener([&] { told = told || wal_->has_failed(); });
  wal.start();
  files_.fail(Call::kSync, errc::io_error);
  put();
  EXPECT_TRUE(wait_until([&] { return told.load(); })) << "by the sync beside the writes";
  EXPECT_FALSE(wal.sync_through(Lsn{1}));
  EXPECT_FALSE(wal.rotate());
  EXPECT_FALSE(wal.stop());
}

}  // namespace
}  // namespace kv::storage
