// A segment of format version 1, made when that was new. Data of that version will always be readable, and as long as
// it is the version that is written, this is what it looks like. It is also the example in docs/formats/wal.md.
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>

#include <gtest/gtest.h>

#include "storage/record.hpp"
#include "storage/segment.hpp"
#include "support/base/hex.hpp"
#include "support/storage/faulty_file_system.hpp"
#include "support/storage/random_mutation.hpp"

namespace kv::storage {
namespace {

using engine::Mutation;
using test::FaultyFileSystem;
using value::ValueType;
using Kind = Mutation::Kind;

constexpr Lsn kFirst{7};
constexpr const char* kData = KV_TEST_DATA "/storage/";

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string golden() {
  return read_file(kData + segment_name(kFirst));
}

// What is in it: a group is a mark and records, a record is changes.
struct Group {
  Lsn synced;
  std::vector<std::vector<Mutation>> records;
};

const std::vector<Group>& groups() {
  static const std::string number = test::u64(42);
  static const std::string half = test::unhex("3fe0000000000000");
  static const std::string list = test::unhex("00000002 00 0801");
  static const std::string map = test::unhex("00000001 0001 61 03 0003 302e35");
  static const auto put = [](ByteView key, ValueType type, ByteView data, UnixMillis deadline = 0) {
    return Mutation{.kind = Kind::kPut, .key = key, .value = {type, data}, .deadline = deadline};
  };
  static const auto lock = [](ByteView key, ByteView owner, UnixMillis deadline, std::uint64_t token) {
    return Mutation{.kind = Kind::kPut,
                    .key = key,
                    .value = {ValueType::kString, owner},
                    .deadline = deadline,
                    .is_lock = true,
                    .token = token};
  };
  static const auto other = [](Kind kind, ByteView key, UnixMillis deadline = 0) {
    return Mutation{.kind = kind, .key = key, .value = {}, .deadline = deadline};
  };
  static const std::vector<Group> all = {
      {Lsn{6}, {{put("n", ValueType::kInt, number)}, {other(Kind::kDelete, "gone")}}},
      {Lsn{8},
       {{lock("job", "me", 1'767'225'600'000, 115'792'089'237'316)},
        {lock("job", "me", 1'767'225'630'000, 0)},
        {other(Kind::kSetDeadline, "n", 1'767'225'600'000), other(Kind::kSetDeadline, "n")}}},
      {Lsn{8}, {{other(Kind::kClear, {})}}},
      {Lsn{12},
       {{put("a", ValueType::kNull, {}), put("b", ValueType::kFloat, half), put("c", ValueType::kDecimal, "1.50"),
         put("d", ValueType::kString, "h\xC3\xA9", 1'767'225'600'000), put("e", ValueType::kBytes, "\xFF"),
         put("f", ValueType::kList, list), put("g", ValueType::kMap, map),
         put("h", ValueType::kBool, ByteView("\1", 1))}}},
  };
  return all;
}

TEST(GoldenLog, IsRead) {
  FaultyFileSystem files;
  const std::string path = segment_name(kFirst);
  files.put(path, golden());
  auto reader = SegmentReader::open(files, path, kFirst).value();
  Record record;
  Lsn lsn = kFirst;
  for (const Group& group : groups()) {
    ASSERT_TRUE(reader.next(record).value());
    EXPECT_EQ(record.type, RecordType::kMark);
    EXPECT_EQ(record.lsn, group.synced);
    for (const auto& mutations : group.records) {
      ASSERT_TRUE(reader.next(record).value());
      EXPECT_EQ(record.lsn, lsn);
      lsn = next(lsn);
      std::vector<std::string> found;
      ASSERT_TRUE(for_each_mutation(record.body, [&](const Mutation& m) { found.push_back(test::describe(m)); }));
      std::vector<std::string> expected;
      for (const Mutation& mutation : mutations) expected.push_back(test::describe(mutation));
      EXPECT_EQ(found, expected);
    }
  }
  EXPECT_FALSE(reader.next(record).value());
  EXPECT_FALSE(reader.damage());
}

TEST(GoldenLog, IsWhatIsWritten) {
  FaultyFileSystem files;
  auto writer = SegmentWriter::create(files, "", kFirst, {.fill_bytes = 4'096}).value();
  Lsn lsn = kFirst;
  for (const Group& group : groups()) {
    const auto mark = encode_mark(group.synced);
    std::string bytes(mark.begin(), mark.end());
    for (const auto& mutations : group.records) {
      bytes += test::encoded_record(lsn, mutations);
      lsn = next(lsn);
    }
    ASSERT_TRUE(writer.append(std::array<ByteView, 1>{bytes}));
  }
  ASSERT_TRUE(writer.close());
  EXPECT_EQ(test::hex(files.content("/" + segment_name(kFirst))), test::hex(golden()));
}

// The page shows the file byte by byte: in its block of hex, # begins a comment.
TEST(GoldenLog, IsTheExampleOfThePage) {
  std::istringstream page(read_file(KV_DOCS "/formats/wal.md"));
  std::string digits;
  std::string line;
  while (std::getline(page, line) && line != "```hex") {
  }
  while (std::getline(page, line) && line != "```") digits += line.substr(0, line.find('#')) + "\n";
  EXPECT_EQ(test::hex(test::unhex(digits)), test::hex(golden()));
}

}  // namespace
}  // namespace kv::storage
