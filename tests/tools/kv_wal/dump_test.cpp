#include "kv-wal/dump.hpp"

#include "tools/kv_wal/wal_test.hpp"

namespace kv::wal {
namespace {

using engine::Mutation;
using testing::ElementsAre;
using testing::HasSubstr;
using value::ValueType;
using DumpTest = WalTest;

TEST_F(DumpTest, PrintsALineForEachChange) {
  const Mutation put{.kind = Mutation::Kind::kPut, .key = "a\"\n", .value = {ValueType::kString, "text"}};
  const Mutation lock{.kind = Mutation::Kind::kPut,
                      .key = "\xFF",
                      .value = {ValueType::kString, "me"},
                      .deadline = 5,
                      .is_lock = true,
                      .token = 6};
  const Mutation deadline{.kind = Mutation::Kind::kSetDeadline, .key = "k", .value = {}, .deadline = 7};
  const Mutation clear{.kind = Mutation::Kind::kClear, .key = {}, .value = {}};
  const Mutation both[] = {put, lock};
  make(1, mark(0) + test::encoded_record(Lsn{1}, both) + test::encoded_record(Lsn{2}, {&deadline, 1}) +
              test::encoded_record(Lsn{3}, {&clear, 1}) + del(4, "k"));
  EXPECT_EQ(run(dump, path(1)), ExitCode::kGood);
  EXPECT_THAT(
      out_,
      ElementsAre(R"({"offset":32,"op":"mark","synced":0})",
                  R"({"offset":57,"lsn":1,"op":"put","key":"a\"\n","type":"String","size":4})",
                  R"({"offset":57,"lsn":1,"op":"put","key_hex":"ff","type":"String","size":2,"deadline":5,"lock":true,)"
                  R"("token":6})",
                  R"({"offset":118,"lsn":2,"op":"set_deadline","key":"k","deadline":7})",
                  R"({"offset":147,"lsn":3,"op":"clear"})", R"({"offset":165,"lsn":4,"op":"delete","key":"k"})"));
}

TEST_F(DumpTest, PrintsAllSegmentsOfADirectory) {
  make(1, del(1, "a"));
  make(2, del(2, "b"));
  EXPECT_EQ(run(dump, std::string("d")), ExitCode::kGood);
  EXPECT_EQ(out_.size(), 2U);
}

TEST_F(DumpTest, StopsAtDamage) {
  make(1, del(1, "a") + "damage, and more of it");
  EXPECT_EQ(run(dump, path(1)), ExitCode::kLost);
  EXPECT_EQ(out_.size(), 1U);
  EXPECT_THAT(err_, ElementsAre(HasSubstr("damaged at offset 53, where record 2 should begin")));
  EXPECT_EQ(run(dump, std::string("none")), ExitCode::kFailed);
}

}  // namespace
}  // namespace kv::wal
