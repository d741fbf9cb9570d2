// What kv-cli asks of a server about itself: config, latency, memory, bigkeys, and their like, each with the calls of
// its command below it.
#pragma once

#include <CLI/CLI.hpp>

#include "kv-cli/arguments.hpp"
#include "kv-cli/failure.hpp"

namespace kv::cli {

// Adds them and what they take to the command line.
void add_admin(CLI::App& app);

// Whether a command is one of them.
bool is_admin(const CLI::App& command);

// The call that a command line asks for. Fails with kUsage. REQUIRES: is_admin(command), which was given.
Outcome<Call> read_admin(const CLI::App& command);

}  // namespace kv::cli
