// The real kv-bench, run to its end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "support/process/child_process.hpp"

namespace kv::bench {

struct BenchRun {
  int exit_code = -1;
  std::string err;
  boost::json::object report;  // what --json printed; empty when it printed nothing

  std::uint64_t count(const char* name) const { return report.at(name).to_number<std::uint64_t>(); }
  std::uint64_t count_of(const char* op) const { return report.at(op).at("operations").to_number<std::uint64_t>(); }
  double latency_us(const char* name) const { return report.at("latency_us").at(name).to_number<double>(); }
};

// With `--port port --json` and the arguments given; without a warm-up unless they say otherwise.
inline BenchRun run_bench(std::uint16_t port, std::vector<std::string> arguments) {
  std::vector<std::string> argv{KV_BENCH_BINARY, "--port", std::to_string(port), "--json", "--warmup", "0"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const test::Run run = test::run({.argv = std::move(argv), .environment = {}, .input = {}});
  BenchRun result{run.exit.exit_code, run.err, {}};
  if (!run.out.empty()) result.report = boost::json::parse(run.out).as_object();
  return result;
}

}  // namespace kv::bench
