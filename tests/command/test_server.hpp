// A server without a network: requests go to the Dispatcher, and time passes when a test says so.
//
//   EXPECT_EQ(run(set("key", encode_int(1))), ok());
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kv/base/clock.hpp"
#include "kv/command/dispatcher.hpp"
#include "kv/command/slow_log.hpp"
#include "kv/value/build.hpp"

#include "support/process/reply.hpp"
#include "support/process/requests.hpp"

namespace kv::test {

// Answers as a test says. What SNAPSHOT asks of it waits in `asked` until the test lets it be done.
class ScriptedAdministration final : public command::Administration {
 public:
  struct Asked {
    std::string backup_folder;
    std::function<void(Result<UnixMillis>)> done;
  };

  command::ServerState state() const override {
    return {.version = "1.2.3",
            .listeners = {"127.0.0.1:6380", "[::1]:6380"},
            .threads = 4,
            .uptime_ms = 61'999,
            .connections = 5,
            .connections_max = 10};
  }
  command::PersistenceState persistence() const override { return persistence_state; }
  std::vector<protocol::ConnectionInfo> connections() const override { return open_connections; }
  bool close_connection(std::uint64_t id) override {
    closed.push_back(id);
    return std::ranges::count(open_connections, id, &protocol::ConnectionInfo::id) != 0;
  }
  std::vector<command::Setting> settings() const override { return all_settings; }
  Result<void> change_settings(std::span<const command::SettingChange> changes, const command::Asker& by) override {
    if (refuses_settings) return *refuses_settings;
    for (const auto& [name, value] : changes) changed_settings.emplace_back(name, value);
    changed_by = by;
    return {};
  }
  void take_snapshot(const std::string& backup_folder, std::function<void(Result<UnixMillis>)> done) override {
    if (at_once) return done(*at_once);
    asked.push_back({backup_folder, std::move(done)});
  }

  command::PersistenceState persistence_state;
  std::vector<protocol::ConnectionInfo> open_connections;
  std::vector<std::uint64_t> closed;  // what was asked to be
  std::vector<command::Setting> all_settings;
  Pairs changed_settings;                     // what was asked to be
  command::Asker changed_by;                  // by whom
  std::optional<Error> refuses_settings;      // set: how every change fails
  std::optional<Result<UnixMillis>> at_once;  // set: how every snapshot ends before take_snapshot() returns
  std::vector<Asked> asked;
};

class TestServer {
 public:
  explicit TestServer(const protocol::Limits& limits = {});

  // Carries out a request as a session does: first where that runs, then, if it turns out to be heavy, elsewhere.
  protocol::Handled handle(const protocol::Frame& request, ByteBuffer& out);
  // Carries out one request frame and decodes its reply. Fails the test when there isn't exactly one.
  Reply run(ByteView request);
  // Starts a request that has to wait. Fails the test, and returns nothing, when it answers at once.
  std::unique_ptr<protocol::PendingReply> start(ByteView request);
  void advance(std::uint64_t milliseconds) { clock.advance(milliseconds); }

  // Whether a SET, INCR … left this behind: a value, and milliseconds to live (-1: no expiry).
  void expect_holds(ByteView key, const std::string& value, std::int64_t ttl_ms = -1);
  // Every key of a scan with that pattern.
  Keys keys(ByteView pattern = {});

  ManualClock clock;
  engine::Engine engine;
  observability::Counters counters;
  ScriptedAdministration administration;
  security::Users users{command::command_infos()};
  security::Authenticator authenticator{users, clock};
  std::atomic<bool> read_only{false};
  command::SlowLog slow_log;
  command::Dispatcher dispatcher;
  std::unique_ptr<protocol::Caller> caller = dispatcher.connect({.id = 7});
};

// Appends what is still missing of the reply.
void append_tail(const protocol::Handled& handled, ByteBuffer& out);

// The one reply in `frames`. Fails the test when there is none, or more.
Reply decode_reply(ByteView frames);

class CommandTest : public testing::Test, public TestServer {
 protected:
  using TestServer::TestServer;
};

}  // namespace kv::test
