// The whole command line.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "kv-wal/outcome.hpp"

namespace kv::wal {

struct Verify {
  std::vector<std::string> paths;
};
struct Dump {
  std::string path;
};
struct Repair {
  std::string path;
  std::uint64_t truncate_at = 0;
};
using Options = std::variant<Verify, Dump, Repair>;

// Reads the command line; or, where there is nothing to run, has printed why (help, the version, what is wrong with it)
// and returns the code to exit with.
std::variant<Options, ExitCode> parse_options(int argc, const char* const* argv);

}  // namespace kv::wal
