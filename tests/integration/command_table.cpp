#include "integration/command_table.hpp"

#include <algorithm>

#include <boost/json.hpp>

#include "support/process/server_process.hpp"

namespace kv::test {
namespace {

std::vector<std::string> strings(const boost::json::value& array) {
  std::vector<std::string> all;
  for (const boost::json::value& item : array.as_array()) all.emplace_back(item.as_string());
  return all;
}

}  // namespace

bool CommandInfo::has_flag(const std::string& flag) const {
  return std::ranges::find(flags, flag) != flags.end();
}

std::vector<CommandInfo> read_command_table() {
  std::vector<CommandInfo> commands;
  const boost::json::value table = boost::json::parse(run_server({"--print-commands"}).out);
  for (const boost::json::value& row : table.as_array()) {
    commands.push_back({row.at("byte").to_number<std::uint8_t>(), std::string(row.at("name").as_string()),
                        strings(row.at("fields")), strings(row.at("flags"))});
  }
  return commands;
}

}  // namespace kv::test
