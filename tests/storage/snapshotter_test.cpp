#include "storage/snapshotter.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/backup.hpp"
#include "storage/recovery.hpp"
#include "storage/segment.hpp"
#include "support/base/wait.hpp"
#include "support/storage/durable_state.hpp"
#include "support/storage/faulty_file_system.hpp"

namespace kv::storage {
namespace {

using kv::test::FaultyFileSystem;
using kv::test::wait_until;
using testing::ElementsAre;
using testing::UnorderedElementsAre;
using Call = FaultyFileSystem::Call;
using namespace test;
namespace errc = boost::system::errc;

constexpr const char* kFolder = "data";

class SnapshotterTest : public testing::Test {
 protected:
  SnapshotterTest() : directory_(DataDirectory::open(files_, kFolder).value()) { options_.snapshot_compression = 0; }
  ~SnapshotterTest() override { engine_.set_mutation_sink(nullptr); }

  Snapshotter& open(std::uint64_t segment_bytes = kWalSegmentBytesDefault) {
    wal_ = Wal::open(files_, kFolder, {.fsync = FsyncPolicy::kNever, .segment_bytes = segment_bytes}, Lsn{1}).value();
    engine_.set_mutation_sink(wal_.get());
    return snapshotter_.emplace(directory_, options_, engine_, clock_, *wal_);
  }
  // A change that is written at once.
  void change(ByteView key, ByteView data = "value") {
    put(engine_, key, data);
    wal_->write_group();
  }
  // The same where the log's own threads write.
  void change_by_threads(ByteView key, ByteView data = "value") {
    put(engine_, key, data);
    ASSERT_TRUE(wal_->sync_through(wal_->last_lsn()));
  }
  // What a start would find in a folder.
  Result<Entries> found_in(const std::string& folder) {
    auto directory = DataDirectory::open(files_, folder);
    if (!directory) return directory.error();
    engine::Engine engine({.shards = 3});
    if (auto recovered = recover(*directory, engine, 1); !recovered) return recovered.error();
    return entries_of(engine);
  }
  // What a start would find in the data directory if the server were killed now; from then on it is.
  Result<Entries> found() {
    files_.heal();
    files_.kill_process();
    return found_in(kFolder);
  }

  FaultyFileSystem files_;
  DataDirectory directory_;
  Options options_;
  engine::Engine engine_{{.shards = 7}};
  EventfulClock clock_;
  std::unique_ptr<Wal> wal_;
  std::optional<Snapshotter> snapshotter_;
};

TEST_F(SnapshotterTest, TakesOneThatIsGoodWithTheLogFromItsBeginning) {
  Snapshotter& snapshotter = open();
  EXPECT_FALSE(snapshotter.status().last_took.has_value());
  change("a");
  clock_.on_look = [&] { change("b"); };  // between its beginning and its walk
  const SnapshotInfo info = snapshotter.take().value();
  EXPECT_EQ(info.start, Lsn{2});
  EXPECT_EQ(info.end, Lsn{2});
  EXPECT_EQ(snapshotter.status().last_start, Lsn{2});
  EXPECT_EQ(snapshotter.status().last_at, kCreated);
  EXPECT_TRUE(snapshotter.status().last_took.has_value());
  const Entries expected = entries_of(engine_);
  EXPECT_EQ(found().value(), expected);
}

TEST_F(SnapshotterTest, KeepsTwoSnapshotsAndTheLogOfTheOlderOne) {
  Snapshotter& snapshotter = open(100);
  const auto live = [&] {
    for (int i = 0; i < 3; ++i) change(std::to_string(i), std::string(100, 'x'));
  };
  live();
  snapshotter.take().value();
  EXPECT_THAT(directory_.segments().value(), ElementsAre(Lsn{1}, Lsn{2}, Lsn{3}, Lsn{4}))
      << "as long as there is one only, the log takes the place of the older one";
  live();
  snapshotter.take().value();
  EXPECT_THAT(directory_.snapshots().value(), ElementsAre(Lsn{4}, Lsn{7}));
  EXPECT_THAT(directory_.segments().value(), ElementsAre(Lsn{4}, Lsn{5}, Lsn{6}, Lsn{7}));
  live();
  snapshotter.take().value();
  EXPECT_THAT(directory_.snapshots().value(), ElementsAre(Lsn{7}, Lsn{10}));
  EXPECT_THAT(directory_.segments().value(), ElementsAre(Lsn{7}, Lsn{8}, Lsn{9}, Lsn{10}));
  change("last");
  const Entries expected = entries_of(engine_);
  files_.flip_bit(directory_.snapshot_path(Lsn{10}), 1'000);
  EXPECT_EQ(found().value(), expected);
}

TEST_F(SnapshotterTest, LeavesEverythingUsableWhereverTheDiskIsFull) {
  for (std::uint64_t call = 0; call < 12; ++call) {
    for (const Call kind :
         {Call::kOpen, Call::kWrite, Call::kSync, Call::kRename, Call::kSyncDirectory, Call::kRemove, Call::kList}) {
      FaultyFileSystem files;
      const DataDirectory directory = DataDirectory::open(files, kFolder).value();
      engine::Engine engine({.shards = 3});
      const auto wal = Wal::open(files, kFolder,
                                 {.fsync = FsyncPolicy::kAlways, .segment_bytes = 100, .zeros_ahead_bytes = 0}, Lsn{1})
                           .value();
      engine.set_mutation_sink(wal.get());
      Snapshotter snapshotter(directory, options_, engine, clock_, *wal);
      for (int i = 0; i < 8; ++i) {
        if (i == 6) files.fail(kind, errc::no_space_on_device, {.after = call, .times = FaultyFileSystem::kForever});
        put(engine, std::to_string(i), "value");
        wal->write_group();
        if (i % 2 == 0) static_cast<void>(snapshotter.take());
      }
      const Lsn committed = wal->committed();
      files.heal();
      files.kill_process();
      engine.set_mutation_sink(nullptr);
      const DataDirectory again = DataDirectory::open(files, kFolder).value();
      engine::Engine found({.shards = 3});
      const auto recovered = recover(again, found, 1);
      ASSERT_TRUE(recovered) << recovered.error().message;
      ASSERT_GE(recovered->next, next(committed));
      ASSERT_GE(entries_of(found).size(), number(committed));
    }
  }
}

TEST_F(SnapshotterTest, FailsWhereTheLogHasNoRoom) {
  Snapshotter& snapshotter = open();
  change("a");
  snapshotter.take().value();
  files_.set_room(files_.used());
  change("b");
  EXPECT_FALSE(snapshotter.take());
  EXPECT_NE(snapshotter.status().last_error, "");
  EXPECT_THAT(directory_.snapshots().value(), ElementsAre(Lsn{2}));
  files_.heal();
  wal_->write_group();
  EXPECT_TRUE(snapshotter.take());
  EXPECT_EQ(snapshotter.status().last_error, "");
}

TEST_F(SnapshotterTest, ThreadsChangeDataWhileItIsTaken) {
  Snapshotter& snapshotter = open(50'000);
  wal_->start();
  std::atomic<bool> stop = false;
  std::atomic<int> changes = 0;
  std::thread writer([&] {
    kv::test::Random random(1);
    for (; !stop; ++changes) {
      const std::string key = std::to_string(random.below(300));
      if (random.one_in(4)) {
        const ByteView keys[] = {key};
        engine::Call call{.now = kCreated};
        engine_.remove_many(keys, call);
      } else {
        put(engine_, key, random_bytes(random, random.one_in(5) ? 20'000 : 50));
      }
      while (!wal_->has_room()) std::this_thread::yield();
    }
  });
  for (int i = 0; i < 6; ++i) {
    const int before = changes;
    ASSERT_TRUE(wait_until([&] { return changes > before + 100; }));
    EXPECT_TRUE(snapshotter.take());
  }
  stop = true;
  writer.join();
  ASSERT_TRUE(wal_->stop());
  const Entries expected = entries_of(engine_);
  EXPECT_TRUE(found().value() == expected);
}

TEST_F(SnapshotterTest, ThreadsThatAskBeforeItBeginsShareOne) {
  Snapshotter& snapshotter = open();
  wal_->start();
  change_by_threads("a");
  std::atomic<int> told = 0;
  const auto done = [&](const Result<UnixMillis>& at) {
    EXPECT_EQ(at.value(), kCreated);
    ++told;
  };
  for (int i = 0; i < 3; ++i) snapshotter.request("", done);
  const auto renames_before = files_.calls(Call::kRename);
  snapshotter.start();
  EXPECT_TRUE(wait_until([&] { return told == 3; }));
  EXPECT_EQ(files_.calls(Call::kRename), renames_before + 1);
  snapshotter.stop();
  ASSERT_TRUE(wal_->stop());
}

TEST_F(SnapshotterTest, ThreadsAreToldThatTheServerStops) {
  Snapshotter& snapshotter = open();
  int told = 0;
  const auto done = [&](const Result<UnixMillis>& at) {
    EXPECT_FALSE(at);
    ++told;
  };
  snapshotter.request("", done);
  snapshotter.stop();
  EXPECT_EQ(told, 1) << "who asked before";
  snapshotter.request("", done);
  EXPECT_EQ(told, 2) << "who asks after";
}

TEST_F(SnapshotterTest, ThreadsEndASnapshotThatIsUnderWay) {
  Snapshotter& snapshotter = open();
  wal_->start();
  const std::string data(100'000, 'x');
  for (int i = 0; i < 400; ++i) {
    while (!wal_->has_room()) std::this_thread::yield();
    put(engine_, std::to_string(i), data);
  }
  std::atomic<bool> told = false;
  snapshotter.start();
  snapshotter.request("", [&](const Result<UnixMillis>&) { told = true; });
  ASSERT_TRUE(wait_until([&] { return snapshotter.status().running || told; }));
  snapshotter.stop();
  EXPECT_TRUE(told);
  const auto names = files_.list(kFolder).value();
  EXPECT_TRUE(std::ranges::none_of(names, [](const std::string& name) { return name.ends_with(".tmp"); }));
  ASSERT_TRUE(wal_->stop());
}

TEST_F(SnapshotterTest, ThreadsTakeOneWhenItIsDue) {
  options_.snapshot_changes = 5;
  Snapshotter& snapshotter = open();
  wal_->start();
  snapshotter.start();
  for (int i = 0; i < 4; ++i) change_by_threads(std::to_string(i));
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  EXPECT_EQ(snapshotter.status().last_at, 0) << "not yet";
  change_by_threads("last");
  EXPECT_TRUE(wait_until([&] { return snapshotter.status().last_at != 0; }));
  snapshotter.stop();
  ASSERT_TRUE(wal_->stop());
}

TEST_F(SnapshotterTest, ThreadsTakeOneAfterAWhileUnlessNothingChanged) {
  options_.snapshot_interval = std::chrono::seconds(1);
  Snapshotter& snapshotter = open();
  wal_->start();
  snapshotter.start();
  std::this_thread::sleep_for(std::chrono::milliseconds(1'400));
  EXPECT_EQ(snapshotter.status().last_at, 0);
  change_by_threads("a");
  EXPECT_TRUE(wait_until([&] { return snapshotter.status().last_at != 0; }));
  snapshotter.stop();
  ASSERT_TRUE(wal_->stop());
}

TEST_F(SnapshotterTest, ThreadsTakeOneForTheLogsBytes) {
  options_.snapshot_wal_bytes = 1'000;
  Snapshotter& snapshotter = open();
  wal_->start();
  snapshotter.start();
  change_by_threads("a", std::string(2'000, 'x'));
  EXPECT_TRUE(wait_until([&] { return snapshotter.status().last_at != 0; }));
  snapshotter.stop();
  ASSERT_TRUE(wal_->stop());
}

// Ten times what the disk holds goes through the log.
TEST_F(SnapshotterTest, IsDueWhileThereIsStillRoomForOne) {
  constexpr std::uint64_t kRoom = 100'000;
  options_.snapshot_pause = std::chrono::milliseconds(0);
  options_.snapshot_wal_bytes = 0;
  Snapshotter& snapshotter = open(5'000);
  files_.set_room(files_.used() + kRoom);
  int taken = 0;
  for (std::uint64_t written = 0; written < 10 * kRoom; written += 1'000) {
    change("key", std::string(1'000, 'x'));
    ASSERT_FALSE(wal_->is_read_only());
    if (!snapshotter.is_due()) continue;
    EXPECT_TRUE(snapshotter.take());
    ++taken;
  }
  EXPECT_LT(taken, 100) << "one for each half of what is left";
  const Entries expected = entries_of(engine_);
  EXPECT_EQ(found().value(), expected);
}

TEST_F(SnapshotterTest, IsNotDueWhereItWouldFindNoRoom) {
  options_.snapshot_pause = std::chrono::milliseconds(0);
  options_.snapshot_wal_bytes = 0;
  Snapshotter& snapshotter = open();
  change("key", std::string(10'000, 'x'));
  EXPECT_FALSE(snapshotter.is_due());
  files_.set_room(files_.used() + 10'000);
  EXPECT_TRUE(snapshotter.is_due());
  files_.heal();
  snapshotter.take().value();
  change("other");
  files_.set_room(files_.used() + 10'000);
  EXPECT_FALSE(snapshotter.is_due()) << "the last one took more";
}

TEST_F(SnapshotterTest, ThreadsKeepAPauseBetweenTwo) {
  options_.snapshot_changes = 1;
  options_.snapshot_pause = std::chrono::milliseconds(1'000);
  Snapshotter& snapshotter = open();
  wal_->start();
  change_by_threads("a");
  const auto before = std::chrono::steady_clock::now();
  snapshotter.start();
  ASSERT_TRUE(wait_until([&] { return snapshotter.status().last_start == Lsn{2}; }));
  change_by_threads("b");
  ASSERT_TRUE(wait_until([&] { return snapshotter.status().last_start == Lsn{3}; }));
  EXPECT_GE(std::chrono::steady_clock::now() - before, options_.snapshot_pause);
  change_by_threads("c");
  std::atomic<bool> told = false;
  snapshotter.request("", [&](const Result<UnixMillis>&) { told = true; });
  ASSERT_TRUE(wait_until([&] { return told.load(); }));
  EXPECT_EQ(snapshotter.status().last_start, Lsn{4}) << "who asks needn't wait";
  snapshotter.stop();
  ASSERT_TRUE(wal_->stop());
}

TEST_F(SnapshotterTest, ThreadsMakeABackupWhileOthersWrite) {
  Snapshotter& snapshotter = open(500);
  wal_->start();
  snapshotter.start();
  for (int i = 0; i < 20; ++i) change_by_threads(std::to_string(i), std::string(100, 'x'));
  const Entries expected = entries_of(engine_);
  std::atomic<bool> told = false;
  snapshotter.request("backup", [&](const Result<UnixMillis>& at) {
    EXPECT_TRUE(at);
    told = true;
  });
  EXPECT_TRUE(wait_until([&] { return told.load(); }));
  change_by_threads("later");
  EXPECT_THAT(files_.list("backup").value(), UnorderedElementsAre(kFormatName, snapshot_name(Lsn{21})))
      << "nothing has changed since the snapshot began";
  told = false;
  snapshotter.request("backup", [&](const Result<UnixMillis>& at) {
    EXPECT_FALSE(at) << "it isn't empty any more";
    told = true;
  });
  EXPECT_TRUE(wait_until([&] { return told.load(); }));
  snapshotter.stop();
  ASSERT_TRUE(wal_->stop());
  ASSERT_TRUE(restore(files_, "backup", "restored"));
  EXPECT_EQ(found_in("restored").value(), expected);
}

class BackupTest : public SnapshotterTest {
 protected:
  // Three segments, of which a snapshot needs the last two.
  BackupTest() {
    open(100);
    for (int i = 0; i < 2; ++i) change(std::to_string(i), std::string(100, 'x'));
    clock_.on_look = [this] {
      if (number(wal_->last_lsn()) < 4)
        change(std::to_string(wal_->last_lsn() == Lsn{2} ? 2 : 3), std::string(100, 'x'));
    };
    snapshot_ = snapshotter_->take().value().start;
    clock_.on_look = nullptr;
  }
  Lsn snapshot_{};
};

TEST_F(BackupTest, LinksTheSnapshotAndTheLogThatItNeeds) {
  ASSERT_TRUE(back_up(directory_, snapshot_, wal_->last_lsn(), "backup"));
  EXPECT_THAT(files_.list("backup").value(),
              UnorderedElementsAre(kFormatName, snapshot_name(Lsn{3}), segment_name(Lsn{3}), segment_name(Lsn{4})));
  const Entries expected = entries_of(engine_);
  ASSERT_GT(restore(files_, "backup", "restored").value(), 200);
  kv::test::Random random(1);
  files_.power_cut(random);
  EXPECT_EQ(found_in("restored").value(), expected) << "it was synced";
}

TEST_F(BackupTest, RefusesFoldersThatAreNotEmpty) {
  ASSERT_TRUE(back_up(directory_, snapshot_, wal_->last_lsn(), "backup"));
  EXPECT_FALSE(back_up(directory_, snapshot_, wal_->last_lsn(), "backup"));
  files_.create_directories("full").value();
  files_.put("full/something", "");
  EXPECT_FALSE(restore(files_, "backup", "full"));
  EXPECT_FALSE(restore(files_, "full", "restored")) << "there is no backup";
  EXPECT_FALSE(restore(files_, "nowhere", "restored"));
}

TEST_F(BackupTest, IsRefusedWhereItBrokeOff) {
  ASSERT_TRUE(back_up(directory_, snapshot_, wal_->last_lsn(), "backup"));
  for (std::uint64_t call = 0;; ++call) {
    const std::string half = "half " + std::to_string(call);
    const std::string copy = "copy " + std::to_string(call);
    files_.fail(Call::kLink, errc::io_error, {.after = call, .times = FaultyFileSystem::kForever});
    files_.fail(Call::kWrite, errc::io_error, {.after = call, .times = FaultyFileSystem::kForever});
    const bool is_backed_up = back_up(directory_, snapshot_, wal_->last_lsn(), half).has_value();
    const bool is_restored = restore(files_, "backup", copy).has_value();
    files_.heal();
    EXPECT_EQ(restore(files_, half, "restored " + half).has_value(), is_backed_up);
    EXPECT_EQ(DataDirectory::open(files_, copy).has_value(), is_restored);
    if (is_backed_up && is_restored) break;
    ASSERT_LT(call, 20);
  }
}

}  // namespace
}  // namespace kv::storage
