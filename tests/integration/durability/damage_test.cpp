// What a server makes of a data directory whose files were cut or changed while nobody ran on it.
#include <filesystem>
#include <map>
#include <regex>

#include <gmock/gmock.h>

#include "integration/durability/durable_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::map<std::string, std::string> contents(const DataFolder& data) {
  std::map<std::string, std::string> files;
  for (const std::string& file : data.all_files()) files[file] = read_file(file);
  return files;
}

class TornTail : public DurableTest {
 protected:
  // A log whose last record is that of `last`.
  void make_log() {
    start();
    fill("k", 100, 30);
    EXPECT_EQ(call(set("last", encode_int(1))), ok());
    kill();
  }
  // A line about the last segment, as it was called before the start.
  void expect_warning(const std::string& segment, const std::string& bytes) {
    const std::regex line(" warn [^\n]*" + file_name(segment) + "[^\n]* bytes=" + bytes + "\\b");
    EXPECT_TRUE(std::regex_search(server_->log(), line)) << server_->log();
  }
};

TEST_F(TornTail, IsCutWithAWarningThatCountsTheBytes) {
  make_log();
  const DataFolder torn(folder_.path() + "/torn");
  for (const std::uint64_t cut : {1u, 5u, 20u}) {
    SCOPED_TRACE(cut);
    std::filesystem::remove_all(torn.path());
    std::filesystem::copy(data_.path(), torn.path());
    const std::string segment = torn.segments().back();
    cut_tail(segment, cut);
    start_on(torn);
    expect_warning(segment, "[1-9][0-9]*");
    expect_filled("k", 100, 30);
    EXPECT_EQ(call(get("last")), null());
    EXPECT_EQ(call(set("last", encode_int(2))), ok()) << "the log goes on behind the cut";
    kill();
    start_on(torn);
    EXPECT_EQ(call(get("last")), ok(encode_int(2)));
    EXPECT_THAT(server_->log(), Not(HasSubstr(" warn "))) << "what was cut once is not there the next time";
    kill();
  }
}

TEST_F(TornTail, BytesThatAreNoRecordAreCutToo) {
  make_log();
  const std::string segment = data_.segments().back();
  append_to(segment, std::string(37, '\xa5'));
  start();
  expect_warning(segment, "37");
  expect_filled("k", 100, 30);
  EXPECT_EQ(call(get("last")), ok(encode_int(1)));
}

TEST_F(TornTail, ASegmentOfWhichOnlyTheHeaderIsThereHoldsNothingUp) {
  start({"--wal-segment-bytes", "1MiB"});
  fill_segments("k", 3, 64 << 10);
  kill();
  const std::string last = data_.segments().back();
  cut_tail(last, file_size(last) - 3);
  start({"--wal-segment-bytes", "1MiB"});
  // All of the segments before it is there.
  EXPECT_EQ(call(get("k0")), ok(filling("k0", 64 << 10)));
  EXPECT_EQ(call(set("k", encode_int(1))), ok());
  restart_after_kill();
  EXPECT_EQ(call(get("k")), ok(encode_int(1)));
}

class DamagedLog : public DurableTest, public ::testing::WithParamInterface<const char*> {
 protected:
  Args args() const { return {"--fsync", GetParam(), "--wal-segment-bytes", "1MiB"}; }
  void make_segments() {
    start(args());
    keys_ = fill_segments("k", 4, 64 << 10);
    kill();
  }
  // The line names the file, and a place at or before the damage.
  static void expect_place(const std::string& line, const std::string& file, std::uint64_t offset) {
    EXPECT_THAT(line, HasSubstr(file_name(file)));
    const std::string rest = line.substr(line.find(file_name(file)) + file_name(file).size());
    std::smatch number;
    ASSERT_TRUE(std::regex_search(rest, number, std::regex("[0-9]+"))) << line;
    EXPECT_LE(std::stoull(number[0]), offset);
    EXPECT_GT(std::stoull(number[0]) + (70u << 10), offset) << "the record that has the damage begins there";
  }

  int keys_ = 0;
};

TEST_P(DamagedLog, AFlippedBitInWhatWasSyncedStopsStartUp) {
  make_segments();
  const std::string segment = data_.segments()[1];
  const std::uint64_t offset = file_size(segment) / 2;
  flip_bit(segment, offset);
  const auto before = contents(data_);
  expect_place(refusal(args()), segment, offset);
  EXPECT_EQ(contents(data_), before) << "nothing is touched";
  flip_bit(segment, offset);
  start(args());
  expect_filled("k", keys_, 64 << 10);
}

TEST_P(DamagedLog, AnEarlierSegmentCutShortStopsStartUp) {
  make_segments();
  const std::string segment = data_.segments()[1];
  cut_tail(segment, 10);
  const auto before = contents(data_);
  EXPECT_THAT(refusal(args()), HasSubstr(file_name(segment)));
  EXPECT_EQ(contents(data_), before);
}

TEST_P(DamagedLog, ASegmentThatIsMissingStopsStartUp) {
  make_segments();
  std::filesystem::remove(data_.segments()[1]);
  const auto before = contents(data_);
  refusal(args());
  EXPECT_EQ(contents(data_), before);
}

TEST_P(DamagedLog, AFlippedBitInTheHeaderOfASegmentStopsStartUp) {
  make_segments();
  flip_bit(data_.segments()[0], 3);
  EXPECT_THAT(refusal(args()), HasSubstr(file_name(data_.segments()[0])));
}

INSTANTIATE_TEST_SUITE_P(Fsync, DamagedLog, ::testing::Values("always", "interval", "never"),
                         [](const auto& policy) { return std::string(policy.param); });

class DamagedSnapshot : public DurableTest {
 protected:
  static constexpr int kKeys = 50;
  static constexpr std::size_t kBytes = 40'000;

  const Args args_{"--wal-segment-bytes", "1MiB"};

  // Two snapshots with changes before, between and after them, and no log from before the first.
  void make_snapshots() {
    start(args_);
    const std::string first_segment = data_.segments().front();
    fill("a", kKeys, kBytes);
    fill("both", kKeys, kBytes);
    call(set("n", encode_int(1)));
    save();
    fill("b", kKeys, kBytes);
    call(set("n", encode_int(2)));
    save();
    fill("c", kKeys, kBytes);
    for (int i = 0; i < kKeys; ++i) call(del("both" + std::to_string(i)));
    call(set("n", encode_int(3)));
    EXPECT_TRUE(eventually([&] { return data_.segments().front() != first_segment; })) << "compaction deletes the log";
    kill();
    ASSERT_EQ(data_.snapshots().size(), 2u);
  }
  void expect_everything() {
    expect_filled("a", kKeys, kBytes);
    expect_filled("b", kKeys, kBytes);
    expect_filled("c", kKeys, kBytes);
    EXPECT_EQ(call(get("n")), ok(encode_int(3)));
    EXPECT_EQ(info_json(*client_).at("entries"), 3 * kKeys + 1);
  }
};

TEST_F(DamagedSnapshot, WhenTheNewestIsBadTheOneBeforeIsTaken) {
  make_snapshots();
  const DataFolder pristine(folder_.path() + "/pristine");
  std::filesystem::copy(data_.path(), pristine.path());
  const std::uint64_t size = file_size(data_.snapshots().back());
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{20}, size / 3, size / 2, size - 1}) {
    SCOPED_TRACE(offset);
    std::filesystem::remove_all(data_.path());
    std::filesystem::copy(pristine.path(), data_.path());
    const std::string newest = data_.snapshots().back();
    flip_bit(newest, offset);
    start(args_);
    EXPECT_TRUE(server_->says(file_name(newest)));
    expect_everything();
    restart_after_kill(args_);
    expect_everything();
    kill();
  }
}

TEST_F(DamagedSnapshot, ANewOneTakesTheBadOnesPlace) {
  make_snapshots();
  flip_bit(data_.snapshots().back(), 1'000);
  start(args_);
  save();
  kill();
  // The good one before it was kept, and not the bad one.
  const std::string newest = data_.snapshots().back();
  flip_bit(newest, file_size(newest) / 2);
  start(args_);
  expect_everything();
}

TEST_F(DamagedSnapshot, WhenBothAreBadTheServerDoesNotStart) {
  make_snapshots();
  for (const std::string& snapshot : data_.snapshots()) flip_bit(snapshot, file_size(snapshot) / 2);
  const auto before = contents(data_);
  EXPECT_THAT(refusal(args_), HasSubstr("snapshot-"));
  EXPECT_EQ(contents(data_), before);
}

TEST_F(DamagedSnapshot, WhenBothAreGoneTheServerDoesNotStartEither) {
  make_snapshots();
  for (const std::string& snapshot : data_.snapshots()) std::filesystem::remove(snapshot);
  refusal(args_);
}

TEST_F(DamagedSnapshot, OneThatWasNotFinishedIsNotLookedAt) {
  make_snapshots();
  write_file(data_.path() + "/snapshot-00000000000000999999.kvs.tmp", "half");
  start(args_);
  expect_everything();
  EXPECT_FALSE(std::filesystem::exists(data_.path() + "/snapshot-00000000000000999999.kvs.tmp"));
}

}  // namespace
}  // namespace kv::test
