#include "kv-wal/repair.hpp"

#include "tools/kv_wal/wal_test.hpp"

namespace kv::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using RepairTest = WalTest;
using Call = test::FaultyFileSystem::Call;
namespace errc = boost::system::errc;

constexpr std::uint64_t kHeader = storage::kSegmentHeaderBytes;

TEST_F(RepairTest, CutsAtARecordAndKeepsWhatItCuts) {
  make(1, del(1, "a") + del(2, "b") + del(3, "c"));
  const std::string before = files_.content(path(1));
  const std::uint64_t offset = kHeader + del(1, "a").size();
  EXPECT_EQ(run(repair, path(1), offset), ExitCode::kGood);
  EXPECT_THAT(out_, ElementsAre("Cut 42 bytes: records 2 to 3. They are kept in " + path(1) + ".bak"));
  EXPECT_THAT(err_, IsEmpty());
  test::Random random;
  files_.power_cut(random);
  EXPECT_EQ(files_.content(path(1)), before.substr(0, offset));
  EXPECT_EQ(files_.content(path(1) + ".bak"), before.substr(offset));
}

TEST_F(RepairTest, CutsWhereTheDamageBegins) {
  make(1, del(1, "a") + std::string(3U << 20, 'x'));
  EXPECT_EQ(run(repair, path(1), kHeader + del(1, "a").size()), ExitCode::kGood);
  EXPECT_THAT(out_, ElementsAre(HasSubstr("3145728 bytes: no record that could be read, and all from the damage on")));
  EXPECT_EQ(files_.content(path(1) + ".bak").size(), 3U << 20);
}

TEST_F(RepairTest, CutsNowhereElse) {
  make(1, del(1, "a") + del(2, "b") + "x");
  const std::string before = files_.content(path(1));
  const std::uint64_t record = del(1, "a").size();
  for (const std::uint64_t offset : {kHeader - kHeader, kHeader - 1, kHeader + 1, kHeader + 2 * record + 1, ~kHeader}) {
    EXPECT_EQ(run(repair, path(1), offset), ExitCode::kFailed) << offset;
    EXPECT_THAT(err_, ElementsAre(HasSubstr("no record that begins at offset " + std::to_string(offset))));
  }
  EXPECT_EQ(files_.content(path(1)), before);
  EXPECT_FALSE(files_.exists(path(1) + ".bak"));
}

TEST_F(RepairTest, RefusesWhileAServerUsesTheDirectory) {
  make(1, del(1, "a"));
  const auto server = storage::DataDirectory::open(files_, "d").value();
  EXPECT_EQ(run(repair, path(1), kHeader), ExitCode::kFailed);
  EXPECT_THAT(err_, ElementsAre("A server uses d: stop it first"));
}

TEST_F(RepairTest, LeavesTheCopyOfAnEarlierRepairAlone) {
  make(1, del(1, "a"));
  files_.put(path(1) + ".bak", "precious");
  EXPECT_EQ(run(repair, path(1), kHeader), ExitCode::kFailed);
  EXPECT_THAT(err_, ElementsAre(HasSubstr("is there already")));
  EXPECT_EQ(files_.content(path(1) + ".bak"), "precious");
}

TEST_F(RepairTest, CutsNothingThatItCouldNotKeep) {
  make(1, del(1, "a"));
  const std::string before = files_.content(path(1));
  for (const Call call : {Call::kWrite, Call::kSync, Call::kSyncDirectory}) {
    files_.fail(call, errc::io_error);
    EXPECT_EQ(run(repair, path(1), kHeader), ExitCode::kFailed);
    EXPECT_THAT(err_, ElementsAre(HasSubstr("Input/output error")));
    EXPECT_EQ(files_.content(path(1)), before);
    EXPECT_FALSE(files_.exists(path(1) + ".bak"));
  }
}

TEST_F(RepairTest, SpeaksOfTheSegmentsThatFollow) {
  make(1, del(1, "a"));
  make(2, del(2, "b"));
  EXPECT_EQ(run(repair, path(1), kHeader), ExitCode::kGood);
  EXPECT_THAT(out_, ElementsAre(HasSubstr("records 1 to 1"), HasSubstr("The segments after this one")));
}

TEST_F(RepairTest, TakesAFileOnly) {
  make(1, del(1, "a"));
  EXPECT_EQ(run(repair, std::string("d"), kHeader), ExitCode::kFailed);
  EXPECT_THAT(err_, ElementsAre(HasSubstr("d is a directory")));
}

}  // namespace
}  // namespace kv::wal
