// The real kv-cli, run to its end.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "support/process/child_process.hpp"

namespace kv::cli {

struct CliRun {
  int exit_code = -1;
  std::string out;
  std::string err;
};

using Arguments = std::vector<std::string>;

// With `-p port` before the arguments.
inline CliRun run_cli(std::uint16_t port, const Arguments& arguments, std::string input = {}) {
  std::vector<std::string> argv{KV_CLI_BINARY, "-p", std::to_string(port)};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  test::Run run = test::run({.argv = std::move(argv), .environment = {}, .input = std::move(input)});
  return {run.exit.exit_code, std::move(run.out), std::move(run.err)};
}

// What it printed, when it exited with 0; else everything about the run, so that a comparison shows it.
inline std::string output_of(std::uint16_t port, const Arguments& arguments, std::string input = {}) {
  const CliRun run = run_cli(port, arguments, std::move(input));
  if (run.exit_code == 0 && run.err.empty()) return run.out;
  return "exit " + std::to_string(run.exit_code) + ": " + run.out + run.err;
}

}  // namespace kv::cli
