// Checks the keys that one connection alone works on, round after round.
//
// Only what this connection sent can have changed them, in the order in which it was sent, but for the one FLUSH of
// another connection that a round may have. So the plain model of tests/integration/model says what every answer must
// have been and what must be there after the restart: the outcome of all requests that were answered and of the first
// few, at one point cut off, of those that weren't. Where a FLUSH may have come at several points, there are as many
// worlds to begin with; answers that don't fit one rule it out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "integration/durability/crash/found.hpp"
#include "integration/durability/crash/step.hpp"
#include "integration/model/store.hpp"

namespace kv::test::crash {

struct Round {
  Moment ended;                // when the server was gone
  std::optional<Flush> flush;  // of any connection
};

class OwnKeys {
 public:
  // What is wrong, or nothing. `steps` are those of this connection, of all targets; `flushes` says whether the FLUSH
  // of the round is among them.
  std::string check(const std::vector<Step>& steps, const Round& round, bool flushes, const Found& found);

 private:
  struct World {
    model::Store store;
    bool flushed = false;
  };
  struct Closest {
    std::size_t differences = SIZE_MAX;
    std::string text;
  };

  void follow_answered(const std::vector<Step>& steps);
  void follow_unanswered(const std::vector<Step>& steps, const Found& found);
  void flush_before(const Step& step);
  void flush_worlds();
  void drop_equal_worlds();
  std::string fault_of_answer(World& world, const Step& step);
  bool time_fits(std::uint64_t expected_left, std::uint64_t left) const;
  void consider(const Found& found, const std::string& when);
  std::string differences(const model::Store& store, const Found& found, std::size_t& count) const;

  model::Store store_;  // as it was found the last time
  std::uint64_t last_token_ = 0;
  std::uint64_t slack_ms_ = 0;  // a deadline may be that much later than it would be, had it been set when it was sent

  // While one round is checked:
  std::optional<Flush> flush_;
  std::vector<World> worlds_;
  Moment before_{};  // when the request before was sent
  std::string fault_;
  std::optional<model::Store> match_;
  Closest closest_;
};

}  // namespace kv::test::crash
