#include "storage/record.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/base/hex.hpp"
#include "support/base/random.hpp"
#include "support/storage/random_mutation.hpp"

namespace kv::storage {
namespace {

using engine::Mutation;
using test::describe;
using test::encoded_record;
using test::hex;
using test::unhex;
using value::ValueType;
using Kind = Mutation::Kind;

Record complete(ByteView bytes) {
  Record record;
  EXPECT_EQ(decode_record(bytes, record), RecordState::kComplete) << hex(bytes);
  return record;
}

// The changes in a body as text, or "refused".
std::vector<std::string> described(ByteView body) {
  std::vector<std::string> texts;
  const auto done = for_each_mutation(body, [&](const Mutation& mutation) { texts.push_back(describe(mutation)); });
  if (!done) return {"refused"};
  return texts;
}

std::vector<std::string> described(std::span<const Mutation> mutations) {
  std::vector<std::string> texts;
  for (const Mutation& mutation : mutations) texts.push_back(describe(mutation));
  return texts;
}

struct Example {
  const char* name;
  Mutation mutation;
  const char* op;  // what follows the record's type
};

const ByteView kSeven("\0\0\0\0\0\0\0\7", 8);

const Example kExamples[] = {
    {"a plain PUT",
     {.kind = Kind::kPut, .key = "k", .value = {ValueType::kInt, kSeven}},
     "01 00 0001 6b 01 00000008 0000000000000007"},
    {"a PUT with a deadline",
     {.kind = Kind::kPut, .key = "key", .value = {ValueType::kString, "hi"}, .deadline = 258},
     "01 02 0000000000000102 0003 6b6579 04 00000002 6869"},
    {"a PUT of a lock just acquired",
     {.kind = Kind::kPut,
      .key = "k",
      .value = {ValueType::kString, "me"},
      .deadline = 1,
      .is_lock = true,
      .token = 65'536},
     "01 07 0000000000000001 0000000000010000 0001 6b 04 00000002 6d65"},
    {"a PUT of a lock that was extended",
     {.kind = Kind::kPut, .key = "k", .value = {ValueType::kString, "me"}, .is_lock = true},
     "01 01 0001 6b 04 00000002 6d65"},
    {"a PUT of Null", {.kind = Kind::kPut, .key = "k", .value = {ValueType::kNull, {}}}, "01 00 0001 6b 00 00000000"},
    {"a DELETE", {.kind = Kind::kDelete, .key = "key", .value = {}}, "02 0003 6b6579"},
    {"a SET_DEADLINE",
     {.kind = Kind::kSetDeadline, .key = "k", .value = {}, .deadline = 513},
     "03 0000000000000201 0001 6b"},
    {"a SET_DEADLINE to none", {.kind = Kind::kSetDeadline, .key = "k", .value = {}}, "03 0000000000000000 0001 6b"},
    {"a CLEAR", {.kind = Kind::kClear, .key = {}, .value = {}}, "04"},
};

TEST(Record, HasTheBytesOfTheFormat) {
  for (const Example& example : kExamples) {
    SCOPED_TRACE(example.name);
    const std::string bytes = encoded_record(Lsn{7}, {&example.mutation, 1});
    const std::string body = "\1" + unhex(example.op);
    EXPECT_EQ(hex(bytes.substr(0, 4)), hex(test::u32(static_cast<std::uint32_t>(body.size()))));
    EXPECT_EQ(hex(bytes.substr(8, 8)), "0000000000000007");
    EXPECT_EQ(hex(bytes.substr(16)), hex(body));
    const Record record = complete(bytes);
    EXPECT_EQ(record.lsn, Lsn{7});
    EXPECT_EQ(record.type, RecordType::kChanges);
    EXPECT_EQ(record.bytes, bytes.size());
    EXPECT_EQ(described(record.body), described({&example.mutation, 1}));
  }
}

TEST(Record, KeepsRandomChangesAsTheyAre) {
  test::Random random;
  for (int i = 0; i < 2'000; ++i) {
    const test::RandomMutations mutations(random, 1 + random.below(8));
    const Lsn lsn{random.next()};
    const std::string bytes = encoded_record(lsn, mutations.get()) + "more";
    const Record record = complete(bytes);
    ASSERT_EQ(record.lsn, lsn);
    ASSERT_EQ(record.bytes, bytes.size() - 4);
    ASSERT_EQ(described(record.body), described(mutations.get()));
  }
}

TEST(Record, TakesTheDataOfTheLastValueFromElsewhere) {
  const std::string data(100'000, 'x');
  const Mutation puts[] = {{.kind = Kind::kPut, .key = "a", .value = {ValueType::kString, "small"}},
                           {.kind = Kind::kPut, .key = "b", .value = {ValueType::kBytes, data}, .deadline = 5}};
  std::string begin(encoded_size(puts) - data.size(), '\0');
  ASSERT_EQ(encode_record(Lsn{3}, puts, begin.data(), LastValue::kLeftOut), begin.data() + begin.size());
  const ByteView halves[] = {ByteView(data).substr(0, 60'000), ByteView(data).substr(60'000)};
  seal(begin, halves);
  EXPECT_EQ(begin + data, encoded_record(Lsn{3}, puts));
}

TEST(Record, IsIncompleteUntilItsLastByte) {
  const Mutation mutation{.kind = Kind::kDelete, .key = "key", .value = {}};
  const std::string bytes = encoded_record(Lsn{1}, {&mutation, 1});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Record record;
    ASSERT_EQ(decode_record(ByteView(bytes).substr(0, size), record), RecordState::kIncomplete) << size;
    EXPECT_EQ(record.bytes, size < kRecordHeaderBytes ? kRecordHeaderBytes : bytes.size());
  }
}

TEST(Record, IsNeverGoodWithABitFlipped) {
  test::Random random;
  const test::RandomMutations mutations(random, 3);
  const auto mark = encode_mark(Lsn{9});
  for (const std::string& good : {encoded_record(Lsn{1}, mutations.get()), std::string(mark.begin(), mark.end())}) {
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
      std::string bad = good;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
      Record record;
      ASSERT_NE(decode_record(bad, record), RecordState::kComplete) << "bit " << bit;
      ASSERT_NE(decode_record(bad, record), RecordState::kEnd) << "bit " << bit;
    }
  }
}

TEST(Record, EndsAtSixteenZeros) {
  Record record;
  EXPECT_EQ(decode_record(std::string(15, '\0'), record), RecordState::kIncomplete);
  EXPECT_EQ(decode_record(std::string(16, '\0'), record), RecordState::kEnd);
  EXPECT_EQ(decode_record(std::string(16, '\0') + "x", record), RecordState::kEnd);
  EXPECT_EQ(decode_record(std::string(15, '\0') + "x", record), RecordState::kDamaged);
}

TEST(Mark, SaysUpToWhereEverythingIsSynced) {
  const auto mark = encode_mark(Lsn{0x0102});
  const ByteView bytes(mark.data(), mark.size());
  EXPECT_EQ(hex(bytes.substr(0, 4)), "00000009");
  EXPECT_EQ(hex(bytes.substr(8)),
            "0000000000000102"
            "02"
            "f56b766d61726bf5");
  EXPECT_EQ(bytes.find(kMarkMagic), kMarkMagicOffset);
  const Record record = complete(bytes);
  EXPECT_EQ(record.type, RecordType::kMark);
  EXPECT_EQ(record.lsn, Lsn{0x0102});
  EXPECT_EQ(record.bytes, kMarkBytes);
  EXPECT_EQ(described(record.body), std::vector<std::string>{"refused"});
}

// A record with a good checksum around any body.
std::string sealed(ByteView body) {
  std::string bytes = test::u32(static_cast<std::uint32_t>(body.size())) + test::u32(0) + test::u64(1);
  bytes += body;
  seal(bytes);
  return bytes;
}

TEST(Mark, IsNothingElse) {
  for (const char* body : {"02", "02 f56b766d61726b", "02 f56b766d61726bf500", "02 f56b766d61726bf4"}) {
    Record record;
    EXPECT_EQ(decode_record(sealed(unhex(body)), record), RecordState::kDamaged) << body;
  }
}

TEST(Record, OfAnUnknownTypeIsCompleteButHasNoChanges) {
  const std::string bytes = sealed(unhex("03 04"));
  const Record record = complete(bytes);
  EXPECT_EQ(record.type, RecordType{3});
  EXPECT_EQ(described(record.body), std::vector<std::string>{"refused"});
}

TEST(Changes, OfOtherFormsAreRefused) {
  const char* bodies[] = {
      "",                                                 // nothing
      "01",                                               // no change at all
      "01 00",                                            // unknown kinds
      "01 05",                                            //
      "01 04 ff",                                         // one behind a good one
      "01 02 0000",                                       // empty keys
      "01 03 0000000000000001 0000",                      //
      "01 01 00 0000 00 00000000",                        //
      "01 02 0002 6b",                                    // a key cut short
      "01 03 00000000000000",                             // a deadline cut short
      "01 01 08 0001 6b 00 00000000",                     // an unknown flag
      "01 01 02 0000000000000000 0001 6b 00 00000000",    // a deadline of 0
      "01 01 05 0000000000000000 0001 6b 00 00000000",    // a token of 0
      "01 01 04 0000000000000001 0001 6b 00 00000000",    // a token of what is no lock
      "01 01 00 0001 6b 09 00000000",                     // an unknown type
      "01 01 00 0001 6b 04 00000003 6162",                // data cut short
      "01 01 00 0001 6b 04 ffffffff 6162",                //
      "01 01 00 0001 6b 00 00000001 00",                  // data that isn't of the type's size
      "01 01 00 0001 6b 01 00000007 00000000000000",      //
      "01 01 00 0001 6b 02 00000009 000000000000000000",  //
      "01 01 00 0001 6b 03 00000000",                     //
      "01 01 00 0001 6b 06 00000003 000000",              //
      "01 01 00 0001 6b 07 00000000",                     //
      "01 01 00 0001 6b 08 00000002 0000",                //
  };
  for (const char* body : bodies) EXPECT_EQ(described(unhex(body)), std::vector<std::string>{"refused"}) << body;
}

TEST(Changes, AreRefusedWhereverTheyAreCut) {
  for (const Example& example : kExamples) {
    const std::string body = "\1" + unhex(example.op);
    for (std::size_t size = 0; size < body.size(); ++size) {
      ASSERT_EQ(described(ByteView(body).substr(0, size)), std::vector<std::string>{"refused"})
          << example.name << " " << size;
    }
  }
}

}  // namespace
}  // namespace kv::storage
