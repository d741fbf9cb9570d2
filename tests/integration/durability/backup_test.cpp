// Backups of a server that goes on serving, and servers that begin with one.
#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include <gmock/gmock.h>

#include "integration/durability/durable_test.hpp"
#include "support/process/child_process.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

namespace fs = std::filesystem;

class Backup : public DurableTest {
 protected:
  // Starts a server on a new data directory that begins with the backup.
  void restore(const Args& more = {}) {
    if (server_) kill();
    data_ = DataFolder(folder_.path() + "/restored");
    Args args{"--restore", backup_};
    args.insert(args.end(), more.begin(), more.end());
    start(args);
  }

  const std::string backup_ = folder_.path() + "/backup";
};

// Sets <prefix>0, <prefix>1 … one after the other, on a thread of its own, until it is stopped.
class Writer {
 public:
  Writer(std::uint16_t port, std::string prefix) : prefix_(std::move(prefix)) {
    running_ = std::async(std::launch::async, [this, port] {
      RawClient client(port);
      while (!stopping_) {
        const int number = acknowledged_;
        EXPECT_EQ(client.call(set(prefix_ + std::to_string(number), encode_int(number))), ok());
        ++acknowledged_;
      }
    });
  }
  ~Writer() { stop(); }
  int acknowledged() const { return acknowledged_; }
  void stop() {
    stopping_ = true;
    if (running_.valid()) running_.get();
  }

 private:
  const std::string prefix_;
  std::atomic<int> acknowledged_{0};
  std::atomic<bool> stopping_{false};
  std::future<void> running_;
};

TEST_F(Backup, HasEverythingThatWasThereWhenItWasAskedFor) {
  start({"--shards", "16", "--wal-segment-bytes", "1MiB"});
  fill("before", 2'000, 1'500);
  call(set("n", encode_int(1)));
  call(test::lock("lock", "me", 3'600'000));
  Writer first(server_->port(), "first");
  Writer second(server_->port(), "second");
  ASSERT_TRUE(eventually([&] { return first.acknowledged() > 100 && second.acknowledged() > 100; }));
  const int first_at_least = first.acknowledged();
  const int second_at_least = second.acknowledged();
  EXPECT_EQ(call(test::snapshot(2, backup_)).status, protocol::Status::kOk);
  const int after = first.acknowledged();
  EXPECT_TRUE(eventually([&] { return first.acknowledged() > after; })) << "writes go on";
  first.stop();
  second.stop();
  const int first_at_most = first.acknowledged();

  restore({"--shards", "7"});
  expect_filled("before", 2'000, 1'500);
  EXPECT_EQ(call(get("n")), ok(encode_int(1)));
  EXPECT_EQ(call(unlock("lock", "me")), ok_bool(true));
  for (int i = 0; i < first_at_least; ++i) ASSERT_EQ(call(exists("first" + std::to_string(i))), ok_bool(true)) << i;
  for (int i = 0; i < second_at_least; ++i) ASSERT_EQ(call(exists("second" + std::to_string(i))), ok_bool(true)) << i;
  // It is a state that there was: what was written one after the other is there up to some point.
  int number = first_at_least;
  while (call(exists("first" + std::to_string(number))) == ok_bool(true)) ++number;
  for (int i = number; i < first_at_most; ++i) ASSERT_EQ(call(exists("first" + std::to_string(i))), ok_bool(false));
}

TEST_F(Backup, TheRestoredServerIsOneLikeAnyOther) {
  start();
  fill("k", 100, 100);
  EXPECT_EQ(call(test::snapshot(2, backup_)).status, protocol::Status::kOk);
  restore();
  EXPECT_EQ(call(set("new", encode_int(1))), ok());
  save();
  EXPECT_EQ(call(del("k0")), ok_bool(true));
  restart_after_kill();  // without --restore, from its own data directory
  EXPECT_EQ(call(get("new")), ok(encode_int(1)));
  EXPECT_EQ(call(get("k0")), null());
  EXPECT_EQ(call(get("k1")), ok(filling("k1", 100)));
  stop();
  // The backup is as it was.
  data_ = DataFolder(folder_.path() + "/again");
  start({"--restore", backup_});
  expect_filled("k", 100, 100);
  EXPECT_EQ(call(get("new")), null());
}

TEST_F(Backup, StaysWhatItIsWhileTheServerGoesOn) {
  start({"--wal-segment-bytes", "1MiB"});
  fill("k", 50, 40'000);
  EXPECT_EQ(call(test::snapshot(2, backup_)).status, protocol::Status::kOk);
  // Overwrites, compacts and deletes what the backup shares with it.
  for (int round = 0; round < 3; ++round) {
    fill("other" + std::to_string(round), 50, 40'000);
    EXPECT_EQ(call(flush()).status, protocol::Status::kOk);
    save();
  }
  restore();
  expect_filled("k", 50, 40'000);
  EXPECT_EQ(info_json(*client_).at("entries"), 50);
}

TEST_F(Backup, SeveralInARowAreEachWhole) {
  start();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(call(set("n", encode_int(i))), ok());
    EXPECT_EQ(call(test::snapshot(2, backup_ + std::to_string(i))).status, protocol::Status::kOk);
  }
  kill();
  for (int i = 0; i < 3; ++i) {
    data_ = DataFolder(folder_.path() + "/restored" + std::to_string(i));
    start({"--restore", backup_ + std::to_string(i)});
    EXPECT_EQ(call(get("n")), ok(encode_int(i)));
  }
}

TEST_F(Backup, IntoAFolderThatIsNotEmptyIsRefused) {
  start();
  EXPECT_EQ(call(set("k", encode_int(1))), ok());
  fs::create_directory(backup_);
  write_file(backup_ + "/mine", "precious");
  EXPECT_TRUE(call(test::snapshot(2, backup_)).is_error());
  EXPECT_EQ(DataFolder(backup_).all_files(), std::vector<std::string>{backup_ + "/mine"});
  EXPECT_TRUE(call(test::snapshot(2, data_.path())).is_error());
  EXPECT_TRUE(call(test::snapshot(2, "")).is_error());
  EXPECT_TRUE(call(test::snapshot(2, "/proc/no/such")).is_error());
  EXPECT_EQ(call(get("k")), ok(encode_int(1)));
  restart_after_kill();
  EXPECT_EQ(call(get("k")), ok(encode_int(1)));
}

TEST_F(Backup, IsNotRestoredOverData) {
  start();
  EXPECT_EQ(call(set("k", encode_int(1))), ok());
  EXPECT_EQ(call(test::snapshot(2, backup_)).status, protocol::Status::kOk);
  EXPECT_EQ(call(set("k", encode_int(2))), ok());
  stop();
  refusal({"--restore", backup_});
  start();
  EXPECT_EQ(call(get("k")), ok(encode_int(2)));
}

TEST_F(Backup, OnlyABackupIsRestored) {
  const std::string empty = folder_.path() + "/empty";
  fs::create_directory(empty);
  for (const std::string& source : {empty, folder_.path() + "/absent", folder_.write("file", "text")}) {
    SCOPED_TRACE(source);
    refusal({"--restore", source});
  }
}

TEST_F(Backup, ADamagedOneIsRefused) {
  start({"--wal-segment-bytes", "1MiB"});
  fill("k", 50, 64 << 10);  // so the log that the backup needs doesn't go back to the beginning
  EXPECT_EQ(call(test::snapshot(2, backup_)).status, protocol::Status::kOk);
  kill();
  const DataFolder backup(backup_);
  ASSERT_FALSE(backup.snapshots().empty());
  // It is a copy, or a link to a file of the data directory that is not needed any more.
  flip_bit(backup.snapshots().back(), file_size(backup.snapshots().back()) / 2);
  data_ = DataFolder(folder_.path() + "/restored");
  refusal({"--restore", backup_});
}

TEST_F(Backup, KvCliMakesOne) {
  start();
  fill("k", 100, 100);
  const test::Run made = test::run({{KV_CLI_BINARY, "-p", std::to_string(server_->port()), "backup", backup_}, {}, {}});
  EXPECT_EQ(made.exit, (Exit{0, 0})) << made.err;
  EXPECT_EQ(made.err, "");
  restore();
  expect_filled("k", 100, 100);
}

}  // namespace
}  // namespace kv::test
