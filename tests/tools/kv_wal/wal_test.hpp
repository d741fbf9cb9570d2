// Logs for kv-wal to look at, on a disk in memory, and what it says of them.
#pragma once

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv-wal/outcome.hpp"
#include "storage/directory.hpp"
#include "storage/record.hpp"
#include "storage/segment.hpp"
#include "support/storage/faulty_file_system.hpp"
#include "support/storage/random_mutation.hpp"

namespace kv::wal {

class WalTest : public testing::Test {
 protected:
  WalTest() { EXPECT_TRUE(storage::DataDirectory::open(files_, "d")); }

  static std::string path(std::uint64_t first) { return "d/" + storage::segment_name(Lsn{first}); }
  static std::string mark(std::uint64_t synced) {
    const auto bytes = storage::encode_mark(Lsn{synced});
    return {bytes.begin(), bytes.end()};
  }
  static std::string del(std::uint64_t lsn, ByteView key) {
    const engine::Mutation mutation{.kind = engine::Mutation::Kind::kDelete, .key = key, .value = {}};
    return test::encoded_record(Lsn{lsn}, {&mutation, 1});
  }
  // The segment of that number, of a good header and `bytes`.
  void make(std::uint64_t first, ByteView bytes) {
    auto writer = storage::SegmentWriter::create(files_, "d", Lsn{first}).value();
    ASSERT_TRUE(writer.append({&bytes, 1}));
    ASSERT_TRUE(writer.close());
  }
  // Calls a part of kv-wal and collects what it prints.
  template <typename Part, typename... Arguments>
  ExitCode run(Part part, const Arguments&... arguments) {
    out_.clear();
    err_.clear();
    const auto out = [&](ByteView line) { out_.emplace_back(line); };
    const auto err = [&](ByteView line) { err_.emplace_back(line); };
    return part(files_, arguments..., Output{out, err});
  }

  test::FaultyFileSystem files_;
  std::vector<std::string> out_;
  std::vector<std::string> err_;
};

}  // namespace kv::wal
