// Commands on what is kept: SNAPSHOT LASTSAVE.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "command/test_server.hpp"

namespace kv::test {
namespace {

using protocol::PendingReply;

constexpr UnixMillis kSavedAt = 1'700'000'000'123;
constexpr std::uint8_t kWait = 0;
constexpr std::uint8_t kBackground = 1;
constexpr std::uint8_t kBackup = 2;

class Persistence : public CommandTest {
 protected:
  Persistence() { administration.persistence_state.enabled = true; }

  static Reply completed(PendingReply& pending) {
    ByteBuffer out;
    EXPECT_EQ(pending.complete(out), kNoLsn);
    return decode_reply(out.view());
  }
  static Reply withdrawn(PendingReply& pending) {
    ByteBuffer out;
    EXPECT_EQ(pending.withdraw(out), kNoLsn);
    return decode_reply(out.view());
  }
  // The latest snapshot that was asked for is done.
  void finish(Result<UnixMillis> saved = kSavedAt) { administration.asked.back().done(std::move(saved)); }

  std::uint64_t internal_errors() const { return counters.totals().errors[static_cast<std::size_t>(Errc::kInternal)]; }
};

TEST_F(Persistence, SnapshotAnswersWhenItIsDone) {
  const auto pending = start(snapshot(kWait));
  ASSERT_EQ(administration.asked.size(), 1U);
  EXPECT_EQ(administration.asked[0].backup_folder, "");
  int woken = 0;
  pending->notify([&] { ++woken; });
  EXPECT_EQ(woken, 0);
  EXPECT_GT(pending->time_left(), std::chrono::hours(24)) << "it waits as long as the snapshot takes";
  finish();
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(completed(*pending), ok_u64(kSavedAt));
  EXPECT_EQ(woken, 1);
  pending->undeliverable();
}

TEST_F(Persistence, ASnapshotThatIsDoneBeforeItsSessionSleepsWakesItAtOnce) {
  const auto pending = start(snapshot(kWait));
  finish();
  int woken = 0;
  pending->notify([&] { ++woken; });
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(completed(*pending), ok_u64(kSavedAt));
}

TEST_F(Persistence, WhatIsDoneAtOnceNeedsNoWait) {
  administration.at_once = kSavedAt;
  EXPECT_EQ(run(snapshot(kWait)), ok_u64(kSavedAt));
  EXPECT_EQ(run(snapshot(kBackup, "/backup")), ok_u64(kSavedAt));
  EXPECT_EQ(run(snapshot(kBackground)), ok());
}

TEST_F(Persistence, ABackgroundSnapshotIsAnsweredWhenItHasBegun) {
  EXPECT_EQ(run(snapshot(kBackground)), ok());
  ASSERT_EQ(administration.asked.size(), 1U);
  EXPECT_EQ(administration.asked[0].backup_folder, "");
  finish(Error{Errc::kInternal, "nobody hears this"});
}

TEST_F(Persistence, ABackupNamesItsFolder) {
  const auto pending = start(snapshot(kBackup, "/var/backup/h\xC3\xA9"));
  ASSERT_EQ(administration.asked.size(), 1U);
  EXPECT_EQ(administration.asked[0].backup_folder, "/var/backup/h\xC3\xA9");
  finish();
  EXPECT_EQ(completed(*pending), ok_u64(kSavedAt));
}

TEST_F(Persistence, AFailureSaysWhy) {
  for (const Errc code : {Errc::kInternal, Errc::kReadOnly, Errc::kArgument}) {
    const auto pending = start(snapshot(kWait));
    finish(Error{code, "the disk is full"});
    const Reply reply = completed(*pending);
    EXPECT_EQ(reply, error("INTERNAL"));
    EXPECT_EQ(reply.payload, "INTERNAL the disk is full");
  }
  administration.at_once = Error{Errc::kReadOnly, "the disk is gone"};
  for (const std::string& request : {snapshot(kWait), snapshot(kBackground), snapshot(kBackup, "/b")}) {
    EXPECT_EQ(run(request).payload, "INTERNAL the disk is gone");
  }
  EXPECT_EQ(internal_errors(), 6U);
}

TEST_F(Persistence, AReasonFitsTheSmallestReplyAndIsText) {
  administration.at_once = Error{Errc::kInternal, std::string(5'000, 'f') + "\xFF\n"};
  EXPECT_LT(run(snapshot(kWait)).payload.size(), kPayloadBytesFloor);
  administration.at_once = Error{Errc::kInternal, "can't make \xFF\n"};
  EXPECT_EQ(run(snapshot(kWait)).payload, R"(INTERNAL can't make \xff\n)");
}

TEST_F(Persistence, WhoWithdrawsLeavesTheSnapshotToItself) {
  auto pending = start(snapshot(kWait));
  int woken = 0;
  pending->notify([&] { ++woken; });
  const Reply reply = withdrawn(*pending);
  EXPECT_EQ(reply, error("INTERNAL"));
  EXPECT_TRUE(reply.payload.starts_with("INTERNAL the server is stopping")) << reply;
  pending.reset();
  finish();
  EXPECT_EQ(woken, 0) << "nobody is there to be woken";
}

TEST_F(Persistence, WhoHasStoppedSendingGetsItsAnswerAllTheSame) {
  EXPECT_FALSE(start(snapshot(kWait))->ends_with_peer());
}

TEST_F(Persistence, WhoWithdrawsTooLateLearnsThatItIsDone) {
  const auto pending = start(snapshot(kWait));
  finish();
  EXPECT_EQ(withdrawn(*pending), ok_u64(kSavedAt));
}

TEST_F(Persistence, AWaitThatEndsTooSoonIsAnErrorAndNoLie) {
  const auto pending = start(snapshot(kWait));
  EXPECT_EQ(completed(*pending), error("INTERNAL"));
  finish();
}

TEST_F(Persistence, EachSnapshotWakesItsOwnSession) {
  std::vector<std::unique_ptr<PendingReply>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(start(snapshot(kWait)));
  for (std::size_t i = 3; i-- > 0;) administration.asked[i].done(kSavedAt + i);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(completed(*waiting[i]), ok_u64(kSavedAt + i));
}

TEST_F(Persistence, WithoutADataDirectoryItSaysHowToSwitchItOn) {
  administration.persistence_state.enabled = false;
  for (const std::string& request : {snapshot(kWait), snapshot(kBackground), snapshot(kBackup, "/b")}) {
    const Reply reply = run(request);
    EXPECT_EQ(reply, error("INTERNAL"));
    EXPECT_NE(reply.payload.find("--data-dir"), std::string::npos) << reply;
  }
  EXPECT_TRUE(administration.asked.empty());
}

TEST_F(Persistence, ThePayloadIsCheckedFirst) {
  const std::string too_long = "/" + std::string(4'095, 'f');
  for (const bool enabled : {true, false}) {
    administration.persistence_state.enabled = enabled;
    EXPECT_EQ(run(frame(protocol::Command::kSnapshot)), invalid("FRAME"));
    EXPECT_EQ(run(snapshot(kWait, "/folder")), invalid("FRAME"));
    EXPECT_EQ(run(snapshot(kBackground, std::string(1, '\0'))), invalid("FRAME"));
    EXPECT_EQ(run(frame(protocol::Command::kLastsave, "x")), invalid("FRAME"));
    for (const int mode : {3, 4, 0x80, 0xFF}) {
      EXPECT_EQ(run(snapshot(static_cast<std::uint8_t>(mode))), invalid("ARGUMENT")) << mode;
      EXPECT_EQ(run(snapshot(static_cast<std::uint8_t>(mode), "/folder")), invalid("ARGUMENT")) << mode;
    }
    for (const std::string& folder : {std::string(), std::string("folder"), std::string("./folder"),
                                      std::string("/a\0b", 4), std::string("/\xFF"), too_long}) {
      EXPECT_EQ(run(snapshot(kBackup, folder)), invalid("ARGUMENT")) << folder;
    }
  }
  EXPECT_TRUE(administration.asked.empty());
}

TEST_F(Persistence, BothWorkWhileTheServerIsReadOnly) {
  read_only = true;
  administration.persistence_state.read_only = true;
  administration.persistence_state.last_snapshot_at = kSavedAt;
  const auto pending = start(snapshot(kWait));
  finish();
  EXPECT_EQ(completed(*pending), ok_u64(kSavedAt));
  EXPECT_EQ(run(lastsave()), ok_u64(kSavedAt));
}

TEST_F(Persistence, LastsaveIsTheTimeOfTheNewestSnapshot) {
  EXPECT_EQ(run(lastsave()), ok_u64(0)) << "there is none yet";
  administration.persistence_state.last_snapshot_at = kSavedAt;
  EXPECT_EQ(run(lastsave()), ok_u64(kSavedAt));
  administration.persistence_state = {};
  EXPECT_EQ(run(lastsave()), ok_u64(0)) << "without a data directory";
}

TEST_F(Persistence, NeitherIsAWriteNorHeavy) {
  for (const auto command : {protocol::Command::kSnapshot, protocol::Command::kLastsave}) {
    const protocol::Frame request{static_cast<std::uint8_t>(command), ByteView("\0", 1)};
    EXPECT_FALSE(dispatcher.may_write(request));
    EXPECT_EQ(dispatcher.weigh(request), protocol::Weight::kLight);
    dispatcher.prefetch({&request, 1});
  }
}

// `done` comes from the thread that takes the snapshot, while the session goes to sleep, wakes or leaves.
TEST_F(Persistence, ASnapshotIsDoneOnAnyThread) {
  for (int i = 0; i < 500; ++i) {
    auto pending = start(snapshot(kWait));
    const auto woken = std::make_shared<std::atomic<bool>>(false);
    std::thread snapshots([done = std::move(administration.asked.back().done)] { done(kSavedAt); });
    pending->notify([woken] { *woken = true; });
    if (i % 2 == 0) {
      while (!*woken) std::this_thread::yield();
      EXPECT_EQ(completed(*pending), ok_u64(kSavedAt));
    }
    pending.reset();
    snapshots.join();
  }
}

}  // namespace
}  // namespace kv::test
