#include "storage/snapshot_reader.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "support/base/hex.hpp"
#include "support/storage/snapshot_files.hpp"

namespace kv::storage {
namespace {

using namespace test;
using value::ValueType;

class SnapshotRoundTrip : public testing::TestWithParam<SnapshotCodec> {
 protected:
  static void expect_comes_back(const Entries& entries) {
    const auto loaded = load(snapshot_of(entries, GetParam()));
    ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
    EXPECT_TRUE(*loaded == entries);
  }
};

INSTANTIATE_TEST_SUITE_P(Codecs, SnapshotRoundTrip, testing::Values(SnapshotCodec::kNone, SnapshotCodec::kZstd),
                         [](const auto& codec) { return codec.param == SnapshotCodec::kNone ? "None" : "Zstd"; });

TEST_P(SnapshotRoundTrip, Nothing) {
  expect_comes_back({});
}

TEST_P(SnapshotRoundTrip, OneEntry) {
  expect_comes_back({{"key", bytes_entry("value")}});
}

TEST_P(SnapshotRoundTrip, RandomEntriesOfEveryType) {
  Random random;
  for (int round = 0; round < 5; ++round) {
    Entries entries;
    for (std::size_t i = random.below(10'000); i != 0; --i) {
      entries["key" + std::to_string(i) + std::string(random.below(40), 'k')] = random_entry(random);
    }
    expect_comes_back(entries);
  }
}

TEST_P(SnapshotRoundTrip, ValuesOfEverySize) {
  Random random;
  Entries entries;
  for (const std::size_t size : {0U, 1U, 900U, 1'000U, 1'100U, 65'536U, 262'000U, 5U << 20}) {
    entries["random " + std::to_string(size)] = bytes_entry(random_bytes(random, size));
    entries["even " + std::to_string(size)] = bytes_entry(std::string(size, 'e'));
  }
  for (int i = 0; i < 100; ++i) {
    entries["some " + std::to_string(i)] = bytes_entry(random_bytes(random, random.below(300'000)));
  }
  expect_comes_back(entries);
}

// An entry's size goes over that of a block, and of its parts, byte by byte.
TEST_P(SnapshotRoundTrip, EntriesAroundTheSizeOfABlock) {
  Random random;
  Entries entries;
  for (const std::size_t blocks : {1, 2, 3}) {
    const std::string data = random_bytes(random, blocks * snapshot::kBlockBytesMax);
    for (std::size_t less = 0; less < 60; ++less) {
      StoredEntry entry = bytes_entry(data.substr(less));
      if (less % 2 == 1) entry.deadline = 5;
      entries[std::to_string(blocks) + "-" + std::to_string(less)] = entry;
    }
  }
  expect_comes_back(entries);
}

TEST_P(SnapshotRoundTrip, ALargeLockWithTheLongestKey) {
  StoredEntry lock{ValueType::kString, std::string(300'000, 'o'), 99, true};
  expect_comes_back({{std::string(65'535, 'k'), lock}, {std::string(65'534, 'k'), bytes_entry("")}});
}

TEST(SnapshotReader, ABlockIsFilledToItsLastByte) {
  constexpr std::size_t kHeadBytes = 1 + 2 + 1 + 1 + 4;  // of an entry with a key of one byte
  Entries entries;
  std::size_t left = snapshot::kBlockBytesMax - kHeadBytes;
  for (char key = '!'; key != '~'; ++key) {
    entries[std::string(1, key)] = bytes_entry(std::string(2'000, 'v'));
    left -= kHeadBytes + 2'000;
  }
  for (const std::size_t more : {0, 1}) {
    entries["~"] = bytes_entry(std::string(left + more, 'r'));
    MemoryFiles files;
    const SnapshotInfo info = write_snapshot(files, entries, SnapshotCodec::kNone);
    EXPECT_EQ(info.blocks, 1 + more);
    EXPECT_EQ(info.raw_bytes, snapshot::kBlockBytesMax + more);
    EXPECT_TRUE(load(*files.files.at(kPath)).value() == entries);
  }
}

TEST(SnapshotReader, SaysWhatTheWriterSaid) {
  MemoryFiles files;
  const Entries entries{{"a", bytes_entry("1")}, {"b", bytes_entry(std::string(600'000, '2'))}};
  const SnapshotInfo written = write_snapshot(files, entries, SnapshotCodec::kZstd);
  const auto reader = SnapshotReader::open(files, kPath);
  ASSERT_TRUE(reader.has_value()) << reader.error().message;
  const SnapshotInfo& info = reader->info();
  EXPECT_EQ(info.start, kStart);
  EXPECT_EQ(info.end, kEnd);
  EXPECT_EQ(info.highest_token, kToken);
  EXPECT_EQ(info.entries, 2U);
  EXPECT_EQ(info.blocks, 4U);
  EXPECT_EQ(info.raw_bytes, written.raw_bytes);
  EXPECT_EQ(info.file_bytes, files.files.at(kPath)->size());
  EXPECT_EQ(info.created, kCreated);
  EXPECT_EQ(info.codec, SnapshotCodec::kZstd);
  EXPECT_TRUE(reader->verify().has_value());
}

TEST(SnapshotReader, ShortReadsMakeNoDifference) {
  MemoryFiles files;
  write_snapshot(files, {{"a", bytes_entry("1")}}, SnapshotCodec::kNone);
  files.bytes_per_call = 3;
  EXPECT_TRUE(SnapshotReader::open(files, kPath)->verify().has_value());
}

TEST(SnapshotReader, AFileThatIsntThereIsAnError) {
  MemoryFiles files;
  const auto reader = SnapshotReader::open(files, "nowhere");
  ASSERT_FALSE(reader.has_value());
  EXPECT_EQ(reader.error().message, "nowhere can't be opened: No such file or directory.");
}

TEST(SnapshotReader, ProgressEndsWithAllEntries) {
  MemoryFiles files;
  Entries entries;
  for (int i = 0; i < 2'000; ++i) entries[std::to_string(i)] = bytes_entry(std::string(500, 'v'));
  write_snapshot(files, entries, SnapshotCodec::kZstd);
  std::vector<std::uint64_t> progress;
  std::size_t applied = 0;
  const auto apply = [&](std::span<const engine::Mutation> puts) {
    EXPECT_LE(puts.size(), kSnapshotBatchEntries);
    applied += puts.size();
  };
  ASSERT_TRUE(SnapshotReader::open(files, kPath)
                  ->load(1, apply,
                         [&](std::uint64_t entries_so_far) {
                           EXPECT_EQ(entries_so_far, applied);
                           progress.push_back(entries_so_far);
                         })
                  .has_value());
  EXPECT_EQ(progress.size(), 4U);
  EXPECT_EQ(progress.back(), entries.size());
}

Entries many_entries(Random& random) {
  Entries entries;
  for (int i = 0; i < 20'000; ++i) entries["key" + std::to_string(i)] = random_entry(random);
  for (int i = 0; i < 20; ++i) {
    entries["large" + std::to_string(i)] = bytes_entry(random_bytes(random, random.below(2U << 20)));
  }
  return entries;
}

TEST(SnapshotThreads, AllReadTheSame) {
  Random random;
  const Entries entries = many_entries(random);
  const std::string file = snapshot_of(entries, SnapshotCodec::kZstd);
  for (const unsigned threads : {1U, 2U, 5U}) EXPECT_TRUE(load(file, threads).value() == entries) << threads;
}

TEST(SnapshotThreads, ReportTheFirstDamageInTheFile) {
  Random random;
  std::string file = snapshot_of(many_entries(random), SnapshotCodec::kZstd);
  for (int round = 0; round < 20; ++round) {
    file[snapshot::kHeaderBytes + random.below(file.size() - 200)] ^= 0x10;
    const auto alone = load(file);
    ASSERT_FALSE(alone.has_value());
    const auto together = load(file, 4);
    ASSERT_FALSE(together.has_value());
    EXPECT_EQ(together.error().message, alone.error().message);
  }
}

TEST(SnapshotThreads, HandOnWhatApplyingThrows) {
  MemoryFiles files;
  Random random;
  write_snapshot(files, many_entries(random), SnapshotCodec::kZstd);
  const auto reader = SnapshotReader::open(files, kPath).value();
  std::atomic<int> calls = 0;
  const auto apply = [&](std::span<const engine::Mutation>) {
    if (++calls == 50) throw std::bad_alloc();
  };
  EXPECT_THROW(static_cast<void>(reader.load(3, apply, [](std::uint64_t) {})), std::bad_alloc);
}

// Format version 1 --------------------------------------------------------------------------------------------------

std::string contents(const std::filesystem::path& path) {
  const std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

std::string golden_file(const std::string& name) {
  return contents(std::filesystem::path(KV_TEST_DATA) / "storage" / name);
}

Entries golden_entries() {
  return {
      {"bool", {ValueType::kBool, "\x01"}},
      {"bytes", {ValueType::kBytes, std::string("\0\xff", 2)}},
      {"decimal", {ValueType::kDecimal, "-12.50"}},
      {"empty", {ValueType::kString, ""}},
      {"float", {ValueType::kFloat, std::string("\x3f\xf8\0\0\0\0\0\0", 8)}},
      {"int", {ValueType::kInt, std::string(7, '\xff') + "\xfe", 1'800'000'000'000}},
      {"list", {ValueType::kList, std::string("\0\0\0\x01\x08\x01", 6)}},
      {"lock", {ValueType::kString, "owner", 1'700'000'030'000, true}},
      {"map", {ValueType::kMap, std::string("\0\0\0\x01\0\0\0\x01k\x00", 10)}},
      {"null", {ValueType::kNull, ""}},
      {"string", {ValueType::kString, "h\xc3\xa9llo"}},
  };
}

// Files of this version are out there; whatever changes, they must stay readable.
TEST(SnapshotGolden, VersionOneIsRead) {
  EXPECT_TRUE(load(golden_file("snapshot-v1.kvs")).value() == golden_entries());
}

TEST(SnapshotGolden, VersionOneCompressedAndInPartsIsRead) {
  Entries entries = golden_entries();
  entries["large"] = bytes_entry(std::string(600'000, 'x'));
  EXPECT_TRUE(load(golden_file("snapshot-v1-zstd.kvs")).value() == entries);
}

// And what is written today is still that version. (Compressed bytes may change with zstd.)
TEST(SnapshotGolden, VersionOneIsWhatIsWritten) {
  EXPECT_TRUE(snapshot_of(golden_entries(), SnapshotCodec::kNone) == golden_file("snapshot-v1.kvs"));
}

// The hex between the fences of docs/formats/snapshot.md, without its comments.
std::string bytes_on_the_page() {
  std::istringstream page(contents(std::filesystem::path(KV_DOCS) / "formats" / "snapshot.md"));
  std::string digits;
  std::string line;
  bool inside = false;
  while (std::getline(page, line)) {
    if (line.starts_with("```")) {
      inside = line == "```hex";
    } else if (inside && !line.starts_with('#')) {
      digits += line;
    }
  }
  return kv::test::unhex(digits);
}

TEST(SnapshotGolden, ThePagesExampleIsWhatIsWritten) {
  const Entries entries = {{"job", {ValueType::kString, "me", 1'700'000'030'000, true}},
                           {"n", {ValueType::kInt, std::string(7, '\0') + "*"}}};
  EXPECT_TRUE(snapshot_of(entries, SnapshotCodec::kNone) == bytes_on_the_page());
}

}  // namespace
}  // namespace kv::storage
