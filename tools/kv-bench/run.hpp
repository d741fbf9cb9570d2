// A whole measurement: connect, load the keys if asked to, warm up, measure, and count the CPU time meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "kv-bench/options.hpp"
#include "kv-bench/tally.hpp"

namespace kv::bench {

struct Measurement {
  Tally tally;
  double seconds = 0;  // from the end of the warm-up to the last reply
  std::uint64_t client_cpu_ns = 0;
  std::optional<std::uint64_t> server_cpu_ns;

  std::uint64_t operations() const { return tally.answered[0] + tally.answered[1]; }
};

// Blocks until it is done. Prints progress to stderr when that is a terminal.
std::variant<Measurement, Failure> run(const Options& options);

// Ends the run of this process as though its time were over. For signal handlers too.
void end_run() noexcept;

}  // namespace kv::bench
