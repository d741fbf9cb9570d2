#include "storage/snapshot_format.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/crc32c.hpp"
#include "storage/snapshot_entry.hpp"
#include "support/base/hex.hpp"

namespace kv::storage::snapshot {
namespace {

using kv::test::hex;
using kv::test::u16;
using kv::test::u32;
using kv::test::u64;
using kv::test::unhex;

template <typename T, std::size_t kSize>
std::string text(const std::array<T, kSize>& bytes) {
  return {bytes.data(), bytes.size()};
}

TEST(SnapshotFormat, NamesSayWhereTheLogGoesOn) {
  EXPECT_EQ(snapshot_name(Lsn{1}), "snapshot-00000000000000000001.kvs");
  for (const std::uint64_t start : {std::uint64_t{0}, std::uint64_t{12'345}, UINT64_MAX}) {
    EXPECT_EQ(snapshot_start(snapshot_name(Lsn{start})), Lsn{start});
  }
}

TEST(SnapshotFormat, OtherNamesAreNotThoseOfSnapshots) {
  for (const char* name :
       {"", "snapshot-.kvs", "snapshot-1.kvs", "snapshot-00000000000000000001.kvs.tmp",
        "snapshot-0000000000000000000x.kvs", "snapshot-+0000000000000000001.kvs", "snapshot-99999999999999999999.kvs",
        "Snapshot-00000000000000000001.kvs", "snapshot-00000000000000000001.kvz"}) {
    EXPECT_FALSE(snapshot_start(name).has_value()) << name;
  }
}

TEST(SnapshotFormat, TheHeaderComesBack) {
  for (const SnapshotCodec codec : {SnapshotCodec::kNone, SnapshotCodec::kZstd}) {
    const auto header = decode_header(text(encode(Header{codec, Lsn{5}, 1'700'000'000'000})));
    ASSERT_TRUE(header.has_value());
    EXPECT_EQ(header->codec, codec);
    EXPECT_EQ(header->start, Lsn{5});
    EXPECT_EQ(header->created, 1'700'000'000'000U);
  }
}

// Its checksum is right, so that each field has to be looked at by itself.
TEST(SnapshotFormat, AHeaderIsRefusedForAnyFieldThatItCantHave) {
  const auto header = [](ByteView magic, std::uint32_t version, std::uint32_t codec) {
    const std::string fields = std::string(magic) + u32(version) + u32(codec) + u64(1) + u64(2);
    return fields + u32(crc32c(0, fields));
  };
  EXPECT_TRUE(decode_header(header("KVSNAP\r\n", 1, 0x0100'0000)).has_value());
  EXPECT_FALSE(decode_header(header("KVSNAP\n\n", 1, 0)).has_value());
  EXPECT_FALSE(decode_header(header("KVSNAP\r\n", 2, 0)).has_value());
  EXPECT_FALSE(decode_header(header("KVSNAP\r\n", 1, 0x0200'0000)).has_value());
  EXPECT_FALSE(decode_header(header("KVSNAP\r\n", 1, 0x0000'0001)).has_value());
}

TEST(SnapshotFormat, ABlocksHeaderComesBack) {
  const BlockHeader block{BlockKind::kPart, SnapshotCodec::kZstd, 100, 6, 3};
  const std::string bytes = text(encode(block, "stored"));
  EXPECT_TRUE(block_checksum_matches(bytes, "stored"));
  EXPECT_FALSE(block_checksum_matches(bytes, "Stored"));
  const auto decoded = decode_block_header(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->kind, block.kind);
  EXPECT_EQ(decoded->codec, block.codec);
  EXPECT_EQ(decoded->raw_bytes, block.raw_bytes);
  EXPECT_EQ(decoded->stored_bytes, block.stored_bytes);
  EXPECT_EQ(decoded->count, block.count);
}

TEST(SnapshotFormat, ABlocksHeaderIsRefusedForAnyFieldThatItCantHave) {
  const std::string rest = u32(1) + u32(0);
  EXPECT_TRUE(decode_block_header(unhex("01 00 0000 00040000 00040000") + rest).has_value());
  EXPECT_TRUE(decode_block_header(unhex("02 01 0000 00040000 0003ffff") + rest).has_value());
  const std::vector<const char*> wrong = {
      "00 00 0000 00000001 00000001",  // no such kind
      "04 00 0000 00000001 00000001",
      "01 02 0000 00000001 00000001",  // no such codec
      "01 00 0001 00000001 00000001",  // not zero
      "01 00 0000 00000000 00000000",  // empty
      "01 00 0000 00040001 00040001",  // over the size of a block
      "01 01 0000 ffffffff 00000001",
      "01 00 0000 00000002 00000001",  // not compressed, and yet of another size
      "01 01 0000 00000002 00000002",  // compressed, and not smaller
      "01 01 0000 00000002 ffffffff",
  };
  for (const char* fields : wrong) EXPECT_FALSE(decode_block_header(unhex(fields) + rest).has_value()) << fields;
}

TEST(SnapshotFormat, TheFooterComesBack) {
  const std::string bytes = text(
      encode_footer({.start = Lsn{1}, .end = Lsn{2}, .highest_token = 3, .entries = 4, .blocks = 5, .raw_bytes = 6}));
  SnapshotInfo info{.start = Lsn{1}};
  ASSERT_TRUE(decode_footer(bytes, info).has_value());
  EXPECT_EQ(info.end, Lsn{2});
  EXPECT_EQ(info.highest_token, 3U);
  EXPECT_EQ(info.entries, 4U);
  EXPECT_EQ(info.blocks, 5U);
  EXPECT_EQ(info.raw_bytes, 6U);
  SnapshotInfo other{.start = Lsn{2}};
  EXPECT_FALSE(decode_footer(bytes, other).has_value());
}

TEST(SnapshotFormat, TheTrailerComesBack) {
  EXPECT_EQ(*decode_trailer(text(encode_trailer(1'234'567'890'123))), 1'234'567'890'123U);
}

// The example of docs/formats/snapshot.md.
TEST(SnapshotEntry, IsEncodedAsThePageSays) {
  char buffer[64];
  const engine::Mutation lock{
      .key = "job", .value = {value::ValueType::kString, "me"}, .deadline = 1'700'000'030'000, .is_lock = true};
  const char* end = encode_entry(lock, buffer);
  EXPECT_EQ(hex({buffer, entry_bytes(lock)}), "030000018bcfe5dd3000036a6f6204000000026d65");
  EXPECT_EQ(end, buffer + entry_bytes(lock));
}

TEST(SnapshotEntry, EveryPrefixOfOneIsCutShort) {
  const std::string whole = unhex("03 0000018bcfe5dd30 0003 6a6f62 04 00000002 6d65");
  engine::Mutation put;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ByteView rest(whole.data(), size);
    EXPECT_FALSE(try_decode_entry(rest, put)) << size;
  }
  ByteView rest = whole;
  ASSERT_TRUE(try_decode_entry(rest, put));
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(put.key, "job");
}

TEST(SnapshotEntry, IsRefusedForAnyFieldThatItCantHave) {
  const std::vector<const char*> wrong = {
      "04 0001 6b 00 00000000",                   // a flag that there isn't
      "01 0000000000000000 0001 6b 00 00000000",  // a deadline that says there is none
      "00 0001 6b 09 00000000",                   // a type that there isn't
      "00 0001 6b 00 00000001 00",                // sizes that the type can't have
      "00 0001 6b 01 00000007 00000000000000",
      "00 0001 6b 02 00000009 000000000000000000",
      "00 0001 6b 03 00000000",
      "00 0001 6b 06 00000003 000000",
      "00 0001 6b 07 00000000",
      "00 0001 6b 08 00000002 0000",
      "00 0001 6b 05 ffffffff",  // more than there is
      "00 ffff 6b 00 00000000",
  };
  for (const char* bytes : wrong) {
    const std::string entry = unhex(bytes);
    ByteView rest = entry;
    engine::Mutation put;
    EXPECT_FALSE(try_decode_entry(rest, put)) << bytes;
  }
}

}  // namespace
}  // namespace kv::storage::snapshot
