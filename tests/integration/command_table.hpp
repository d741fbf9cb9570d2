// The command table as kv-server prints it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kv::test {

struct CommandInfo {
  std::uint8_t byte = 0;
  std::string name;
  std::vector<std::string> fields;
  std::vector<std::string> flags;

  bool has_flag(const std::string& flag) const;
};

// Runs `kv-server --print-commands`. Throws what Boost.JSON throws when the output isn't the table.
std::vector<CommandInfo> read_command_table();

}  // namespace kv::test
