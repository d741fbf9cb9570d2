#include "storage/segment.hpp"

#include <array>

#include <gtest/gtest.h>

#include "storage/crc32c.hpp"
#include "support/base/hex.hpp"
#include "support/storage/faulty_file_system.hpp"
#include "support/storage/random_mutation.hpp"

namespace kv::storage {
namespace {

using engine::Mutation;
using test::encoded_record;
using test::FaultyFileSystem;
using test::Random;
using Call = FaultyFileSystem::Call;
namespace errc = boost::system::errc;

std::string mark(Lsn synced) {
  const auto bytes = encode_mark(synced);
  return {bytes.begin(), bytes.end()};
}

std::string put(std::uint64_t lsn, ByteView data) {
  const Mutation mutation{.kind = Mutation::Kind::kPut, .key = "key", .value = {value::ValueType::kBytes, data}};
  return encoded_record(Lsn{lsn}, {&mutation, 1});
}

IoResult<void> append(SegmentWriter& writer, ByteView bytes) {
  return writer.append(std::array<ByteView, 1>{bytes});
}

// What a reader says of a segment.
struct Reading {
  std::vector<std::uint64_t> lsns;  // of the records of changes
  std::string bytes;                // of all records
  std::uint64_t end = 0;
  Lsn synced = kNoLsn;
  std::optional<Damage> damage;
};

Reading read(FileSystem& files, const std::string& path, Lsn first = Lsn{1}) {
  Reading reading;
  auto reader = SegmentReader::open(files, path, first).value();
  Record record;
  while (reader.next(record).value()) {
    if (record.type == RecordType::kChanges) reading.lsns.push_back(number(record.lsn));
    reading.bytes.append(record.body.data() - kRecordHeaderBytes, record.bytes);
  }
  EXPECT_FALSE(reader.next(record).value());
  reading.end = reader.offset();
  reading.synced = reader.synced();
  reading.damage = reader.damage();
  return reading;
}

class Segment : public testing::Test {
 protected:
  Segment() { EXPECT_TRUE(files_.create_directories("d")); }

  SegmentWriter create(Lsn first = Lsn{1}, std::uint64_t fill_bytes = 0) {
    return SegmentWriter::create(files_, "d", first, {.fill_bytes = fill_bytes}).value();
  }
  // Makes the file of segment 1, of a good header and these bytes.
  void make(ByteView bytes) {
    if (!files_.exists(path_)) {
      ASSERT_TRUE(create().close());
    }
    files_.put(path_, files_.content(path_).substr(0, kSegmentHeaderBytes).append(bytes));
  }
  bool was_synced_before(const Reading& reading) { return was_synced(files_, path_, *reading.damage).value(); }

  FaultyFileSystem files_;
  const std::string path_ = "d/" + segment_name(Lsn{1});
};

TEST_F(Segment, IsNamedByItsFirstRecord) {
  EXPECT_EQ(segment_name(Lsn{1}), "wal-00000000000000000001.log");
  EXPECT_EQ(segment_name(Lsn{~0ULL}), "wal-18446744073709551615.log");
  EXPECT_EQ(parse_segment_name(segment_name(Lsn{4711})), Lsn{4711});
  EXPECT_EQ(parse_segment_name(segment_name(Lsn{~0ULL})), Lsn{~0ULL});
  for (const char* name :
       {"", "wal-.log", "wal-00000000000000000000.log", "wal-18446744073709551616.log", "wal-0000000000000000001.log",
        "wal-+0000000000000000001.log", "wal-00000000000000000001.log ", "Wal-00000000000000000001.log"}) {
    EXPECT_EQ(parse_segment_name(name), std::nullopt) << name;
  }
}

TEST_F(Segment, BeginsWithItsHeader) {
  ASSERT_TRUE(create().close());
  const std::string header = files_.content(path_);
  EXPECT_EQ(test::hex(header.substr(0, 24)),
            "f56b762d77616c0a"
            "00000001"
            "00000000"
            "0000000000000001");
  EXPECT_EQ(header.size(), kSegmentHeaderBytes);
  const Reading reading = read(files_, path_);
  EXPECT_TRUE(reading.lsns.empty());
  EXPECT_EQ(reading.end, kSegmentHeaderBytes);
  EXPECT_FALSE(reading.damage);
}

TEST_F(Segment, GivesBackWhatWasAppended) {
  Random random;
  for (int i = 0; i < 60; ++i) {
    const Lsn first{1 + random.below(1'000'000)};
    const std::string path = "d/" + segment_name(first);
    if (random.one_in(2)) files_.cut_short(random.next());
    auto writer = create(first, random.one_in(2) ? 1 + random.below(5'000) : 0);
    Lsn next = first;
    std::string bytes;
    for (std::uint64_t groups = random.below(20); groups != 0; --groups) {
      std::vector<std::string> records{mark(Lsn{number(next) - 1})};
      for (std::uint64_t count = random.below(5); count != 0; --count) {
        records.push_back(encoded_record(next, test::RandomMutations(random, 1 + random.below(4)).get()));
        next = kv::next(next);
      }
      ASSERT_TRUE(writer.append(std::vector<ByteView>(records.begin(), records.end())));
      for (const std::string& record : records) bytes += record;
      ASSERT_EQ(writer.size(), kSegmentHeaderBytes + bytes.size());
      if (random.one_in(5)) {
        ASSERT_TRUE(writer.sync());
      }
    }
    for (const bool closed : {false, true}) {
      const Reading reading = read(files_, path, first);
      ASSERT_EQ(test::hex(reading.bytes), test::hex(bytes));
      ASSERT_EQ(reading.end, writer.size());
      ASSERT_EQ(reading.lsns.size(), number(next) - number(first));
      ASSERT_FALSE(reading.damage);
      if (!closed) {
        ASSERT_TRUE(writer.close());
      }
    }
    ASSERT_EQ(files_.content(path).size(), writer.size());
    ASSERT_TRUE(files_.remove(path));
    files_.heal();
  }
}

TEST_F(Segment, IsFilledAheadWithZeros) {
  auto writer = create(Lsn{1}, 1'000);
  const std::string record = put(1, std::string(400, 'x'));
  ASSERT_TRUE(append(writer, record));
  EXPECT_EQ(files_.content(path_).size(), writer.size() + 1'000);
  const std::uint64_t writes = files_.calls(Call::kWrite);
  ASSERT_TRUE(append(writer, put(2, std::string(400, 'x'))));
  EXPECT_EQ(files_.calls(Call::kWrite), writes + 1);
  EXPECT_EQ(read(files_, path_).lsns, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(Segment, IsNotFilledWhereThereIsNoRoom) {
  auto writer = create(Lsn{1}, 1'000);
  files_.set_room(files_.used() + 500);
  ASSERT_TRUE(append(writer, put(1, "x")));
  EXPECT_EQ(files_.content(path_).size(), writer.size());
  EXPECT_EQ(read(files_, path_).lsns, (std::vector<std::uint64_t>{1}));
}

TEST_F(Segment, TakesAnAppendAgainThatHasFailed) {
  auto writer = create();
  ASSERT_TRUE(append(writer, put(1, "first")));
  const std::uint64_t size = writer.size();
  files_.set_room(files_.used() + 40);
  EXPECT_EQ(append(writer, put(2, std::string(500, 'x'))).error(), errc::no_space_on_device);
  EXPECT_EQ(writer.size(), size);
  EXPECT_EQ(files_.content(path_).size(), size);
  files_.heal();
  ASSERT_TRUE(append(writer, put(2, "again")));
  EXPECT_EQ(read(files_, path_).lsns, (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(Segment, GoesOnWhereItsGoodRecordsEnd) {
  make(put(1, "a") + put(2, "b").substr(0, 29));
  const Reading torn = read(files_, path_);
  ASSERT_TRUE(torn.damage);
  auto writer = SegmentWriter::resume(files_, "d", Lsn{1}, torn.end).value();
  ASSERT_TRUE(append(writer, put(2, "c")));
  EXPECT_EQ(read(files_, path_).bytes, put(1, "a") + put(2, "c"));
}

TEST_F(Segment, LeavesNothingBehindWhenItCannotBeCreated) {
  for (const Call call : {Call::kWrite, Call::kSync, Call::kSyncDirectory}) {
    files_.fail(call, errc::io_error);
    EXPECT_EQ(SegmentWriter::create(files_, "d", Lsn{1}).error(), errc::io_error);
    EXPECT_FALSE(files_.exists(path_));
  }
  ASSERT_TRUE(SegmentWriter::create(files_, "d", Lsn{1}));
  EXPECT_EQ(SegmentWriter::create(files_, "d", Lsn{1}).error(), errc::file_exists);
  EXPECT_TRUE(files_.exists(path_));
}

TEST_F(Segment, SaysThatItsHeaderIsDamaged) {
  make(mark(kNoLsn) + put(1, "x"));
  const std::string good = files_.content(path_);
  for (std::size_t bit = 0; bit < kSegmentHeaderBytes * 8; ++bit) {
    files_.put(path_, good);
    files_.flip_bit(path_, bit);
    const Reading reading = read(files_, path_);
    ASSERT_TRUE(reading.damage) << bit;
    EXPECT_EQ(reading.damage->kind, Damage::Kind::kHeader);
    EXPECT_EQ(reading.damage->offset, 0U);
    EXPECT_EQ(reading.damage->lsn, Lsn{1});
    EXPECT_TRUE(was_synced_before(reading));
  }
  // Without records it may have been torn while it was created.
  for (std::size_t size = 0; size < kSegmentHeaderBytes - 4; ++size) {
    files_.put(path_, good.substr(0, size) + (size % 2 == 0 ? std::string(100, '\0') : ""));
    const Reading reading = read(files_, path_);
    ASSERT_TRUE(reading.damage) << size;
    EXPECT_FALSE(was_synced_before(reading)) << size;
  }
}

TEST_F(Segment, OfANewerFormatIsNotDamagedButRefused) {
  make("");
  std::string header = files_.content(path_);
  header[11] = 2;
  store_big_endian(header.data() + 24, crc32c(0, ByteView(header).substr(0, 24)));
  files_.put(path_, header);
  const auto reader = SegmentReader::open(files_, path_, Lsn{1});
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().message, path_ +
                                        " has format 2, and this version of kv-server reads up to format 1: use the "
                                        "version that wrote it");
}

TEST_F(Segment, UnderAnotherNameIsDamaged) {
  make(put(1, "x"));
  files_.put("d/" + segment_name(Lsn{2}), files_.content(path_));
  EXPECT_EQ(read(files_, "d/" + segment_name(Lsn{2}), Lsn{2}).damage->kind, Damage::Kind::kHeader);
}

// Whatever bit flips in what a mark says was synced, it is noticed, and known to be no torn tail. In what comes after
// it, it is noticed or taken for a torn tail.
TEST_F(Segment, NoticesEveryBitThatFlips) {
  const std::string synced = mark(kNoLsn) + put(1, "one") + mark(kNoLsn) + put(2, "two");
  make(synced + mark(Lsn{2}) + put(3, "three") + std::string(40, '\0'));
  const std::string good = files_.content(path_);
  const std::size_t zeros_begin = good.size() - 40;
  for (std::size_t bit = kSegmentHeaderBytes * 8; bit < good.size() * 8; ++bit) {
    files_.put(path_, good);
    files_.flip_bit(path_, bit);
    const Reading reading = read(files_, path_);
    ASSERT_TRUE(reading.damage) << bit;
    ASSERT_LE(reading.damage->offset, bit / 8) << bit;
    ASSERT_EQ(was_synced_before(reading), bit / 8 < kSegmentHeaderBytes + synced.size()) << bit;
    ASSERT_TRUE(bit / 8 < zeros_begin || reading.lsns.size() == 3) << bit;
  }
}

TEST_F(Segment, IsTornWhereverItIsCut) {
  make(mark(kNoLsn) + put(1, "one") + mark(Lsn{1}) + put(2, "two"));
  const std::string good = files_.content(path_);
  for (std::size_t size = kSegmentHeaderBytes; size <= good.size(); ++size) {
    files_.put(path_, good.substr(0, size));
    const Reading reading = read(files_, path_);
    ASSERT_EQ(good.substr(kSegmentHeaderBytes, reading.bytes.size()), reading.bytes);
    // The first bytes of a record's size are zeros, too.
    const bool zeros_left = good.find_first_not_of('\0', reading.end) >= size;
    ASSERT_EQ(reading.damage.has_value(), !zeros_left) << size;
    if (reading.damage) {
      ASSERT_FALSE(was_synced_before(reading)) << size;
    }
  }
}

TEST_F(Segment, KnowsLostDataByALaterMark) {
  struct Case {
    const char* name;
    std::string bytes;
    const char* reason;
    bool lost;
  };
  const std::string hole(put(2, "x").size(), '\0');
  const Case cases[] = {
      {"garbage at the end", put(1, "x") + std::string(50, '\xAA'), "cut short", false},
      {"a hole at the end", put(1, "x") + hole + put(3, "x"), "zeros stand", false},
      {"a hole before what was synced", put(1, "x") + hole + put(3, "x") + mark(Lsn{3}), "zeros stand", true},
      {"a hole that a mark doesn't speak of", put(1, "x") + hole + put(3, "x") + mark(Lsn{1}), "zeros stand", false},
      {"a number left out", put(1, "x") + put(3, "x"), "here stands record 3", false},
      {"a number left out, before a mark", put(1, "x") + put(3, "x") + mark(Lsn{2}), "here stands record 3", true},
      {"a number twice", put(1, "x") + put(1, "x"), "here stands record 1", false},
      {"a mark of what is still to come", put(1, "x") + mark(Lsn{2}) + put(2, "x"), "hasn't come yet", false},
      {"a mark that can't know what it says", put(1, "x") + hole + mark(Lsn{400'000}), "zeros stand", false},
      {"less than a header", put(1, "x") + "x", "cut short", false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    make(c.bytes);
    const Reading reading = read(files_, path_);
    EXPECT_EQ(reading.lsns, std::vector<std::uint64_t>{1});
    ASSERT_TRUE(reading.damage);
    EXPECT_EQ(reading.damage->lsn, Lsn{2});
    EXPECT_NE(reading.damage->reason.find(c.reason), std::string::npos) << reading.damage->reason;
    EXPECT_EQ(was_synced_before(reading), c.lost);
  }
}

TEST_F(Segment, FindsAMarkAtAnyPlace) {
  constexpr std::size_t kWindow = 256U << 10;
  for (std::size_t at = kWindow - 60; at < kWindow + 60; ++at) {
    make(std::string(at, '\xAA') + mark(Lsn{1}) + "more");
    ASSERT_TRUE(was_synced_before(read(files_, path_))) << at;
  }
}

TEST_F(Segment, NeverCutsARecordThatItDoesNotKnow) {
  std::string unknown = test::unhex("00000002 00000000 0000000000000001 0304");
  seal(unknown);
  make(unknown);
  const Reading reading = read(files_, path_);
  EXPECT_EQ(reading.damage->kind, Damage::Kind::kUnknown);
  EXPECT_TRUE(was_synced_before(reading));
  EXPECT_EQ(describe(*reading.damage, path_),
            path_ + " is damaged at offset 32, where record 1 should begin: the record's type is unknown");
}

TEST_F(Segment, IsReadWhateverTheSizesOfItsRecords) {
  const std::string large(3U << 20, 'x');
  auto writer = create();
  for (std::uint64_t lsn = 1; lsn <= 6; ++lsn) ASSERT_TRUE(append(writer, put(lsn, lsn == 3 ? large : "small")));
  ASSERT_TRUE(writer.close());
  EXPECT_EQ(read(files_, path_).lsns.size(), 6U);
  // A size that the file can't keep is not believed.
  make(test::unhex("ffffffff 00000000 0000000000000001 01"));
  EXPECT_NE(read(files_, path_).damage->reason.find("cut short"), std::string::npos);
}

TEST_F(Segment, SaysThatItCannotBeRead) {
  make(put(1, "x"));
  for (const Call call : {Call::kOpen, Call::kSize, Call::kRead}) {
    files_.fail(call, errc::io_error);
    const auto reader = SegmentReader::open(files_, path_, Lsn{1});
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().message.find(path_), 0U) << reader.error().message;
    EXPECT_NE(reader.error().message.find("Input/output error"), std::string::npos);
  }
  const Damage damage{.offset = 32, .lsn = Lsn{1}, .reason = {}};
  files_.fail(Call::kRead, errc::io_error);
  EXPECT_FALSE(was_synced(files_, path_, damage));
}

// The promise that all of this is for: after a power cut at any time, every record that was synced is there, what is
// there is what was appended, and what is missing is a torn tail, never lost data.
TEST_F(Segment, KeepsWhatWasSyncedOverAPowerCut) {
  Random random;
  for (int i = 0; i < 1'500; ++i) {
    FaultyFileSystem files;
    ASSERT_TRUE(files.create_directories("d"));
    auto writer = SegmentWriter::create(files, "d", Lsn{1}, {.fill_bytes = random.one_in(2) ? 4'000U : 0U}).value();
    std::uint64_t last = 0;
    std::uint64_t synced = 0;
    std::string bytes;
    for (std::uint64_t groups = random.below(12); groups != 0; --groups) {
      std::string group = mark(Lsn{synced});
      for (std::uint64_t count = 1 + random.below(4); count != 0; --count) {
        ++last;
        group += put(last, std::string(random.below(1'500), static_cast<char>('a' + last % 26)));
      }
      ASSERT_TRUE(append(writer, group));
      bytes += group;
      if (random.one_in(2)) {
        ASSERT_TRUE(writer.sync());
        synced = last;
      }
    }
    files.power_cut(random);
    const Reading reading = read(files, path_);
    ASSERT_GE(reading.lsns.size(), synced);
    ASSERT_EQ(bytes.substr(0, reading.bytes.size()), reading.bytes);
    if (reading.damage) {
      ASSERT_FALSE(was_synced(files, path_, *reading.damage).value()) << reading.damage->reason;
    }
  }
}

}  // namespace
}  // namespace kv::storage
