// When snapshots are taken, what is kept of them, and what becomes of those who wait for one.
#include <csignal>

#include <gmock/gmock.h>

#include "integration/durability/durable_test.hpp"
#include "support/http/http_client.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using ::testing::HasSubstr;
using Snapshots = DurableTest;

TEST_F(Snapshots, AreTakenWhenAskedForAndTheNewestTwoAreKept) {
  start();
  std::uint64_t saved_ms = 0;
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(call(set("k", encode_int(i))), ok());
    const std::uint64_t answered = call(test::snapshot()).u64();
    EXPECT_GE(answered, saved_ms);
    EXPECT_EQ(call(lastsave()), ok_u64(answered));
    saved_ms = answered;
  }
  EXPECT_EQ(data_.snapshots().size(), 2u);
  EXPECT_EQ(persistence_info(*client_).at("snapshots"), 2);
}

TEST_F(Snapshots, AreKnownAfterARestartButForHowLongTheyTook) {
  const auto has_duration = [](const HttpReply& metrics) {
    EXPECT_EQ(metrics.status, 200);
    return metrics.body.find("\nkv_snapshot_duration_seconds ") != std::string::npos;
  };
  start({"--admin-bind", "127.0.0.1:0"});
  fill("k", 10, 10);
  save();
  EXPECT_TRUE(persistence_info(*client_).contains("last_snapshot_ms"));
  HttpReply metrics = http_get(admin_port(server_->log()), "/metrics");
  EXPECT_THAT(metrics.body, HasSubstr("\nkv_wal_records_total 10\n"));
  EXPECT_TRUE(has_duration(metrics));

  restart_after_kill({"--admin-bind", "127.0.0.1:0"});
  const auto info = persistence_info(*client_);
  EXPECT_NE(info.at("last_snapshot_at"), 0);
  EXPECT_NE(info.at("last_snapshot_bytes"), 0);
  EXPECT_EQ(info.at("last_lsn"), 10);
  EXPECT_EQ(info.at("snapshots"), 1) << "those on disk";
  EXPECT_GT(info.at("wal_bytes").to_number<std::uint64_t>(), 0U) << "that of before lies there";
  EXPECT_FALSE(info.contains("last_snapshot_ms"));
  metrics = http_get(admin_port(server_->log()), "/metrics");
  EXPECT_THAT(metrics.body, HasSubstr("\nkv_wal_records_total 0\n"));
  EXPECT_FALSE(has_duration(metrics));
}

TEST_F(Snapshots, ThatAreOnlyStartedAreDoneSomewhatLater) {
  start();
  EXPECT_EQ(call(set("k", encode_int(1))), ok());
  EXPECT_EQ(call(test::snapshot(1)), ok());
  EXPECT_TRUE(eventually([&] { return data_.snapshots().size() == 1; }));
  EXPECT_TRUE(eventually([&] { return call(lastsave()).u64() != 0; }));
}

TEST_F(Snapshots, AreTakenAfterManyWrites) {
  start({"--snapshot-ops-threshold", "500"});
  fill("k", 1'000, 10);
  EXPECT_TRUE(eventually([&] { return !data_.snapshots().empty(); }));
}

TEST_F(Snapshots, AreTakenWhenTheIntervalIsOver) {
  start({"--snapshot-interval-secs", "1"});
  fill("k", 10, 10);
  EXPECT_TRUE(eventually([&] { return !data_.snapshots().empty(); }));
}

TEST_F(Snapshots, KeepTheLogShort) {
  start({"--wal-segment-bytes", "1MiB"});
  for (int i = 0; i < 5; ++i) {
    fill("k", 50, 40'000);
    save();
  }
  EXPECT_TRUE(eventually([&] { return data_.segments().size() <= 6; })) << data_.segments().size();
  restart_after_kill();
  expect_filled("k", 50, 40'000);
}

// Enough that a snapshot, which takes a fifth of a processor, takes several looks of the I/O thread at who has gone.
class LongSnapshots : public DurableTest {
 protected:
  void SetUp() override {
    start();
    fill("k", kKeys, kValueBytes);
    waiting_.emplace(*server_);
    waiting_->send(test::snapshot());
    ASSERT_TRUE(eventually([&] { return is_running() || !waiting_->is_quiet(); }));
  }
  bool is_running() { return persistence_info(*client_).at("snapshot_running").as_bool(); }

  static constexpr int kKeys = 1'500;
  static constexpr std::size_t kValueBytes = 20'000;
  std::optional<RawClient> waiting_;
};

TEST_F(LongSnapshots, AreAnsweredToAClientThatHasStoppedSending) {
  waiting_->half_close();
  EXPECT_EQ(waiting_->receive().status, protocol::Status::kOk);
  EXPECT_EQ(waiting_->receive_until_eof(), "");
  EXPECT_FALSE(is_running());
  EXPECT_EQ(data_.snapshots().size(), 1u);
}

TEST_F(LongSnapshots, GoOnWithoutAClientThatHasGone) {
  waiting_->reset();
  EXPECT_TRUE(eventually([&] { return call(lastsave()).u64() != 0; }));
  EXPECT_EQ(data_.snapshots().size(), 1u);
}

TEST_F(LongSnapshots, AreAnsweredAndGivenUpAtShutDown) {
  client_.reset();
  server_->signal(SIGTERM);
  const Reply reply = waiting_->receive();
  const bool was_done = reply.status == protocol::Status::kOk;
  EXPECT_TRUE(was_done || reply == error("INTERNAL")) << reply;
  EXPECT_EQ(waiting_->receive_until_eof(), "");
  waiting_.reset();
  EXPECT_EQ(server_->wait_exit(), (Exit{0, 0})) << server_->log();
  EXPECT_EQ(data_.snapshots().size(), was_done ? 1u : 0u);
  server_.reset();
  start();
  expect_filled("k", kKeys, kValueBytes);
}

}  // namespace
}  // namespace kv::test
