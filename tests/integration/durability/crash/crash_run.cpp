#include "integration/durability/crash/crash_run.hpp"

#include <algorithm>
#include <csignal>
#include <future>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "integration/scan_all.hpp"
#include "support/process/requests.hpp"

namespace kv::test::crash {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kConnections = 4;
constexpr std::size_t kRoundsPerDirectory = 12;
constexpr std::size_t kPatience = 20;  // times as many rounds, to see what a run is for
const std::string kProbeKey = "probe";

// The FLUSH of a round, and which connection sent it.
struct Flushed {
  std::size_t connection = kConnections;  // nobody
  std::optional<Flush> flush;
};

Flushed find_flush(const Loads& loads) {
  for (std::size_t i = 0; i < loads.size(); ++i) {
    for (const Step& step : loads[i].steps()) {
      if (step.target == Target::kEverything) return {i, Flush{step.sent, step.answered}};
    }
  }
  return {};
}

std::string shown(const std::optional<Flush>& flush) {
  if (!flush) return "no FLUSH";
  const std::string sent = "FLUSH, sent at " + std::to_string(unix_ms(flush->sent));
  return flush->answered == kNever ? sent : sent + ", answered at " + std::to_string(unix_ms(flush->answered));
}

// The highest fencing token that anybody was told.
std::uint64_t token_max(const Loads& loads) {
  std::uint64_t highest = 0;
  for (const Load& load : loads) {
    for (const Step& step : load.steps()) {
      const bool acquires = step.request.command == Command::kAcquire && step.is_answered();
      if (acquires && step.reply.payload.starts_with('\1')) highest = std::max(highest, step.reply.u64(1));
    }
  }
  return highest;
}

}  // namespace

void CrashRun::run(std::size_t rounds) {
  for (std::size_t number = 0; number < rounds || (!has_seen_all() && number < kPatience * rounds); ++number) {
    SCOPED_TRACE("round " + std::to_string(number));
    if (number % kRoundsPerDirectory == 0) {
      server_.reset();
      directory_.emplace();
      directory_->own.resize(kConnections);
      start_server();
    }
    run_round(number);
    if (!::testing::Test::HasFailure()) continue;
    ADD_FAILURE() << "The log of kv-server:\n" << server_->log();
    break;
  }
  server_.reset();
}

void CrashRun::start_server() {
  constexpr const char* kShards[] = {"1", "16", "256"};
  std::vector<std::string> args{"--data-dir", directory_->data.path(),
                                "--fsync",    options_.fsync,
                                "--shards",   kShards[random_.below(std::size(kShards))],
                                "--threads",  std::to_string(1 + random_.below(3))};
  if (options_.frequent_snapshots) {
    args.insert(args.end(), {"--snapshot-ops-threshold", "500", "--wal-segment-bytes", "1MiB"});
  }
  server_.emplace(args);
}

void CrashRun::run_round(std::size_t number) {
  Loads loads;
  for (std::size_t i = 0; i < kConnections; ++i) loads.emplace_back(i, number, random_.next());
  if (random_.one_in(8)) loads[random_.below(kConnections)].flush_once();

  std::atomic<bool> ending{false};
  std::vector<std::future<void>> running;
  if (!random_.one_in(10)) {  // else the data must be what it was
    for (Load& load : loads) {
      running.push_back(std::async(std::launch::async, [&] { load.run(server_->port(), ending); }));
    }
    if (options_.frequent_snapshots) {
      running.push_back(std::async(std::launch::async, [&] { take_snapshots(server_->port(), ending); }));
    }
    // Not a wait for anything: when the end comes is what is drawn here.
    std::this_thread::sleep_for(milliseconds(50 + random_.below(150)));
  }
  end_server(ending);
  Round round{std::chrono::system_clock::now(), {}};
  for (std::future<void>& one : running) one.wait();
  for (std::future<void>& one : running) EXPECT_NO_THROW(one.get()) << "before the end";
  look_at_files();
  start_server();
  check(loads, round);
}

void CrashRun::end_server(std::atomic<bool>& ending) {
  const bool cleanly = random_.one_in(6);
  EXPECT_TRUE(server_->running());
  ending = true;
  if (!cleanly) return server_->kill();
  server_->signal(SIGTERM);
  EXPECT_EQ(server_->wait_exit(), (Exit{0, 0})) << server_->log();
}

void CrashRun::take_snapshots(std::uint16_t port, const std::atomic<bool>& ending) {
  try {
    RawClient client(port);
    std::uint64_t saved_ms = 0;
    for (std::size_t number = 0; true; ++number) {
      const Reply reply = client.call(number % 3 == 2 ? test::snapshot(1) : test::snapshot());
      EXPECT_TRUE(reply.status == protocol::Status::kOk || ending) << reply;
      const std::uint64_t now_saved_ms = client.call(lastsave()).u64();
      EXPECT_GE(now_saved_ms, saved_ms);
      saved_ms = now_saved_ms;
    }
  } catch (const std::exception&) {
    if (!ending) throw;
  }
}

bool CrashRun::has_seen_all() const {
  return !options_.frequent_snapshots || (seen_.segments > 1 && seen_.snapshots > 0);
}

void CrashRun::look_at_files() {
  seen_.segments = std::max(seen_.segments, directory_->data.segments().size());
  seen_.snapshots = std::max(seen_.snapshots, directory_->data.snapshots().size());
}

void CrashRun::check(const Loads& loads, Round round) {
  RawClient client(*server_);
  const Flushed flushed = find_flush(loads);
  round.flush = flushed.flush;
  SCOPED_TRACE(shown(round.flush));
  for (std::size_t i = 0; i < loads.size(); ++i) {
    const Found found = find_entries(client, loads[i].own_keys());
    const std::string fault = directory_->own[i].check(loads[i].steps(), round, flushed.connection == i, found);
    if (!fault.empty()) ADD_FAILURE() << loads[i].owner() << ": " << fault;
    const auto is_answered = [](const Step& step) { return step.is_answered(); };
    const auto answered = static_cast<std::size_t>(std::ranges::count_if(loads[i].steps(), is_answered));
    seen_.answered += answered;
    seen_.unanswered += loads[i].steps().size() - answered;
  }
  const Found found = find_entries(client, SharedKeys::keys());
  for (const std::string& fault : directory_->shared.check(loads, round, found)) ADD_FAILURE() << fault;
  for (const std::string& fault : directory_->brief.check(loads, round, client)) ADD_FAILURE() << fault;
  check_tokens(loads, client);
  check_for_strangers(client);
  // The next round begins without a holder. Whoever holds the lock can give it up, across the restart.
  if (found.contains(kLockKey)) {
    const std::string owner = found.at(kLockKey).value.substr(5);
    EXPECT_EQ(client.call(test::unlock(kLockKey, owner)), ok_bool(true)) << owner;
  }
}

void CrashRun::check_tokens(const Loads& loads, RawClient& client) {
  directory_->token_max = std::max(directory_->token_max, token_max(loads));
  const Reply reply = client.call(acquire(kProbeKey, "probe"));
  ASSERT_TRUE(reply.payload.starts_with('\1')) << reply;
  EXPECT_GT(reply.u64(1), directory_->token_max);
  directory_->token_max = reply.u64(1);
  EXPECT_EQ(client.call(test::unlock(kProbeKey, "probe")), ok_bool(true));
}

void CrashRun::check_for_strangers(RawClient& client) {
  std::set<std::string> known;
  for (std::size_t i = 0; i < kConnections; ++i) {
    const std::vector<std::string> own = Load(i, 0, 0).own_keys();
    known.insert(own.begin(), own.end());
  }
  const std::vector<std::string> shared = SharedKeys::keys();
  known.insert(shared.begin(), shared.end());
  for (const std::string& key : scan_all(client, 10'000)) {
    if (!known.contains(key) && !directory_->brief.knows(key)) ADD_FAILURE() << "nobody ever set " << key;
  }
}

}  // namespace kv::test::crash
