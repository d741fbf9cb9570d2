// A disk that fills up: writes are refused and reads go on; when there is room again, writes go on by themselves.
#include <csignal>
#include <system_error>

#include <gmock/gmock.h>

#include "integration/durability/durable_test.hpp"
#include "integration/durability/small_disk.hpp"
#include "support/http/http_client.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::size_t kDiskMib = 12;
constexpr std::size_t kBallastBytes = 3 << 20;
constexpr std::size_t kValueBytes = 64 << 10;

class FullDisk : public DurableTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    try {
      disk_.emplace(folder_.path() + "/disk", kDiskMib);
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::operation_not_permitted) throw;
      GTEST_SKIP() << "A small disk is needed here, and this user may not mount one (root may): " << error.what();
    }
    disk_->add_ballast(kBallastBytes);
    data_ = DataFolder(disk_->path() + "/data");
    start(args_);
    other_.emplace(*server_);
  }
  void TearDown() override {
    other_.reset();
    client_.reset();
    server_.reset();  // before the disk goes
  }

  bool read_only() { return persistence_info(*other_).at("read_only").as_bool(); }
  std::string key(int number) const { return "k" + std::to_string(number); }

  // Writes one key after another until there is no room. The last may be left without an answer: then it is pending.
  void fill_the_disk() {
    prevent_snapshots();
    while (!pending_) {
      client_->send(set(key(acknowledged_), filling(key(acknowledged_), kValueBytes)));
      ASSERT_TRUE(eventually([&] { return !client_->is_quiet() || read_only(); }));
      if (client_->is_quiet()) {
        pending_ = true;
        break;
      }
      const Reply reply = client_->receive();
      if (reply == error("READONLY")) break;
      ASSERT_EQ(reply, ok());
      ++acknowledged_;
      ASSERT_LT(acknowledged_, 1'000) << "that much has no room on this disk";
    }
    ASSERT_TRUE(eventually([&] { return read_only(); }));
    EXPECT_GT(acknowledged_, 10);
  }

  // When room runs out a snapshot is taken, which may use up the rest, fail and give it back: then writes are taken
  // again. But none is taken that would be as large as the last one and has less room than that.
  void prevent_snapshots() {
    constexpr int kCount = 40;
    fill("before", kCount, kValueBytes);
    save();
    ASSERT_LT(disk_->free_bytes(), 2 * kCount * kValueBytes) << "there will be room once the log has taken half of it";
  }

  void reconnect() {
    client_.emplace(*server_);
    other_.emplace(*server_);
  }

  HttpReply readiness() const { return http_get(admin_port(server_->log()), "/readyz"); }

  const Args args_{"--fsync", GetParam(), "--wal-segment-bytes", "1MiB", "--admin-bind", "127.0.0.1:0"};
  std::optional<SmallDisk> disk_;
  std::optional<RawClient> other_;
  int acknowledged_ = 0;
  bool pending_ = false;
};

TEST_P(FullDisk, RefusesWritesAndServesReads) {
  fill_the_disk();
  EXPECT_EQ(other_->call(set("new", encode_int(1))), error("READONLY"));
  EXPECT_EQ(other_->call(incr("new")), error("READONLY"));
  EXPECT_EQ(other_->call(del(key(0))), error("READONLY"));
  EXPECT_EQ(other_->call(mset({{"new", encode_int(1)}})), error("READONLY"));
  EXPECT_EQ(other_->call(lock("new", "me")), error("READONLY"));
  EXPECT_EQ(other_->call(flush()), error("READONLY"));
  EXPECT_EQ(other_->call(get("new")), null());
  for (int i = 0; i < acknowledged_; ++i) {
    ASSERT_EQ(other_->call(get(key(i))), ok(filling(key(i), kValueBytes))) << i;
  }
  EXPECT_THAT(std::string(persistence_info(*other_).at("read_only_reason").as_string()), HasSubstr("space"));
  EXPECT_TRUE(server_->says("space"));
}

TEST_P(FullDisk, GoesOnByItselfWhenThereIsRoom) {
  fill_the_disk();
  disk_->remove_ballast();
  if (pending_) {
    EXPECT_EQ(client_->receive(), ok()) << "what was pending is kept after all";
    ++acknowledged_;
  }
  EXPECT_TRUE(eventually([&] { return other_->call(set("new", encode_int(1))) == ok(); }));
  EXPECT_FALSE(read_only());
  EXPECT_EQ(call(incr("counter")), ok_i64(1));
  kill();
  start(args_);
  reconnect();
  for (int i = 0; i < acknowledged_; ++i) {
    ASSERT_EQ(call(get(key(i))), ok(filling(key(i), kValueBytes))) << i;
  }
  EXPECT_EQ(call(get("new")), ok(encode_int(1)));
  EXPECT_EQ(call(get("counter")), ok(encode_int(1)));
}

TEST_P(FullDisk, IsNotReadyUntilThereIsRoom) {
  EXPECT_EQ(readiness().status, 200);
  fill_the_disk();
  const HttpReply full = readiness();
  EXPECT_EQ(full.status, 503);
  EXPECT_THAT(full.body, StartsWith("read-only: "));
  EXPECT_THAT(full.body, HasSubstr("space"));
  EXPECT_EQ(http_get(admin_port(server_->log()), "/livez").status, 200);
  disk_->remove_ballast();
  EXPECT_TRUE(eventually([&] { return readiness().status == 200; }));
}

TEST_P(FullDisk, LosesNothingWhenTheServerIsKilledThen) {
  fill_the_disk();
  kill();
  disk_->remove_ballast();
  start(args_);
  reconnect();
  for (int i = 0; i < acknowledged_; ++i) {
    ASSERT_EQ(call(get(key(i))), ok(filling(key(i), kValueBytes))) << i;
  }
  const Reply last = call(get(key(acknowledged_)));
  EXPECT_TRUE(last == null() || (pending_ && last == ok(filling(key(acknowledged_), kValueBytes))));
  EXPECT_EQ(call(set("new", encode_int(1))), ok());
}

TEST_P(FullDisk, AServerThatFindsOneServesReadsUntilThereIsRoom) {
  ASSERT_EQ(call(set("k", encode_int(1))), ok());
  other_.reset();
  stop();
  disk_->fill_up();
  start(args_);
  reconnect();
  EXPECT_EQ(call(get("k")), ok(encode_int(1)));
  EXPECT_EQ(call(set("k", encode_int(2))), error("READONLY"));
  EXPECT_TRUE(read_only());
  EXPECT_THAT(std::string(persistence_info(*other_).at("read_only_reason").as_string()), HasSubstr("space"));
  kill();
  start(args_);
  reconnect();
  EXPECT_EQ(call(get("k")), ok(encode_int(1))) << "killed or not";
  disk_->remove_ballast();
  EXPECT_TRUE(eventually([&] { return call(set("k", encode_int(3))) == ok(); }));
  EXPECT_FALSE(read_only());
  other_.reset();
  restart_after_kill(args_);
  EXPECT_EQ(call(get("k")), ok(encode_int(3)));
  stop();
  disk_->fill_up();
  start(args_);
  stop();
}

TEST_P(FullDisk, EndsCleanlyThoughThereIsNoRoom) {
  fill_the_disk();
  server_->signal(SIGTERM);
  server_->wait_exit();
  client_.reset();
  disk_->remove_ballast();
  start(args_);
  reconnect();
  for (int i = 0; i < acknowledged_; ++i) {
    ASSERT_EQ(call(get(key(i))), ok(filling(key(i), kValueBytes))) << i;
  }
}

TEST_P(FullDisk, EndsCleanlyThoughASnapshotWaitsForRoom) {
  // One key, again and again: the log fills the disk, and a snapshot would be small.
  disk_->add_ballast(disk_->free_bytes());
  for (int i = 0; !read_only(); ++i) {
    ASSERT_LT(i, 1'000) << "that much has no room on this disk";
    client_->send(set("k", filling(std::to_string(i), kValueBytes)));
    ASSERT_TRUE(eventually([&] { return !client_->is_quiet() || read_only(); }));
    if (!client_->is_quiet()) client_->receive();
  }
  other_->send(test::snapshot());
  RawClient third(*server_);
  EXPECT_TRUE(
      eventually([&] { return persistence_info(third).at("snapshot_running") == true || !other_->is_quiet(); }));
  server_->signal(SIGTERM);
  server_->wait_exit();
}

TEST_P(FullDisk, ASnapshotThatFindsNoRoomFailsAlone) {
  for (; acknowledged_ < 24; ++acknowledged_) {
    ASSERT_EQ(call(set(key(acknowledged_), filling(key(acknowledged_), kValueBytes))), ok());
  }
  // Less is left than the 1.5 MiB that a copy takes, and some for writes.
  disk_->add_ballast(kBallastBytes + disk_->free_bytes() - (1 << 20));
  EXPECT_EQ(call(test::snapshot()).status, protocol::Status::kError);
  EXPECT_NE(persistence_info(*other_).at("last_snapshot_error"), "");
  EXPECT_TRUE(eventually([&] { return call(set("new", encode_int(1))) == ok(); }));
  EXPECT_TRUE(data_.snapshots().empty());
  disk_->remove_ballast();
  save();
  EXPECT_EQ(data_.snapshots().size(), 1u);
  kill();
  start(args_);
  reconnect();
  for (int i = 0; i < acknowledged_; ++i) {
    ASSERT_EQ(call(get(key(i))), ok(filling(key(i), kValueBytes))) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Fsync, FullDisk, ::testing::Values("always", "interval", "never"),
                         [](const auto& policy) { return std::string(policy.param); });

}  // namespace
}  // namespace kv::test
