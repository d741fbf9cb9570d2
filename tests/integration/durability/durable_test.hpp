// The fixture of the tests that stop a server and start it again on the same data directory.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "integration/durability/data_folder.hpp"
#include "integration/durability/persistence_info.hpp"
#include "support/base/temporary_folder.hpp"
#include "support/process/raw_client.hpp"
#include "support/process/requests.hpp"
#include "support/process/server_process.hpp"

namespace kv::test {

using Args = std::vector<std::string>;

class DurableTest : public ::testing::Test {
 protected:
  // Starts a server on the data directory, with `more` flags, and connects. What ran before has ended.
  void start(const Args& more = {}) { start_on(data_, more); }
  void start_on(const DataFolder& data, const Args& more = {});
  // Ends it with SIGKILL, or with SIGTERM and exit code 0.
  void kill();
  void stop();
  void restart_after_kill(const Args& more = {}) {
    kill();
    start(more);
  }

  Reply call(ByteView request) { return client_->call(request); }
  void save() { EXPECT_EQ(call(test::snapshot()).status, protocol::Status::kOk); }
  // Sets keys <prefix>0 … to Bytes of that size, which differ and can't be compressed; each is acknowledged.
  void fill(const std::string& prefix, int count, std::size_t value_bytes);
  // The same until the log has so many segments, none of them empty. Returns how many keys there are. Each is set when
  // the one before it is acknowledged, since what is written together stands in one segment; and a segment that is full
  // is ended beside the acknowledgements, so how many keys it takes is open.
  int fill_segments(const std::string& prefix, std::size_t segments, std::size_t value_bytes);
  // Expects them all, whole.
  void expect_filled(const std::string& prefix, int count, std::size_t value_bytes);
  static std::string filling(const std::string& key, std::size_t value_bytes);

  // Expects that a server on the data directory, with `more` flags, says one line and exits with 1. Returns the line.
  std::string refusal(const Args& more = {}) const;

  const TemporaryFolder folder_;
  DataFolder data_{folder_.path() + "/data"};
  std::optional<ServerProcess> server_;
  std::optional<RawClient> client_;
};

// Runs kv-server with these arguments; it must say one line on stderr, which is returned, and exit with 1.
std::string refusal_of(Args args);

}  // namespace kv::test
