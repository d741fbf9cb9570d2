// What the server has done so far, in numbers. Each thread counts for itself and the sums are made when somebody asks,
// so counting costs about a nanosecond and no cache line is shared.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "kv/base/result.hpp"

namespace kv::observability {

enum class Counter : std::uint8_t {
  kConnectionsAccepted,
  kConnectionsRefused,  // over the limit, told BUSY
  kConnectionsClosed,
  kBytesReceived,
  kBytesSent,
  kHits,      // keys that GET and MGET found
  kMisses,    // keys that they didn't
  kTimeouts,  // connections closed by the request or idle timeout
  kHandshakesFailed,
  kAuthenticationFailures,
};
inline constexpr std::size_t kCounters = 10;
inline constexpr std::size_t kErrcs = static_cast<std::size_t>(Errc::kReplyTooLarge) + 1;

class Counters {
 public:
  struct Totals {
    std::array<std::uint64_t, kCounters> counters{};
    std::array<std::uint64_t, 256> commands{};   // by command byte
    std::array<std::uint64_t, kErrcs> errors{};  // by Errc
    std::uint64_t operator[](Counter counter) const { return counters[static_cast<std::size_t>(counter)]; }
  };

  Counters();
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;

  // All thread-safe.
  void add(Counter counter, std::uint64_t amount = 1) {
    bump(local().counters[static_cast<std::size_t>(counter)], amount);
  }
  void add_command(std::uint8_t command_byte) { bump(local().commands[command_byte], 1); }
  void add_error(Errc code) { bump(local().errors[static_cast<std::size_t>(code)], 1); }
  // The sums; other threads may be counting meanwhile.
  Totals totals() const;

 private:
  using Cell = std::atomic<std::uint64_t>;
  struct alignas(64) Slot {
    std::array<Cell, kCounters> counters{};
    std::array<Cell, 256> commands{};
    std::array<Cell, kErrcs> errors{};
  };

  // Only its own thread writes a slot, so no atomic addition is needed.
  static void bump(Cell& cell, std::uint64_t amount) {
    cell.store(cell.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  Slot& local() {
    if (cached_owner_ != id_) [[unlikely]]
      find_slot();
    return *cached_slot_;
  }
  void find_slot();

  // Which Counters the calling thread counted for last, by a number that is never used again.
  static constinit thread_local std::uint64_t cached_owner_;
  static constinit thread_local Slot* cached_slot_;

  const std::uint64_t id_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Slot>> slots_;
};

}  // namespace kv::observability
