#include "storage/directory.hpp"

#include <gtest/gtest.h>

#include "storage/segment.hpp"
#include "support/storage/faulty_file_system.hpp"

namespace kv::storage {
namespace {

using test::FaultyFileSystem;
using test::Random;
using Call = FaultyFileSystem::Call;
namespace errc = boost::system::errc;

std::string refusal(FaultyFileSystem& files) {
  const auto directory = DataDirectory::open(files, "/data");
  return directory ? "(opened)" : directory.error().message;
}

TEST(DataDirectory, IsCreatedWithItsFormat) {
  FaultyFileSystem files;
  const auto directory = DataDirectory::open(files, "/data/kv").value();
  EXPECT_EQ(files.content("/data/kv/FORMAT"), "kv-server data, format 1\n");
  EXPECT_TRUE(directory.segments().value().empty());
  EXPECT_TRUE(directory.snapshots().value().empty());
}

TEST(DataDirectory, BelongsToOneServer) {
  FaultyFileSystem files;
  {
    const auto directory = DataDirectory::open(files, "/data").value();
    EXPECT_EQ(refusal(files),
              "Another server uses the data directory /data: stop it, or give this one a directory of its own");
  }
  EXPECT_EQ(refusal(files), "(opened)");
}

TEST(DataDirectory, OfAnotherFormatIsRefused) {
  FaultyFileSystem files;
  ASSERT_TRUE(files.create_directories("/data"));
  files.put("/data/FORMAT", "kv-server data, format 2\n");
  files.put("/data/half.tmp", "what the newer version was making");
  EXPECT_EQ(refusal(files),
            "The data directory /data has format 2, and this version of kv-server knows up to format 1: "
            "use the version that wrote it, or a newer one");
  EXPECT_TRUE(files.exists("/data/half.tmp"));
  for (const char* text : {"", "kv-server data, format 1", "kv-server data, format \n", "kv-server data, format 0\n",
                           "kv-server data, format 1x\n", "kv-server data, format -1\n",
                           "kv-server data, format 99999999999\n", "# my notes\n"}) {
    files.put("/data/FORMAT", text);
    EXPECT_EQ(refusal(files), "/data/FORMAT isn't what kv-server writes: is this the right data directory?") << text;
  }
}

TEST(DataDirectory, WithDataButNoFormatIsRefused) {
  for (const std::string& name : {segment_name(Lsn{1}), snapshot_name(Lsn{5})}) {
    FaultyFileSystem files;
    ASSERT_TRUE(files.create_directories("/data"));
    files.put("/data/" + name, "data");
    EXPECT_EQ(refusal(files),
              "The data directory /data has data, but its file FORMAT is missing: restore the file, or "
              "move the data away");
  }
}

TEST(DataDirectory, ListsSegmentsAndSnapshotsInOrder) {
  FaultyFileSystem files;
  ASSERT_TRUE(DataDirectory::open(files, "/data"));
  for (const Lsn lsn : {Lsn{100}, Lsn{9}, Lsn{1'000}}) {
    files.put("/data/" + segment_name(lsn), "");
    files.put("/data/" + snapshot_name(lsn), "");
  }
  for (const char* name : {"wal-1.log", "wal-00000000000000000000.log", "wal-0000000000000000000x.log",
                           "wal-00000000000000000001.log.bak", "wal-99999999999999999999.log", "notes"}) {
    files.put(std::string("/data/") + name, "");
  }
  const auto directory = DataDirectory::open(files, "/data").value();
  const std::vector<Lsn> sorted{Lsn{9}, Lsn{100}, Lsn{1'000}};
  EXPECT_EQ(directory.segments().value(), sorted);
  EXPECT_EQ(directory.snapshots().value(), sorted);
  EXPECT_EQ(directory.segment_path(Lsn{9}), "/data/wal-00000000000000000009.log");
  EXPECT_EQ(directory.snapshot_path(Lsn{9}), "/data/snapshot-00000000000000000009.kvs");
  EXPECT_TRUE(files.exists("/data/notes"));
}

TEST(DataDirectory, RemovesWhatWasLeftHalfMade) {
  FaultyFileSystem files;
  ASSERT_TRUE(DataDirectory::open(files, "/data"));
  files.put("/data/" + snapshot_name(Lsn{7}) + ".tmp", "half");
  ASSERT_TRUE(DataDirectory::open(files, "/data"));
  EXPECT_FALSE(files.exists("/data/" + snapshot_name(Lsn{7}) + ".tmp"));
}

TEST(DataDirectory, SaysWhatTheDiskRefuses) {
  constexpr Call kCalls[] = {
      Call::kCreateDirectories, Call::kLock, Call::kList, Call::kOpen, Call::kWrite, Call::kSync, Call::kRename,
      Call::kSyncDirectory};
  for (const Call call : kCalls) {
    FaultyFileSystem files;
    files.fail(call, errc::io_error, {.times = FaultyFileSystem::kForever});
    const std::string message = refusal(files);
    EXPECT_NE(message.find("/data"), std::string::npos) << message;
    EXPECT_NE(message.find(": Input/output error"), std::string::npos) << message;
    files.heal();
    EXPECT_EQ(refusal(files), "(opened)") << static_cast<int>(call);
  }
}

TEST(DataDirectory, OpensAfterAPowerCutAtAnyTime) {
  Random random;
  for (int i = 0; i < 300; ++i) {
    FaultyFileSystem files;
    for (const Call call : {Call::kWrite, Call::kSync, Call::kRename, Call::kSyncDirectory}) {
      if (random.one_in(3)) files.fail(call, errc::io_error);
    }
    static_cast<void>(DataDirectory::open(files, "/data"));
    files.heal();
    files.power_cut(random);
    ASSERT_EQ(refusal(files), "(opened)");
    files.power_cut(random);
    ASSERT_EQ(files.content("/data/FORMAT"), "kv-server data, format 1\n");
  }
}

TEST(WriteFile, IsThereAsAWholeOrNotAtAll) {
  Random random;
  for (int i = 0; i < 300; ++i) {
    FaultyFileSystem files;
    ASSERT_TRUE(files.create_directories("d"));
    if (random.one_in(2)) files.cut_short(random.next());
    const std::string content(random.below(5'000), 'x');
    const bool fails = random.one_in(2);
    if (fails) files.fail(Call::kSyncDirectory, errc::io_error);
    ASSERT_EQ(write_file(files, "d", "f", content).has_value(), !fails);
    files.power_cut(random);
    ASSERT_TRUE(fails || files.exists("d/f"));
    if (files.exists("d/f")) {
      ASSERT_EQ(files.content("d/f"), content);
    }
  }
}

// Else data could stand there without it after the power has gone, and would be refused.
TEST(DataDirectory, HasItsFormatForGoodOnceItIsOpen) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    FaultyFileSystem files;
    files.fail(Call::kSyncDirectory, errc::io_error);
    ASSERT_NE(refusal(files), "(opened)");
    files.kill_process();
    ASSERT_EQ(refusal(files), "(opened)");
    Random random(seed);
    files.power_cut(random);
    ASSERT_TRUE(files.exists("/data/FORMAT"));
  }
}

}  // namespace
}  // namespace kv::storage
