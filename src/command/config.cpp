// The command on settings: CONFIG.
#include <vector>

#include <boost/json.hpp>

#include "kv/base/glob.hpp"

#include "command/command_row.hpp"

namespace kv::command {
namespace {

namespace json = boost::json;
using protocol::ConfigCall;

json::object as_json(const Setting& setting) {
  json::value value;
  if (setting.is_list) {
    json::array& list = value.emplace_array();
    for (const std::string& one : setting.values) list.emplace_back(one);
  } else {
    value = json::string(setting.values.front());
  }
  return {{"name", setting.name}, {"value", std::move(value)}, {"live", setting.is_live}};
}

void get(Context& context, ByteView pattern) {
  const Glob glob(pattern.empty() ? "*" : pattern);  // as with SCAN
  json::array found;
  std::uint64_t steps = 0;
  for (const Setting& setting : context.services.administration.settings()) {
    if (glob.matches(setting.name, steps)) found.push_back(as_json(setting));
  }
  context.reply.ok(json::serialize(json::object{{"settings", std::move(found)}}));
}

Result<void> set(Context& context, const Request& request) {
  std::vector<SettingChange> changes;
  ByteView rest = request.rest;
  for (std::uint32_t left = request.count; left != 0; --left) {
    const ByteView name = protocol::take_text(rest);
    changes.push_back({name, protocol::take_text(rest)});
  }
  const Asker by{context.caller.user(), context.caller.peer().address};
  auto done = context.services.administration.change_settings(changes, by);
  if (done) context.reply.ok();
  return done;
}

Result<void> config(Context& context, Request& request) {
  if (request.config_call == ConfigCall::kSet) return set(context, request);
  get(context, request.pattern);
  return {};
}

using enum protocol::Field;
using protocol::Command;

// Changing the eviction policy goes over all entries, so it is done beside the I/O threads.
constexpr CommandRow kRows[] = {
    {Command::kConfig, "CONFIG", {kConfigCall}, kAdmin | kHeavy, "server", config},
};

}  // namespace

std::span<const CommandRow> config_commands() {
  return kRows;
}

}  // namespace kv::command
