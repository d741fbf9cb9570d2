// Commands about the server: PING INFO.
#include <string>
#include <unistd.h>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "command/test_server.hpp"

namespace kv::test {
namespace {

namespace json = boost::json;
using namespace value;  // NOLINT(google-build-using-namespace): the values that tests write

class ServerCommands : public CommandTest {
 protected:
  json::object info_of(ByteView section = {}) {
    const Reply reply = run(info(section));
    EXPECT_EQ(reply.status, protocol::Status::kOk);
    return json::parse(reply.payload).as_object();
  }
};

TEST_F(ServerCommands, PingAnswersWithWhatCameAlong) {
  EXPECT_EQ(run(ping()), ok("PONG"));
  EXPECT_EQ(run(ping("PING")), ok("PING"));
  const std::string any("\0\xFF any bytes", 12);
  EXPECT_EQ(run(ping(any)), ok(any));
  EXPECT_EQ(run(ping(std::string(1 << 20, 'x'))), ok(std::string(1 << 20, 'x')));
}

TEST_F(ServerCommands, InfoHasItsNumbersOnTopAndTheRestInSections) {
  run(set("key", encode_int(1)));
  run(set("expired", encode_int(1), 5));
  advance(5);
  const json::object all = info_of();
  EXPECT_EQ(all.at("shards").to_number<int>(), 7);
  EXPECT_EQ(all.at("entries").to_number<int>(), 2) << "with expired keys that nobody has swept yet";
  for (const char* section : {"server", "clients", "memory", "stats", "persistence", "keyspace"}) {
    EXPECT_TRUE(all.at(section).is_object()) << section;
    const json::object alone = info_of(section);
    EXPECT_EQ(alone.size(), all.at(section).as_object().size()) << section;
    for (const auto& field : alone) EXPECT_TRUE(all.at(section).as_object().contains(field.key())) << field.key();
  }
}

TEST_F(ServerCommands, TheServerSectionIsWhatTheServerSays) {
  const json::object server = info_of("server");
  EXPECT_EQ(server.at("version").as_string(), "1.2.3");
  EXPECT_EQ(server.at("pid").to_number<int>(), getpid());
  EXPECT_EQ(server.at("listeners"), (json::array{"127.0.0.1:6380", "[::1]:6380"}));
  EXPECT_EQ(server.at("threads").to_number<int>(), 4);
  EXPECT_EQ(server.at("uptime_seconds").to_number<int>(), 61);
}

TEST_F(ServerCommands, TheClientsSectionCountsConnectionsAndWaiters) {
  using observability::Counter;
  counters.add(Counter::kConnectionsAccepted, 8);
  counters.add(Counter::kConnectionsRefused, 2);
  counters.add(Counter::kConnectionsClosed, 5);
  counters.add(Counter::kTimeouts, 1);
  run(lock("key", "holder"));
  const auto pending = start(acquire("key", "waiter", 0, 60'000));
  const json::object clients = info_of("clients");
  EXPECT_EQ(clients.at("connected").to_number<int>(), 5);
  EXPECT_EQ(clients.at("max_connections").to_number<int>(), 10);
  EXPECT_EQ(clients.at("accepted").to_number<int>(), 8);
  EXPECT_EQ(clients.at("refused").to_number<int>(), 2);
  EXPECT_EQ(clients.at("closed").to_number<int>(), 5);
  EXPECT_EQ(clients.at("timed_out").to_number<int>(), 1);
  EXPECT_EQ(clients.at("waiting").to_number<int>(), 1);
}

TEST_F(ServerCommands, TheMemorySectionFollowsTheData) {
  const json::object before = info_of("memory");
  EXPECT_GT(before.at("resident_bytes").to_number<std::uint64_t>(), 1U << 20);
  run(set("key", encode_bytes(std::string(100'000, 'x'))));
  const json::object after = info_of("memory");
  EXPECT_GT(after.at("data_bytes").to_number<int>(), before.at("data_bytes").to_number<int>() + 100'000);
  EXPECT_GT(after.at("table_bytes").to_number<int>(), before.at("table_bytes").to_number<int>());
  EXPECT_GT(after.at("large_entry_bytes").to_number<int>(), before.at("large_entry_bytes").to_number<int>() + 100'000);
  EXPECT_EQ(after.at("limit_bytes").to_number<int>(), 0);
  EXPECT_EQ(after.at("eviction").as_string(), "noeviction");
  EXPECT_EQ(after.at("evicted").to_number<int>(), 0);
}

TEST_F(ServerCommands, TheStatsSectionCountsCommandsKeysAndErrors) {
  run(get("nope"));
  run(set("key", encode_string("text"), 10));
  run(get("key"));
  run(incr("key"));
  run(incr("key"));
  run(frame(0xFF));
  run(frame(0x1C));
  run(get(""));
  advance(10);
  run(del("key"));
  const json::object stats = info_of("stats");
  const json::object commands = stats.at("commands").as_object();
  EXPECT_EQ(commands.at("GET").to_number<int>(), 3);
  EXPECT_EQ(commands.at("SET").to_number<int>(), 1);
  EXPECT_EQ(commands.at("INCR").to_number<int>(), 2);
  EXPECT_EQ(commands.at("INFO").to_number<int>(), 0) << "itself isn't answered yet";
  EXPECT_EQ(commands.at("MGET").to_number<int>(), 0);
  EXPECT_EQ(commands.at("unknown").to_number<int>(), 2);
  EXPECT_EQ(stats.at("commands_total").to_number<int>(), 9);
  EXPECT_EQ(stats.at("hits").to_number<int>(), 1);
  EXPECT_EQ(stats.at("misses").to_number<int>(), 1);
  EXPECT_EQ(stats.at("expired").to_number<int>(), 1);
  const json::object errors = stats.at("errors").as_object();
  EXPECT_EQ(errors.at("WRONGTYPE").to_number<int>(), 2);
  EXPECT_EQ(errors.at("COMMAND").to_number<int>(), 2);
  EXPECT_EQ(errors.at("KEY").to_number<int>(), 1);
  EXPECT_EQ(errors.at("OOM").to_number<int>(), 0);
}

TEST_F(ServerCommands, ThePersistenceSectionIsShortWhereNothingIsKept) {
  administration.persistence_state.fsync = "always";
  EXPECT_EQ(info_of("persistence"), (json::object{{"enabled", false}}));
}

TEST_F(ServerCommands, ThePersistenceSectionIsWhatTheServerSays) {
  administration.persistence_state = {.enabled = true,
                                      .fsync = "interval",
                                      .read_only = true,
                                      .read_only_reason = "the disk is \"full\"",
                                      .last_lsn = 13,
                                      .written_lsn = 12,
                                      .synced_lsn = 11,
                                      .queue_bytes = 1,
                                      .wal_bytes = ~std::uint64_t{0},
                                      .wal_segments = 2,
                                      .fsyncs = 3,
                                      .fsync_us_last = 4,
                                      .fsync_us_max = 5,
                                      .snapshot_running = true,
                                      .snapshots = 6,
                                      .last_snapshot_at = 1'700'000'000'000,
                                      .last_snapshot_lsn = 7,
                                      .last_snapshot_bytes = 8,
                                      .last_snapshot_ms = 9,
                                      .last_snapshot_error = "no",
                                      .recovered_entries = 10,
                                      .recovered_records = 14,
                                      .recovery_ms = 15};
  EXPECT_EQ(info_of("persistence"), json::parse(R"({
    "enabled": true, "fsync": "interval", "read_only": true, "read_only_reason": "the disk is \"full\"",
    "last_lsn": 13, "written_lsn": 12, "synced_lsn": 11, "queue_bytes": 1, "wal_bytes": 18446744073709551615,
    "wal_segments": 2, "fsyncs": 3, "fsync_us_last": 4, "fsync_us_max": 5, "snapshot_running": true, "snapshots": 6,
    "last_snapshot_at": 1700000000000, "last_snapshot_lsn": 7, "last_snapshot_bytes": 8, "last_snapshot_ms": 9,
    "last_snapshot_error": "no", "recovered_entries": 10, "recovered_records": 14, "recovery_ms": 15})"));
}

TEST_F(ServerCommands, NothingIsSaidOfHowLongASnapshotTookThatAnotherProcessMade) {
  administration.persistence_state = {.enabled = true, .last_snapshot_at = 1'700'000'000'000};
  EXPECT_FALSE(info_of("persistence").contains("last_snapshot_ms"));
}

TEST(ServerCommandsLimits, TooLargeCountsRequestsAndReplies) {
  TestServer server({.payload_bytes_max = 100'000});
  server.run(set("key", encode_bytes(std::string(90'000, 'x'))));
  EXPECT_EQ(server.run(mget({"key", "key"})), error("TOOLARGE"));
  ByteBuffer out;
  server.dispatcher.refuse({Errc::kTooLarge, "the payload is over the limit"}, out);
  const auto stats = json::parse(server.run(info("stats")).payload);
  EXPECT_EQ(stats.at("errors").at("TOOLARGE").to_number<int>(), 2);
}

TEST_F(ServerCommands, ASectionThatDoesNotExistIsAnError) {
  for (const char* name : {"weather", "Server", "serve", "shards", "entries", " "}) {
    EXPECT_EQ(run(info(name)), invalid("ARGUMENT")) << name;
  }
}

}  // namespace
}  // namespace kv::test
