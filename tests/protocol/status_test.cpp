#include "kv/protocol/status.hpp"

#include <string>

#include <gtest/gtest.h>

namespace kv::protocol {
namespace {

// The words of the protocol, written out once more so that a slip in the table shows.
constexpr ErrorWord kWords[] = {
    {Errc::kUnknownCommand, Status::kInvalid, "COMMAND"},
    {Errc::kFrame, Status::kInvalid, "FRAME"},
    {Errc::kTooLarge, Status::kInvalid, "TOOLARGE"},
    {Errc::kKey, Status::kInvalid, "KEY"},
    {Errc::kValue, Status::kInvalid, "VALUE"},
    {Errc::kArgument, Status::kInvalid, "ARGUMENT"},
    {Errc::kWrongType, Status::kError, "WRONGTYPE"},
    {Errc::kOverflow, Status::kError, "OVERFLOW"},
    {Errc::kLocked, Status::kError, "LOCKED"},
    {Errc::kNoAuth, Status::kError, "NOAUTH"},
    {Errc::kNoPerm, Status::kError, "NOPERM"},
    {Errc::kOutOfMemory, Status::kError, "OOM"},
    {Errc::kReadOnly, Status::kError, "READONLY"},
    {Errc::kBusy, Status::kError, "BUSY"},
    {Errc::kInternal, Status::kError, "INTERNAL"},
    {Errc::kReplyTooLarge, Status::kError, "TOOLARGE"},
};

TEST(Status, HasTheBytesOfTheProtocol) {
  EXPECT_EQ(static_cast<int>(Status::kOk), 0x00);
  EXPECT_EQ(static_cast<int>(Status::kNull), 0x01);
  EXPECT_EQ(static_cast<int>(Status::kError), 0x02);
  EXPECT_EQ(static_cast<int>(Status::kInvalid), 0x03);
  EXPECT_EQ(static_cast<int>(Status::kPush), 0x10);
}

TEST(ErrorWords, TieEachCodeToItsStatusAndWordBothWays) {
  EXPECT_EQ(error_words().size(), std::size(kWords));
  for (const ErrorWord& expected : kWords) {
    const ErrorWord& row = error_word(expected.code);
    EXPECT_EQ(row.code, expected.code);
    EXPECT_EQ(row.word, expected.word);
    EXPECT_EQ(row.status, expected.status) << expected.word;
    EXPECT_EQ(find_errc(expected.status, expected.word), expected.code) << expected.word;
  }
}

TEST(ErrorWords, FindNothingForWhatIsNotInTheTable) {
  EXPECT_EQ(find_errc(Status::kError, "FRAME"), std::nullopt) << "a word of the other status";
  EXPECT_EQ(find_errc(Status::kInvalid, "LOCKED"), std::nullopt);
  EXPECT_EQ(find_errc(Status::kError, "locked"), std::nullopt);
  EXPECT_EQ(find_errc(Status::kError, "LOCKED "), std::nullopt);
  EXPECT_EQ(find_errc(Status::kError, "LOCK"), std::nullopt);
  EXPECT_EQ(find_errc(Status::kError, ""), std::nullopt);
  EXPECT_EQ(find_errc(Status::kOk, "BUSY"), std::nullopt);
}

TEST(ErrorWordsDeathTest, HaveNoRowForSuccess) {
  EXPECT_DEATH(error_word(Errc::kOk), "broken invariant");
}

}  // namespace
}  // namespace kv::protocol
