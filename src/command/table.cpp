#include <vector>

#include <boost/json.hpp>

#include "kv/base/assert.hpp"

#include "command/command_row.hpp"

namespace kv::command {
namespace {

CommandTable make_table() {
  CommandTable table{};
  for (const auto family :
       {string_commands(), counter_commands(), batch_commands(), keyspace_commands(), lock_commands(),
        server_commands(), persistence_commands(), client_commands(), user_commands(), config_commands(),
        memory_commands(), monitor_commands(), slow_log_commands(), latency_commands()}) {
    for (const CommandRow& row : family) {
      const CommandRow*& place = table[static_cast<std::uint8_t>(row.byte)];
      KV_ASSERT(place == nullptr);  // two commands with one byte
      place = &row;
    }
  }
  return table;
}

constexpr std::pair<Flag, const char*> kFlagNames[] = {{kRead, "read"},   {kWrite, "write"}, {kAdmin, "admin"},
                                                       {kWaits, "waits"}, {kHeavy, "heavy"}, {kBatch, "batch"},
                                                       {kGrows, "grows"}, {kOpen, "open"}};

}  // namespace

const CommandTable kCommandTable = make_table();

security::CommandInfos command_infos() {
  static const auto kInfos = [] {
    std::vector<security::CommandInfo> infos;
    for (const CommandRow* row : kCommandTable) {
      if (row == nullptr) continue;
      infos.push_back({.byte = static_cast<std::uint8_t>(row->byte),
                       .name = row->name,
                       .category = row->category,
                       .reads = (row->flags & kRead) != 0,
                       .writes = (row->flags & kWrite) != 0,
                       .admin = (row->flags & kAdmin) != 0,
                       .open = (row->flags & kOpen) != 0});
    }
    return infos;
  }();
  return kInfos;
}

std::string commands_as_json() {
  boost::json::array commands;
  for (const CommandRow* row : kCommandTable) {
    if (row == nullptr) continue;
    boost::json::array fields;
    for (const protocol::Field field : row->shape.fields) {
      if (field != protocol::Field::kEnd) fields.emplace_back(boost::json::string_view(protocol::field_name(field)));
    }
    boost::json::array flags;
    for (const auto& [flag, name] : kFlagNames) {
      if ((row->flags & flag) != 0) flags.emplace_back(name);
    }
    commands.push_back(boost::json::object{{"byte", static_cast<unsigned>(row->byte)},
                                           {"name", boost::json::string_view(row->name)},
                                           {"fields", std::move(fields)},
                                           {"flags", std::move(flags)},
                                           {"category", boost::json::string_view(row->category)}});
  }
  return boost::json::serialize(commands);
}

}  // namespace kv::command
