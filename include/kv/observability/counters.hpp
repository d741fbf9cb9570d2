// What the server has done so far, in numbers. Each thread counts for itself and the sums are made when somebody asks,
// so counting costs about a nanosecond and no cache line is shared. What is counted of a command takes two kilobytes a
// thread, once that thread has run it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "kv/base/result.hpp"
#include "kv/observability/histogram.hpp"

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
  // What one command has done.
  struct CommandTotals {
    std::array<std::uint64_t, kErrcs> replies{};  // by Errc; at kOk those that went well
    std::uint64_t nulls = 0;                      // that said Null
    Distribution latency{};                       // in the server, without what was waited for

    std::uint64_t calls() const;
  };
  struct Totals {
    std::array<std::uint64_t, kCounters> counters{};
    std::array<std::uint64_t, kErrcs> errors{};      // by Errc; also what was refused before it was a command
    std::map<std::uint8_t, CommandTotals> commands;  // by command byte; those that were used
    std::uint64_t operator[](Counter counter) const { return counters[static_cast<std::size_t>(counter)]; }
  };

  Counters();
  ~Counters();
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;

  // All thread-safe. Of a command nothing is counted where there is no memory for its first count.
  void add(Counter counter, std::uint64_t amount = 1) {
    bump(local().counters[static_cast<std::size_t>(counter)], amount);
  }
  void add_error(Errc code) { bump(local().errors[static_cast<std::size_t>(code)], 1); }
  // How the command was answered.
  void add_ok(std::uint8_t command_byte) {
    if (Command* of = command(command_byte)) bump(of->replies[0], 1);
  }
  void add_null(std::uint8_t command_byte) {
    if (Command* of = command(command_byte)) bump(of->nulls, 1);
  }
  // It is an error, too.
  void add_failed(std::uint8_t command_byte, Errc code);
  // `times` requests took `each`.
  void add_latency(std::uint8_t command_byte, Nanoseconds each, std::uint64_t times) {
    if (Command* of = command(command_byte)) of->latency.add(each, times);
  }
  // The sums; other threads may be counting meanwhile.
  Totals totals() const;
  // The latencies of every command since reset_latencies(), by command byte; those that were used. The sums go on.
  std::map<std::uint8_t, Distribution> latencies() const;
  void reset_latencies();

 private:
  using Cell = std::atomic<std::uint64_t>;
  struct Command {
    std::array<Cell, kErrcs> replies{};
    Cell nulls{};
    Histogram latency;
  };
  struct Slot;

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
  Command* command(std::uint8_t command_byte) {
    Command* const found = local().commands[command_byte].load(std::memory_order_relaxed);
    return found != nullptr ? found : make_command(command_byte);
  }
  Command* make_command(std::uint8_t command_byte);

  struct alignas(64) Slot {
    std::array<Cell, kCounters> counters{};
    std::array<Cell, kErrcs> errors{};
    std::array<std::atomic<Command*>, 256> commands{};  // nullptr: its thread hasn't counted one yet
  };

  // Which Counters the calling thread counted for last, by a number that is never used again.
  // (`constinit` spares each use the question whether it has been initialised.)
  static constinit thread_local std::uint64_t cached_owner_;
  static constinit thread_local Slot* cached_slot_;

  const std::uint64_t id_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::map<std::uint8_t, Distribution> latencies_before_reset_;  // guarded by mutex_, too
};

}  // namespace kv::observability
