// Checks the keys that all connections work on at once, round after round. In which order is not known, so each kind of
// key has a rule of its own.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "integration/durability/crash/found.hpp"
#include "integration/durability/crash/load.hpp"
#include "integration/durability/crash/own_keys.hpp"

namespace kv::test::crash {

using Loads = std::vector<Load>;

class SharedKeys {
 public:
  static std::vector<std::string> keys();

  // What is wrong, a line each.
  std::vector<std::string> check(const Loads& loads, const Round& round, const Found& found);

 private:
  using Faults = std::vector<std::string>;

  // Counters only grow: at least by what was answered, at most by what was sent.
  void check_counter(const Loads& loads, const Round& round, const Found& found, Target target, Faults& faults);
  // Keys that are set together hold one value, of the last MSET or of one that may have come after it.
  void check_group(const Loads& loads, const Round& round, const Found& found, Faults& faults);
  // Who was told to hold the lock holds it.
  static void check_lock(const Loads& loads, const Round& round, const Found& found, Faults& faults);

  std::map<Target, std::int64_t> counters_;  // as they were found the last time
  std::string group_;                        // likewise; empty: absent
};

// Checks keys that are set once, with a ttl that soon passes: none comes back, and none ends too early.
class BriefKeys {
 public:
  std::vector<std::string> check(const Loads& loads, const Round& round, RawClient& client);
  bool knows(const std::string& key) const { return keys_.contains(key); }

 private:
  struct Life {
    Moment ends_from;  // it is there before; Moment::min() when it may have been flushed or was not answered
    Moment ends_to;    // it is absent afterwards
  };
  std::map<std::string, Life> keys_;  // of all rounds
};

}  // namespace kv::test::crash
