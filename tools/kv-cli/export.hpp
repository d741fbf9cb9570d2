// kv-cli export: every entry becomes a line of JSON.
#pragma once

#include <cstdio>
#include <string>

#include "kv/client/connection.hpp"

#include "kv-cli/failure.hpp"

namespace kv::cli {

struct ExportOptions {
  std::string pattern;  // only keys like this; all when empty
  bool typed = false;   // values as the text of kv/client/value_text.hpp, which loses nothing
};

// Writes a line {"key":…,"value":…,"ttl":…} for every key to `out`, in no particular order; ttl is the milliseconds
// left, null without expiry. The keys are walked while the server goes on: one that is there all along is written, one
// that goes away meanwhile may be missing.
Outcome<void> export_keys(client::Connection& connection, const ExportOptions& options, std::FILE* out);

}  // namespace kv::cli
