#include "kv-wal/verify.hpp"

#include "support/base/hex.hpp"
#include "tools/kv_wal/wal_test.hpp"

namespace kv::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class VerifyTest : public WalTest {
 protected:
  ExitCode run_on(std::vector<std::string> paths) { return run(verify, paths); }
};

TEST_F(VerifyTest, SaysWhatIsInEachSegment) {
  make(1, mark(0) + del(1, "a") + del(2, "b") + mark(2) + del(3, "c"));
  make(4, "");
  EXPECT_EQ(run_on({"d"}), ExitCode::kGood);
  EXPECT_THAT(out_, ElementsAre(path(1) + ": records 1 to 3, 2 marks, synced up to 2, 145 bytes: ok",
                                path(4) + ": no records, 0 marks, synced up to 0, 32 bytes: ok"));
  EXPECT_EQ(run_on({path(4), path(1)}), ExitCode::kGood);
  EXPECT_EQ(out_.size(), 2U);
}

TEST_F(VerifyTest, KnowsATornTail) {
  make(1, mark(0) + del(1, "a") + std::string(20, 'x'));
  for (const char* what : {"d", "d/wal-00000000000000000001.log"}) {
    EXPECT_EQ(run_on({what}), ExitCode::kGood);
    EXPECT_THAT(out_, ElementsAre(path(1) + ": records 1 to 1, 1 marks, synced up to 0, 78 bytes",
                                  HasSubstr("damaged at offset 78, where record 2 should begin: the record is cut"),
                                  HasSubstr("torn tail")));
  }
}

TEST_F(VerifyTest, KnowsLostDataByAMark) {
  make(1, mark(0) + del(1, "a") + mark(1));
  files_.flip_bit(path(1), (storage::kSegmentHeaderBytes + storage::kMarkBytes + 18) * 8);
  EXPECT_EQ(run_on({"d"}), ExitCode::kLost);
  EXPECT_THAT(out_, ElementsAre(HasSubstr("no records"), HasSubstr("checksum is wrong"), HasSubstr("LOST")));
}

TEST_F(VerifyTest, KnowsLostDataByTheSegmentThatFollows) {
  make(1, del(1, "a") + del(2, "b").substr(0, 5));
  make(2, del(2, "c"));
  for (const char* what : {"d", "d/wal-00000000000000000001.log"}) {
    EXPECT_EQ(run_on({what}), ExitCode::kLost);
    EXPECT_THAT(out_[2], HasSubstr("LOST: a segment that another one follows"));
  }
}

TEST_F(VerifyTest, NoticesASegmentThatIsMissing) {
  make(1, del(1, "a"));
  make(3, del(3, "c"));
  EXPECT_EQ(run_on({"d"}), ExitCode::kLost);
  EXPECT_THAT(out_,
              ElementsAre(HasSubstr("ok"), HasSubstr("LOST: the segments before it don't reach"), HasSubstr("ok")));
}

// Made while the disk was full, and then not to be removed either: the one before it took more.
TEST_F(VerifyTest, HasNothingAgainstASegmentThatWasNeverWrittenTo) {
  make(1, del(1, "a") + del(2, "b"));
  make(2, "");
  make(3, del(3, "c"));
  EXPECT_EQ(run_on({"d"}), ExitCode::kGood);
  EXPECT_THAT(out_, ElementsAre(HasSubstr("ok"), HasSubstr("no records"), HasSubstr("ok")));
  files_.put(path(2), std::string(10, '\0'));
  EXPECT_EQ(run_on({"d"}), ExitCode::kGood);
  EXPECT_THAT(out_, ElementsAre(HasSubstr("ok"), HasSubstr("no records"), HasSubstr("header is cut short"),
                                HasSubstr("nothing was ever written to it"), HasSubstr("ok")));
  make(6, "");
  EXPECT_EQ(run_on({"d"}), ExitCode::kLost) << "its name says that there was a record 5";
}

TEST_F(VerifyTest, KnowsATornTailBeforeASegmentThatWasNeverWrittenTo) {
  make(1, del(1, "a") + del(2, "b") + del(3, "c").substr(0, 5));
  make(2, "");
  EXPECT_EQ(run_on({"d"}), ExitCode::kGood);
  EXPECT_THAT(out_[2], HasSubstr("torn tail"));
  make(4, "");
  EXPECT_EQ(run_on({"d"}), ExitCode::kLost) << "its name says that there was a record 3";
}

TEST_F(VerifyTest, LooksIntoTheRecords) {
  std::string record = test::unhex("00000002 00000000 0000000000000001 01 07");
  storage::seal(record);
  make(1, record);
  EXPECT_EQ(run_on({"d"}), ExitCode::kLost);
  EXPECT_THAT(out_[1], HasSubstr("offset 32, where record 1 should begin: the record's changes make no sense"));
}

TEST_F(VerifyTest, TakesTheNumberOfARenamedFileFromItsHeader) {
  make(5, del(5, "a"));
  files_.put("copy", files_.content(path(5)));
  EXPECT_EQ(run_on({"copy"}), ExitCode::kGood);
  EXPECT_THAT(out_, ElementsAre(HasSubstr("copy: records 5 to 5")));
}

TEST_F(VerifyTest, SaysWhatItCannotRead) {
  files_.put("notes", "# notes");
  EXPECT_EQ(run_on({"none", "notes", "d"}), ExitCode::kFailed);
  EXPECT_THAT(err_, ElementsAre(HasSubstr("none can't be opened: No such file"), HasSubstr("notes is no segment"),
                                HasSubstr("d has no segments")));
  EXPECT_TRUE(out_.empty());
}

}  // namespace
}  // namespace kv::wal
