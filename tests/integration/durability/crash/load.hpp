// What one connection sends until the server is gone, and what it hears.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "integration/durability/crash/step.hpp"
#include "integration/model/random_requests.hpp"
#include "support/process/raw_client.hpp"

namespace kv::test::crash {

// Pipelines of random depth, of all commands that change something and a few that read. One thread uses a load.
class Load {
 public:
  // `connection` and `round` make the names that only this load uses.
  Load(std::size_t connection, std::size_t round, std::uint64_t seed);

  // The keys that nobody else touches; the same in every round.
  std::vector<std::string> own_keys() const { return random_.keys(); }
  std::string owner() const { return "connection " + std::to_string(connection_); }

  // Sends FLUSH once, after a few pipelines.
  void flush_once() { flush_after_ = random_.below(12); }

  // Sends until the connection breaks. Throws what broke it, unless `ending` says by then that it was to be expected.
  void run(std::uint16_t port, const std::atomic<bool>& ending);

  // In the order in which they were sent; those that were answered come first.
  const std::vector<Step>& steps() const { return steps_; }

 private:
  void run_pipeline(RawClient& client);
  void add(Target target, model::Request request, std::string frame);
  void add_step();
  void add_own();
  void add_group();
  void add_brief();
  void add_lock();
  void answer(Reply reply);

  const std::size_t connection_;
  const std::size_t round_;
  model::RandomRequests random_;
  std::optional<std::size_t> flush_after_;
  std::vector<Step> steps_;
  std::size_t answered_ = 0;  // of steps_
  std::string frames_;        // of the pipeline that is being made
  bool holds_lock_ = false;
};

}  // namespace kv::test::crash
