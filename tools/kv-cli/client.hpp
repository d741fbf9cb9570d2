// kv-cli client: the calls of CLIENT, each a command of its own below it.
#pragma once

#include <CLI/CLI.hpp>

#include "kv-cli/arguments.hpp"
#include "kv-cli/failure.hpp"

namespace kv::cli {

// Adds `client` and what it takes to the command line, and returns it.
CLI::App* add_client(CLI::App& app);

// The call that a command line asks for. Fails with kUsage. REQUIRES: `client` came from add_client() and was given.
Outcome<Call> read_client(const CLI::App& client);

}  // namespace kv::cli
