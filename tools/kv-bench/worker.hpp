// One thread of load: its share of the connections, and the loop that keeps them busy.
//
// A connection sends a batch of requests (as many as the pipeline is deep) in one go, and may send the next when all of
// its replies are in. In the closed loop it does so at once. In the open loop batches are due at fixed times, one
// connection after the other, whatever the server does: a batch that is due while its connection is still waiting is
// sent late, and its latency counts from the time it was due. So a stall of the server shows in every request that it
// would have delayed, not only in the few that were under way ("coordinated omission").
//
// A request counts when its batch was sent (open loop: due) after the warm-up. All that count are awaited.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <time.h>
#include <vector>

#include "kv-bench/codec.hpp"
#include "kv-bench/keyspace.hpp"
#include "kv-bench/request_source.hpp"
#include "kv-bench/socket.hpp"
#include "kv-bench/tally.hpp"

namespace kv::bench {

enum class Proto { kKv, kResp, kMemcached };

inline std::uint64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
}

inline constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

// Times are those of monotonic_ns().
struct Phase {
  RequestSource source;
  std::size_t pipeline = 1;
  std::uint64_t start_ns = 0;
  std::uint64_t warm_ns = 0;       // what is sent before it doesn't count
  std::uint64_t stop_ns = kNever;  // nothing more is sent from then on; without it, the source's budget ends the phase
  double batch_interval_ns = 0;    // open loop: the time from one batch of this thread to the next; 0: closed loop
};

class Worker {
 public:
  struct Setup {
    Proto proto;
    Keyspace::Sizes sizes;
    std::uint64_t ttl_ms;
    bool verify;
    std::uint64_t timeout_ns;        // how long to wait for any reply at all, and for the last ones after stop_ns
    const std::atomic<bool>* ended;  // once it is true, stop_ns has come
  };

  virtual ~Worker() = default;

  // Runs one phase to its end and adds to `tally`. Connections stay open for the next. After a failure the worker is of
  // no further use.
  virtual std::optional<Failure> run(const Phase& phase, Tally& tally) = 0;

  // How many replies came so far, in all phases. Any thread may ask.
  std::uint64_t replies() const { return replies_.load(std::memory_order_relaxed); }

 protected:
  std::atomic<std::uint64_t> replies_{0};
};

std::unique_ptr<Worker> make_worker(const Worker::Setup& setup, std::vector<Stream> streams);

}  // namespace kv::bench
