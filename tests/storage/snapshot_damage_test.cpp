// Files that are not what a writer wrote. First every small thing that can happen to a file; then files whose checksums
// are right and which nevertheless can't be, as only a fault of ours, or malice, makes them.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/snapshot_block.hpp"
#include "storage/snapshot_entry.hpp"
#include "storage/snapshot_reader.hpp"
#include "support/base/hex.hpp"
#include "support/heap/heap.hpp"
#include "support/storage/snapshot_files.hpp"

namespace kv::storage {
namespace {

using testing::HasSubstr;

using namespace test;
using kv::test::u64;
using snapshot::BlockKind;
using snapshot::kBlockBytesMax;

Entries few_entries() {
  return {{"key", bytes_entry("value")},
          {"lock", {value::ValueType::kString, "owner", 5, true}},
          {"text", {value::ValueType::kString, std::string(100, 't')}}};
}

class SnapshotDamage : public testing::TestWithParam<SnapshotCodec> {};

INSTANTIATE_TEST_SUITE_P(Codecs, SnapshotDamage, testing::Values(SnapshotCodec::kNone, SnapshotCodec::kZstd),
                         [](const auto& codec) { return codec.param == SnapshotCodec::kNone ? "None" : "Zstd"; });

TEST_P(SnapshotDamage, EveryTruncationIsNoticed) {
  const std::string file = snapshot_of(few_entries(), GetParam());
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_FALSE(load(ByteView(file).substr(0, size)).has_value()) << size;
  }
}

TEST_P(SnapshotDamage, EveryFlippedBitIsNoticed) {
  std::string file = snapshot_of(few_entries(), GetParam());
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    const char flip = static_cast<char>(1 << (bit % 8));
    file[bit / 8] ^= flip;
    EXPECT_FALSE(load(file).has_value()) << "bit " << bit;
    file[bit / 8] ^= flip;
  }
  EXPECT_TRUE(load(file).has_value());
}

TEST_P(SnapshotDamage, AnyByteMoreIsNoticed) {
  const std::string file = snapshot_of(few_entries(), GetParam());
  EXPECT_FALSE(load(file + '\0').has_value());
  EXPECT_FALSE(load('\0' + file).has_value());
  EXPECT_FALSE(load(file + file).has_value());
}

TEST_P(SnapshotDamage, RandomDamageInLargeEntriesIsNoticed) {
  Random random;
  const std::string data = random_bytes(random, 100'000);
  const std::string file =
      snapshot_of({{"a", bytes_entry(data + data + data + data)}, {"b", bytes_entry(data)}}, GetParam());
  for (int round = 0; round < 200; ++round) {
    std::string damaged = file;
    const std::size_t at = random.below(file.size());
    if (random.one_in(2)) {
      damaged.erase(at, 1 + random.below(100'000));
    } else {
      damaged.insert(at, damaged.substr(random.below(file.size()), 1 + random.below(100'000)));
    }
    EXPECT_EQ(load(damaged).has_value(), damaged == file);
  }
}

// Files block by block.
class SnapshotForgery : public testing::Test {
 protected:
  SnapshotForgery() { append(encode(snapshot::Header{SnapshotCodec::kZstd, kStart, kCreated})); }

  void block(BlockKind kind, std::uint32_t count, ByteView raw) {
    const auto packed = packer_.pack(kind, count, raw);
    append(packed.header);
    file_.append(packed.stored);
    info_.blocks += 1;
    info_.raw_bytes += raw.size();
  }
  // The file with its end. `entries`: as the footer says.
  std::string ended(std::uint64_t entries) {
    info_.entries = entries;
    const std::string body = file_;
    append(snapshot::encode_footer(info_));
    append(snapshot::encode_trailer(body.size()));
    return std::exchange(file_, body);
  }
  // What is wrong with the file.
  std::string fault(std::uint64_t entries = 1) {
    const auto loaded = load(ended(entries));
    return loaded ? "nothing" : loaded.error().message;
  }
  static std::string entry(const std::string& key, const std::string& data) {
    const engine::Mutation put{.key = key, .value = {value::ValueType::kBytes, data}};
    std::string bytes(snapshot::entry_bytes(put), '\0');
    snapshot::encode_entry(put, bytes.data());
    return bytes;
  }

  std::string file_;
  SnapshotInfo info_{.start = kStart};

 private:
  template <std::size_t kSize>
  void append(const std::array<char, kSize>& bytes) {
    file_.append(bytes.data(), bytes.size());
  }

  snapshot::BlockPacker packer_{SnapshotCodec::kZstd, 1};
};

TEST_F(SnapshotForgery, TheForgerCanWriteGoodFiles) {
  block(BlockKind::kEntries, 2, entry("a", "1") + entry("b", "2"));
  const std::string large = entry("c", std::string(kBlockBytesMax, '3'));
  block(BlockKind::kPart, 0, u64(large.size()) + large.substr(0, 1'000));
  block(BlockKind::kPart, 1, large.substr(1'000));
  EXPECT_EQ(fault(3), "nothing");
}

TEST_F(SnapshotForgery, TheFootersCountsMustBeTrue) {
  block(BlockKind::kEntries, 1, entry("a", "1"));
  EXPECT_EQ(fault(1), "nothing");
  EXPECT_THAT(fault(2), HasSubstr("isn't what it counts"));
  ++info_.blocks;
  EXPECT_THAT(fault(), HasSubstr("isn't what it counts"));
  --info_.blocks;
  ++info_.raw_bytes;
  EXPECT_THAT(fault(), HasSubstr("isn't what it counts"));
}

TEST_F(SnapshotForgery, ABlockHoldsJustItsEntries) {
  block(BlockKind::kEntries, 2, entry("a", "1"));
  EXPECT_EQ(fault(2), "file is damaged at byte 36: an entry is malformed.");
}

TEST_F(SnapshotForgery, ABlockHoldsNoMoreThanItsEntries) {
  block(BlockKind::kEntries, 1, entry("a", "1") + entry("b", "2"));
  EXPECT_THAT(fault(), HasSubstr("at byte 36: a block has more in it than its entries"));
}

TEST_F(SnapshotForgery, AFooterStandsOnlyAtTheEnd) {
  block(BlockKind::kFooter, 0, std::string(48, 'f'));
  EXPECT_THAT(fault(), HasSubstr("at byte 36: a footer stands among the data"));
}

TEST_F(SnapshotForgery, APartNeedsThoseBeforeIt) {
  block(BlockKind::kPart, 1, entry("a", "1"));
  EXPECT_THAT(fault(), HasSubstr("at byte 36: a part of an entry stands here without those before it"));
}

TEST_F(SnapshotForgery, APartNeedsThoseAfterIt) {
  const std::string large = entry("a", std::string(2'000, '1'));
  block(BlockKind::kPart, 0, u64(large.size()) + large.substr(0, 1'000));
  const std::string end = std::to_string(file_.size());
  EXPECT_THAT(fault(), HasSubstr("at byte " + end + ": an entry's last parts are missing"));
  block(BlockKind::kEntries, 1, entry("b", "2"));
  EXPECT_THAT(fault(), HasSubstr("at byte " + end + ": the next part of an entry is missing"));
}

TEST_F(SnapshotForgery, PartsComeInOrder) {
  const std::string large = entry("a", std::string(2'000, '1'));
  block(BlockKind::kPart, 0, u64(large.size()) + large.substr(0, 1'000));
  const std::string end = std::to_string(file_.size());
  block(BlockKind::kPart, 2, large.substr(1'000));
  EXPECT_THAT(fault(), HasSubstr("at byte " + end + ": the next part of an entry is missing"));
}

TEST_F(SnapshotForgery, PartsAddUpToTheEntry) {
  const std::string large = entry("a", std::string(2'000, '1'));
  block(BlockKind::kPart, 0, u64(large.size() - 1) + large);
  EXPECT_THAT(fault(), HasSubstr("at byte 36: an entry is malformed"));
}

TEST_F(SnapshotForgery, AFirstPartSaysHowLongTheEntryIs) {
  block(BlockKind::kPart, 0, "short");
  EXPECT_THAT(fault(), HasSubstr("at byte 36: an entry is malformed"));
}

// What is claimed costs nothing; what is there does.
TEST_F(SnapshotForgery, NoClaimIsGivenMemory) {
  for (const std::uint64_t claimed : {std::uint64_t{1} << 32, UINT64_MAX, snapshot::kEntryBytesMax}) {
    block(BlockKind::kPart, 0, u64(claimed) + entry("a", "1"));
    const std::string file = ended(1);
    kv::test::fail_large_allocations(4U << 20);
    EXPECT_FALSE(load(file).has_value());
    kv::test::fail_large_allocations(0);
  }
}

TEST_F(SnapshotForgery, AFooterInsideAnotherFileIsNoticed) {
  block(BlockKind::kEntries, 1, entry("a", "1"));
  info_.start = Lsn{number(kStart) + 1};
  EXPECT_THAT(fault(), HasSubstr("the footer is that of another snapshot"));
}

}  // namespace
}  // namespace kv::storage
