#include "storage/snapshot_writer.hpp"

#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/base/wait.hpp"
#include "support/heap/heap.hpp"
#include "support/storage/snapshot_files.hpp"

namespace kv::storage {
namespace {

using testing::ElementsAre;

using namespace test;

constexpr std::size_t kMiB = 1U << 20;

std::unique_ptr<SnapshotWriter> create(MemoryFiles& files, SnapshotCodec codec = SnapshotCodec::kNone) {
  return SnapshotWriter::create(files, "data", kStart, {.codec = codec, .created = kCreated}).value();
}

// What add_all() and finish() do, with errors handed on.
IoResult<SnapshotInfo> try_write(FileSystem& files, const Entries& entries) {
  auto writer = SnapshotWriter::create(files, "data", kStart, {.codec = SnapshotCodec::kNone, .created = kCreated});
  if (!writer) return writer.error();
  for (const auto& [key, entry] : entries) {
    (*writer)->add({.key = key, .value = {entry.type, entry.data}});
    while ((*writer)->wants_flush()) {
      if (const auto flushed = (*writer)->flush(); !flushed) return flushed.error();
    }
  }
  return (*writer)->finish(kEnd, kToken);
}

// Enough for several blocks.
Entries some_entries(std::size_t count = 1'000) {
  Entries entries;
  for (std::size_t i = 0; i < count; ++i) entries["key" + std::to_string(i)] = bytes_entry(std::string(700, 'v'));
  return entries;
}

TEST(SnapshotWriter, TheFileHasItsNameOnlyWhenItIsSynced) {
  MemoryFiles files;
  write_snapshot(files, {{"key", bytes_entry("value")}}, SnapshotCodec::kNone);
  const std::string unfinished = kPath + ".tmp";
  EXPECT_THAT(files.calls, ElementsAre("create " + unfinished, "write", "write", "write", "sync",
                                       "rename " + unfinished + " " + kPath, "sync data"));
}

TEST(SnapshotWriter, AnUnfinishedFileIsRemoved) {
  MemoryFiles files;
  {
    const auto writer = create(files);
    add_all(*writer, some_entries());
    EXPECT_EQ(files.files.size(), 1U);
  }
  EXPECT_TRUE(files.files.empty());
}

TEST(SnapshotWriter, WhatAnEarlierAttemptLeftIsReplaced) {
  MemoryFiles files;
  files.files[kPath + ".tmp"] = std::make_shared<std::string>(1'000, 'x');
  write_snapshot(files, {}, SnapshotCodec::kNone);
  EXPECT_EQ(*files.files.at(kPath), snapshot_of({}, SnapshotCodec::kNone));
  EXPECT_EQ(files.files.size(), 1U);
}

TEST(SnapshotWriter, SaysHowLongTheFileIs) {
  MemoryFiles files;
  const auto writer = create(files);
  add_all(*writer, some_entries());
  EXPECT_EQ(writer->bytes_written(), files.files.at(kPath + ".tmp")->size());
  const SnapshotInfo info = writer->finish(kEnd, kToken).value();
  EXPECT_EQ(writer->bytes_written(), files.files.at(kPath)->size());
  EXPECT_EQ(info.file_bytes, writer->bytes_written());
  EXPECT_EQ(info.entries, 1'000U);
  EXPECT_EQ(info.blocks, 3U);
}

TEST(SnapshotWriter, ShortWritesMakeNoDifference) {
  const Entries entries = some_entries(3);
  MemoryFiles files;
  for (const std::size_t bytes : {1, 7, 100}) {
    files.bytes_per_call = bytes;
    write_snapshot(files, entries, SnapshotCodec::kNone);
    EXPECT_EQ(*files.files.at(kPath), snapshot_of(entries, SnapshotCodec::kNone));
  }
}

// Wherever it happens, it is reported as it is, and there is either no file at all or, where only the folder's last
// sync failed, the whole one.
TEST(SnapshotWriter, AnErrorAtAnyCallEndsIt) {
  const Entries entries = some_entries();
  const std::string whole = snapshot_of(entries, SnapshotCodec::kNone);
  for (std::size_t works = 0;; ++works) {
    MemoryFiles files;
    files.calls_that_work = works;
    files.error = boost::system::errc::no_space_on_device;
    const auto written = try_write(files, entries);
    if (written) {
      EXPECT_GT(works, 6U);
      break;
    }
    EXPECT_EQ(written.error(), boost::system::errc::no_space_on_device);
    if (files.calls.size() > works + 1 && files.calls[works] == "sync data") {
      EXPECT_EQ(*files.files.at(kPath), whole);
    } else {
      EXPECT_TRUE(files.files.empty()) << "call " << works;
    }
  }
}

TEST(SnapshotWriter, ALongFileIsSyncedOnTheWay) {
  MemoryFiles files;
  const auto writer = create(files);
  const std::string data(200'000, 'v');
  for (std::size_t i = 0; i < 3 * kSnapshotSyncBytes / data.size(); ++i) {
    writer->add({.key = "key", .value = {value::ValueType::kBytes, data}});
    while (writer->wants_flush()) writer->flush().value();
  }
  EXPECT_EQ(std::count(files.calls.begin(), files.calls.end(), "sync"), 2);
}

// Under a shard's lock nothing may take long.
TEST(SnapshotWriter, AStepsEntriesAreAddedWithoutAllocatingOrWriting) {
  MemoryFiles files;
  const auto writer = create(files);
  const std::string small(1'000, 's');
  engine::Engine engine({.shards = 1});
  engine::Call call{.now = 1};
  const std::string large(100'000, 'l');
  engine.modify("large", call, [&](const engine::EntryView*) {
    return engine::Change::put({value::ValueType::kBytes, large}, 0);
  });
  engine.read("large", call, [&](const engine::EntryView& entry) {
    for (int step = 0; step < 20; ++step) {
      const std::size_t calls = files.calls.size();
      {
        const kv::test::FailingAllocation failing(0);
        for (std::size_t i = 0; i < kSnapshotStepEntries; ++i) {
          const bool is_large = i % 16 == 0;
          writer->add({.key = is_large ? "large" : "small",
                       .value = is_large ? entry.value : value::ValueView{value::ValueType::kBytes, small},
                       .large = is_large ? entry.large : nullptr});
        }
        EXPECT_FALSE(failing.happened());
      }
      EXPECT_EQ(files.calls.size(), calls);
      while (writer->wants_flush()) writer->flush().value();
    }
  });
}

// Entries of 64 MiB and many small ones; above what they take the heap grows by a few blocks. (zstd's own memory is a
// library's and isn't counted: at level 1 and for such blocks it is about a megabyte.)
TEST(SnapshotWriter, TakesTheMemoryOfAFewBlocksWhateverTheValues) {
  NoFiles files;
  engine::Engine engine({.shards = 1});
  engine::Call call{.now = 1};
  const std::string data(64 * kMiB, 'l');
  for (const char* key : {"one", "two", "three"}) {
    engine.modify(key, call, [&](const engine::EntryView*) {
      return engine::Change::put({value::ValueType::kBytes, data}, 0);
    });
  }
  const std::string small(500, 's');
  const std::size_t before = kv::test::heap_bytes();
  std::size_t most = before;
  const auto writer = SnapshotWriter::create(files, "data", kStart, {}).value();
  for (const char* key : {"one", "two", "three"}) {
    engine.read(key, call, [&](const engine::EntryView& entry) {
      writer->add({.key = key, .value = entry.value, .large = entry.large});
      for (int i = 0; i < 100; ++i) writer->add({.key = "small", .value = {value::ValueType::kBytes, small}});
    });
    while (writer->wants_flush()) {
      writer->flush().value();
      most = std::max(most, kv::test::heap_bytes());
    }
  }
  EXPECT_EQ(writer->finish(kEnd, kToken)->entries, 303U);
  EXPECT_LT(most - before, 2 * kMiB);
}

TEST(SnapshotWriter, LetsGoOfALargeEntryOnceItIsWritten) {
  NoFiles files;
  const auto writer = SnapshotWriter::create(files, "data", kStart, {}).value();
  const Entries entries = {{"key", bytes_entry(std::string(8 * kMiB, 'l'))}};
  const std::size_t before = kv::test::heap_bytes();
  add_all(*writer, entries);
  EXPECT_GT(kv::test::heap_bytes(), before + 7 * kMiB) << "the writer alone keeps the entry";
  while (writer->wants_flush()) writer->flush().value();
  // It is freed beside whoever lets go of it.
  EXPECT_TRUE(kv::test::wait_until([&] { return kv::test::heap_bytes() < before + kMiB; }));
}

}  // namespace
}  // namespace kv::storage
