// kv-cli import: the records of a JSON file become entries.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kv/client/connection.hpp"
#include "kv/client/json.hpp"

#include "kv-cli/failure.hpp"

namespace kv::cli {

struct ImportOptions {
  std::string file;  // - for stdin
  client::JsonFormat format = client::JsonFormat::kDetect;
  std::optional<std::string> key_field;  // the member of each record that gives its key
  std::string prefix;                    // of every key
  bool typed = false;                    // what `export --typed` wrote
};

// Stores every record and returns how many there were. The file is read as the records go out, and at most a window of
// them is under way, so memory doesn't grow with the file.
//
// Stops at the first record that is no good or that the server refuses, and names its line. What stands before that
// line has then been stored, and perhaps some of what follows.
Outcome<std::uint64_t> import_file(client::Connection& connection, const ImportOptions& options);

}  // namespace kv::cli
