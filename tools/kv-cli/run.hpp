#pragma once

#include "kv-cli/failure.hpp"
#include "kv-cli/options.hpp"

namespace kv::cli {

// Connects and does what the command line says; prints to stdout.
Outcome<void> run(const Options& options);

}  // namespace kv::cli
