// kv-cli stat: what a server is doing, a line every so often.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "kv/client/connection.hpp"

#include "kv-cli/answer.hpp"
#include "kv-cli/failure.hpp"

namespace kv::cli {

struct StatOptions {
  std::chrono::milliseconds interval{1'000};
  std::uint64_t count = 0;  // lines; 0: until somebody stops it
};

// What INFO says that a line is made of.
struct Totals {
  std::uint64_t commands = 0;
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
  std::uint64_t errors = 0;
  std::uint64_t expired = 0;
  std::uint64_t evicted = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  // These are as they are now.
  std::uint64_t keys = 0;
  std::uint64_t connections = 0;
  std::uint64_t resident_bytes = 0;
};
// Nothing where the document isn't what INFO answers.
std::optional<Totals> read_totals(ByteView info);

// The names of the columns, in a line for people.
std::string stat_head();
// What went on between the two. A server that was started anew meanwhile has counted from 0, and that is what counts.
std::string stat_line(const Totals& before, const Totals& after, std::chrono::duration<double> time, OutputForm form);

// Prints to `out`, and has each line written at once.
Outcome<void> print_stat(client::Connection& connection, const StatOptions& options, OutputForm form, std::FILE* out);

}  // namespace kv::cli
