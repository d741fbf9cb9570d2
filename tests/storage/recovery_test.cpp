#include "storage/recovery.hpp"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/segment.hpp"
#include "storage/snapshot_writer.hpp"
#include "support/storage/durable_state.hpp"
#include "support/storage/faulty_file_system.hpp"
#include "support/storage/random_mutation.hpp"

namespace kv::storage {
namespace {

using engine::Mutation;
using kv::test::encoded_record;
using kv::test::FaultyFileSystem;
using kv::test::Random;
using kv::test::RandomMutations;
using testing::HasSubstr;
using namespace test;

using Batch = std::vector<Mutation>;

constexpr const char* kFolder = "data";

class RecoveryTest : public testing::Test {
 protected:
  RecoveryTest() : directory_(DataDirectory::open(files_, kFolder).value()) {}

  std::string path(Lsn first) const { return directory_.segment_path(first); }

  // A segment with a mark and these records, one after the other.
  void write_segment(std::uint64_t first, const std::vector<Batch>& records, Lsn synced = kNoLsn) {
    auto writer = SegmentWriter::create(files_, kFolder, Lsn{first}).value();
    const auto mark = encode_mark(synced);
    std::string bytes(mark.begin(), mark.end());
    for (const Batch& record : records) bytes += encoded_record(Lsn{first++}, record);
    writer.append(std::vector<ByteView>{bytes}).value();
    writer.close().value();
  }
  void write_snapshot(std::uint64_t start, std::uint64_t end, const Batch& puts, std::uint64_t token = 0) {
    const auto writer = SnapshotWriter::create(files_, kFolder, Lsn{start}, {.created = kCreated}).value();
    for (const Mutation& put : puts) writer->add(put);
    writer->finish(Lsn{end}, token).value();
  }
  void damage(const std::string& path) { files_.flip_bit(path, files_.content(path).size() * 4); }

  struct Outcome {
    Recovered recovered;
    Entries entries;
    std::uint64_t token;
  };
  Result<Outcome> recover(unsigned threads = 1) {
    engine::Engine engine({.shards = 5});
    const auto recovered = storage::recover(directory_, engine, threads);
    if (!recovered) return recovered.error();
    return Outcome{*recovered, entries_of(engine), engine.last_token()};
  }
  std::string fault() {
    const auto outcome = recover();
    return outcome ? "none" : outcome.error().message;
  }

  FaultyFileSystem files_;
  DataDirectory directory_;
};

TEST_F(RecoveryTest, FindsNothingInAnEmptyDirectory) {
  const Outcome outcome = recover().value();
  EXPECT_EQ(outcome.recovered.next, Lsn{1});
  EXPECT_TRUE(outcome.entries.empty());
}

TEST_F(RecoveryTest, ReplaysTheLogAlone) {
  write_segment(1, {{put_of("a", "1")}, {put_of("b", "2", 1'000)}});
  write_segment(3, {{delete_of("a")}, {put_of("c", "3"), put_of("d", "4")}}, Lsn{2});
  const Outcome outcome = recover().value();
  EXPECT_EQ(outcome.recovered.next, Lsn{5});
  EXPECT_EQ(outcome.recovered.records, 4);
  EXPECT_EQ(outcome.recovered.snapshot, kNoLsn);
  // A deadline that has passed is a point in time like any other.
  EXPECT_EQ(outcome.entries, (Entries{{"b", {value::ValueType::kBytes, "2", 1'000, false}},
                                      {"c", bytes_entry("3")},
                                      {"d", bytes_entry("4")}}));
}

TEST_F(RecoveryTest, ReplaysTheLogFromWhereTheSnapshotBegins) {
  write_segment(1, {{put_of("a", "old")}, {put_of("b", "old")}, {put_of("c", "new")}});
  write_snapshot(3, 3, {put_of("a", "new")}, 77);
  const Outcome outcome = recover().value();
  EXPECT_EQ(outcome.recovered.snapshot, Lsn{3});
  EXPECT_EQ(outcome.recovered.records, 1) << "those before are in the snapshot";
  EXPECT_EQ(outcome.recovered.next, Lsn{4});
  EXPECT_EQ(outcome.entries, (Entries{{"a", bytes_entry("new")}, {"c", bytes_entry("new")}}));
  EXPECT_EQ(outcome.token, 77);
}

TEST_F(RecoveryTest, IsContentWithASnapshotThatNeedsNoLog) {
  write_snapshot(8, 7, {put_of("a", "1")});
  EXPECT_EQ(recover().value().recovered.next, Lsn{8});
}

TEST_F(RecoveryTest, RaisesTheTokenToWhatTheLogHas) {
  Mutation lock = put_of("job", "me", 2'000);
  lock.is_lock = true;
  lock.token = 123'456;
  write_segment(1, {{lock}, {delete_of("job")}});
  EXPECT_EQ(recover().value().token, 123'456);
}

TEST_F(RecoveryTest, ClearsInTheMiddle) {
  write_segment(1, {{put_of("a", "1")}, {clear(), put_of("b", "2")}, {put_of("c", "3")}});
  for (const unsigned threads : {1U, 4U}) {
    EXPECT_EQ(recover(threads).value().entries, (Entries{{"b", bytes_entry("2")}, {"c", bytes_entry("3")}}));
  }
}

TEST_F(RecoveryTest, FallsBackToTheSnapshotBeforeADamagedOne) {
  write_segment(1, {{put_of("a", "1")}, {put_of("b", "2")}, {put_of("c", "3")}});
  write_snapshot(2, 1, {put_of("a", "1")});
  write_snapshot(3, 2, {put_of("a", "1"), put_of("b", "2")});
  damage(directory_.snapshot_path(Lsn{3}));
  const Outcome outcome = recover().value();
  EXPECT_EQ(outcome.recovered.snapshot, Lsn{2});
  EXPECT_EQ(outcome.entries.size(), 3);
  damage(directory_.snapshot_path(Lsn{2}));
  EXPECT_EQ(recover().value().entries, outcome.entries) << "the log goes back to its beginning";
}

TEST_F(RecoveryTest, FailsWithoutAGoodSnapshotAndTheWholeLog) {
  write_segment(2, {{put_of("b", "2")}});
  write_snapshot(2, 1, {put_of("a", "1")});
  damage(directory_.snapshot_path(Lsn{2}));
  EXPECT_THAT(fault(), HasSubstr("no snapshot is good"));
}

TEST_F(RecoveryTest, FailsWhereALogIsMissing) {
  write_segment(1, {{put_of("a", "1")}});
  write_segment(3, {{put_of("c", "3")}});
  EXPECT_THAT(fault(), HasSubstr("lacks the records from 2 to 2, before " + path(Lsn{3})));
  files_.remove(path(Lsn{1})).value();
  EXPECT_THAT(fault(), HasSubstr("lacks the records from 1"));
}

TEST_F(RecoveryTest, FailsWhereTheLogEndsBeforeTheSnapshotDoes) {
  write_segment(1, {{put_of("a", "1")}, {put_of("b", "1")}});
  write_snapshot(2, 5, {put_of("a", "1")});
  EXPECT_THAT(fault(), HasSubstr("ends before record 5"));
}

TEST_F(RecoveryTest, FailsWhereASegmentHasAnothersName) {
  write_segment(1, {{put_of("a", "1")}});
  write_segment(5, {{put_of("b", "1")}});
  files_.rename(path(Lsn{5}), path(Lsn{2})).value();
  EXPECT_THAT(fault(), HasSubstr("doesn't belong to the file's name"));
}

TEST_F(RecoveryTest, CutsATornTailAndSaysHowLongItWas) {
  const Batch last{put_of("x", "1"), put_of("y", "2")};
  write_segment(1, {{put_of("a", "1")}, last});
  const std::string whole = files_.content(path(Lsn{1}));
  const std::size_t good = whole.size() - encoded_record(Lsn{2}, last).size();
  // Three bytes of it are zeros, as they stand behind the end of any log, too.
  for (std::size_t size = good + 4; size < whole.size(); ++size) {
    files_.put(path(Lsn{1}), whole.substr(0, size));
    const Outcome outcome = recover().value();
    ASSERT_EQ(outcome.recovered.cut_bytes, size - good);
    ASSERT_EQ(outcome.recovered.next, Lsn{2});
    ASSERT_EQ(outcome.entries, (Entries{{"a", bytes_entry("1")}})) << "both of an MSET, or none";
    ASSERT_EQ(files_.content(path(Lsn{1})).size(), good);
    ASSERT_EQ(recover().value().recovered.cut_bytes, 0);
  }
}

TEST_F(RecoveryTest, FailsWhereWhatWasSyncedIsDamaged) {
  auto writer = SegmentWriter::create(files_, kFolder, Lsn{1}).value();
  const auto mark = encode_mark(Lsn{1});
  writer.append(std::vector<ByteView>{encoded_record(Lsn{1}, Batch{put_of("a", "1")})}).value();
  writer.append(std::vector<ByteView>{{mark.data(), mark.size()}}).value();
  writer.append(std::vector<ByteView>{encoded_record(Lsn{2}, Batch{put_of("b", "1")})}).value();
  writer.close().value();
  files_.flip_bit(path(Lsn{1}), (kSegmentHeaderBytes + 18) * 8);
  const std::string before = files_.content(path(Lsn{1}));
  EXPECT_THAT(fault(), HasSubstr(path(Lsn{1}) + " is damaged at offset 32"));
  EXPECT_EQ(files_.content(path(Lsn{1})), before) << "nothing is changed before a person has looked";
}

TEST_F(RecoveryTest, FailsWhereASegmentBeforeTheLastIsDamaged) {
  write_segment(1, {{put_of("a", "1")}, {put_of("b", "1")}});
  write_segment(3, {{put_of("c", "1")}});
  files_.flip_bit(path(Lsn{1}), (files_.content(path(Lsn{1})).size() - 1) * 8);
  EXPECT_THAT(fault(), HasSubstr("is damaged at offset"));
}

TEST_F(RecoveryTest, RemovesSegmentsThatNeverGotARecord) {
  write_segment(1, {{put_of("a", "1")}});
  const std::string whole = [&] {
    write_segment(2, {});
    return files_.content(path(Lsn{2}));
  }();
  // With its header, in the middle of that, or with nothing at all.
  for (const std::string& content : {whole, whole.substr(0, 20), std::string(), std::string(32, '\0')}) {
    files_.put(path(Lsn{2}), content);
    const Outcome outcome = recover().value();
    EXPECT_EQ(outcome.recovered.next, Lsn{2});
    EXPECT_FALSE(files_.exists(path(Lsn{2})));
  }
}

// There was no room for the next segment, whose file came back with a power cut; so more went into the one before it.
TEST_F(RecoveryTest, LetsTheSegmentBeforeAnEmptyOneGoOnBehindIt) {
  const Batch last{put_of("c", "1")};
  write_segment(1, {{put_of("a", "1")}, {put_of("b", "1")}, last});
  write_segment(2, {});
  const std::string whole = files_.content(path(Lsn{1}));
  files_.put(path(Lsn{1}), whole.substr(0, whole.size() - 1));
  EXPECT_EQ(recover().value().recovered.next, Lsn{3});
  // But what came before that was synced by then.
  write_segment(2, {});
  files_.put(path(Lsn{1}), whole.substr(0, kSegmentHeaderBytes + kMarkBytes + 5));
  EXPECT_THAT(fault(), HasSubstr("is damaged at offset"));
  EXPECT_TRUE(files_.exists(path(Lsn{2})));
}

// The kernel takes pages for clean once a sync of them has failed, and a later sync leaves them alone.
TEST_F(RecoveryTest, BringsToTheDiskWhatASyncHadFailedFor) {
  Random random(1);
  for (int round = 0; round < 50; ++round) {
    if (round != 0) files_.remove(path(Lsn{1})).value();
    auto writer = SegmentWriter::create(files_, kFolder, Lsn{1}).value();
    writer.append(std::vector<ByteView>{encoded_record(Lsn{1}, Batch{put_of("a", std::string(5'000, 'x'))})}).value();
    files_.fail(FaultyFileSystem::Call::kSync, boost::system::errc::io_error);
    ASSERT_FALSE(writer.sync());
    files_.kill_process();
    ASSERT_EQ(recover().value().recovered.next, Lsn{2});
    files_.power_cut(random);
    ASSERT_EQ(recover().value().recovered.next, Lsn{2});
  }
}

TEST_F(RecoveryTest, FailsWhereTheDiskSaysNo) {
  write_segment(1, {{put_of("a", "1")}});
  for (const auto call : {FaultyFileSystem::Call::kOpen, FaultyFileSystem::Call::kRead, FaultyFileSystem::Call::kSync,
                          FaultyFileSystem::Call::kList}) {
    files_.fail(call, boost::system::errc::io_error);
    EXPECT_NE(fault(), "none");
    EXPECT_EQ(fault(), "none");
  }
}

TEST_F(RecoveryTest, ThreadsFindTheSame) {
  Random random;
  std::vector<Changes> expected;
  for (std::uint64_t lsn = 1; lsn < 4'000; lsn += 1'000) {
    auto writer = SegmentWriter::create(files_, kFolder, Lsn{lsn}).value();
    std::string bytes;
    for (std::uint64_t i = 0; i < 1'000; ++i) {
      const RandomMutations mutations(random, 1 + random.below(3));
      bytes += encoded_record(Lsn{lsn + i}, mutations.get());
      expected.emplace_back(mutations.get().begin(), mutations.get().end());
    }
    writer.append(std::vector<ByteView>{bytes}).value();
    writer.close().value();
  }
  for (const unsigned threads : {1U, 2U, 4U}) {
    EXPECT_EQ(recover(threads).value().entries, entries_after(expected, expected.size())) << threads;
  }
}

}  // namespace
}  // namespace kv::storage
