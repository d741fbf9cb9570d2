// The command on connections: CLIENT.
#include <string>

#include <boost/json.hpp>

#include "command/command_row.hpp"

namespace kv::command {
namespace {

namespace json = boost::json;
using protocol::ClientCall;

json::object as_json(const protocol::ConnectionInfo& connection) {
  const CommandRow* last = find_command(connection.last_command);
  return {{"id", connection.id},
          {"address", connection.address},
          {"name", connection.name},
          {"user", connection.user},
          {"tls", connection.is_encrypted},
          {"admitted", connection.is_admitted},
          {"age_ms", connection.age.count()},
          {"idle_ms", connection.idle.count()},
          {"state", json::string_view(connection.state)},
          {"last_command", last == nullptr ? json::string_view() : json::string_view(last->name)},
          {"input_bytes", connection.input_bytes},
          {"output_bytes", connection.output_bytes}};
}

// Fewer than all where that would be too long for a reply; `total` says how many there are.
void reply_list(Context& context) {
  constexpr std::size_t kFrameBytes = 64;  // what stands around the list
  const auto connections = context.services.administration.connections();
  std::string list;
  for (const protocol::ConnectionInfo& connection : connections) {
    const std::string one = json::serialize(as_json(connection));
    if (list.size() + one.size() + kFrameBytes > context.services.limits.payload_bytes_max) break;
    if (!list.empty()) list += ',';
    list += one;
  }
  context.reply.ok("{\"total\":" + std::to_string(connections.size()) + ",\"connections\":[" + list + "]}");
}

// Who cuts itself off hears so first.
bool kill(Context& context, std::uint64_t id) {
  if (id != context.caller.peer().id) return context.services.administration.close_connection(id);
  context.caller.end_after_reply();
  return true;
}

Result<void> client(Context& context, Request& request) {
  switch (request.client_call) {
    case ClientCall::kList:
      reply_list(context);
      break;
    case ClientCall::kKill:
      context.reply.ok_bool(kill(context, request.id));
      break;
    case ClientCall::kSetName:
      context.caller.set_name(std::string(request.rest));
      context.reply.ok();
      break;
  }
  return {};
}

using enum protocol::Field;
using protocol::Command;

constexpr CommandRow kRows[] = {
    {Command::kClient, "CLIENT", {kClientCall}, kAdmin, "connection", client},
};

}  // namespace

std::span<const CommandRow> client_commands() {
  return kRows;
}

}  // namespace kv::command
