// The command line of one command, made from the shape of its payload: every field has one way to be given.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "kv-cli/command_row.hpp"
#include "kv-cli/failure.hpp"

namespace CLI {
class App;
}

namespace kv::cli {

// More than any snapshot takes.
inline constexpr std::chrono::milliseconds kSnapshotTimeMax = std::chrono::hours(24);

// A request as the user gave it, ready to be sent.
struct Call {
  const CommandRow* row;
  std::string payload;
  Answer answer;
  std::uint64_t wait_ms = 0;  // how long its answer may be held back on purpose
};

// Declares what the command takes. `app` is its subcommand.
void add_arguments(CLI::App& app, const CommandRow& row);

// What was given, as a payload. Fails with kUsage. REQUIRES: `app` was parsed.
Outcome<Call> read_arguments(const CLI::App& app, const CommandRow& row);

// CLI11 takes `[1,2]` apart where several words may stand, and takes `-inf` for flags. shielded() puts a character in
// front of a word that would be so misread, read_word() takes it off again; every other word stays as it is.
std::string shielded(std::string word);
std::string read_word(const std::string& word);

}  // namespace kv::cli
