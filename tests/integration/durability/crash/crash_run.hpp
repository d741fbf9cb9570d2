// Rounds of load, an end at a random moment, a restart and a check of everything, on one data directory after another.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "integration/durability/crash/load.hpp"
#include "integration/durability/crash/own_keys.hpp"
#include "integration/durability/crash/shared_keys.hpp"
#include "integration/durability/data_folder.hpp"
#include "support/base/random.hpp"
#include "support/base/temporary_folder.hpp"
#include "support/process/server_process.hpp"

namespace kv::test::crash {

struct CrashOptions {
  std::string fsync;
  bool frequent_snapshots = false;  // and segments as small as they may be
};

// What a run has gone through, for a test to see that it was not in vain.
struct Seen {
  std::size_t answered = 0;
  std::size_t unanswered = 0;
  std::size_t segments = 0;  // the most files at a time
  std::size_t snapshots = 0;
};

class CrashRun {
 public:
  CrashRun(CrashOptions options, Random& random) : options_(std::move(options)), random_(random) {}

  // One round after another, until one fails the test; with frequent snapshots, more of them where the machine was too
  // slow for one to fall into these. Construct the run, and call this, on the main thread.
  void run(std::size_t rounds);
  const Seen& seen() const { return seen_; }

 private:
  // One data directory, and what is known of its keys.
  struct Directory {
    TemporaryFolder parent;
    DataFolder data{parent.path() + "/data"};
    std::vector<OwnKeys> own;
    SharedKeys shared;
    BriefKeys brief;
    std::uint64_t token_max = 0;
  };

  void run_round(std::size_t number);
  void start_server();
  void end_server(std::atomic<bool>& ending);
  void check(const Loads& loads, Round round);
  void check_tokens(const Loads& loads, RawClient& client);
  void check_for_strangers(RawClient& client);
  void take_snapshots(std::uint16_t port, const std::atomic<bool>& ending);
  void look_at_files();
  bool has_seen_all() const;

  const CrashOptions options_;
  Random& random_;
  std::optional<Directory> directory_;
  std::optional<ServerProcess> server_;
  Seen seen_;
};

}  // namespace kv::test::crash
