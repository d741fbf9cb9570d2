// The command on latencies: LATENCY.
#include <string>

#include <boost/json.hpp>

#include "command/command_row.hpp"

namespace kv::command {
namespace {

namespace json = boost::json;

json::object as_json(ByteView command, const observability::Distribution& latency) {
  return {{"command", json::string_view(command)},       {"count", latency.count()},
          {"p50_ns", latency.quantile(0.5).count()},     {"p99_ns", latency.quantile(0.99).count()},
          {"p99_9_ns", latency.quantile(0.999).count()}, {"max_ns", latency.max().count()}};
}

Result<void> latency(Context& context, Request& request) {
  observability::Counters& counters = context.services.counters;
  if (request.latency_call == protocol::LatencyCall::kReset) {
    counters.reset_latencies();
    context.reply.ok();
    return {};
  }
  json::array commands;
  for (const auto& [byte, distribution] : counters.latencies()) {
    const CommandRow* row = find_command(byte);
    commands.push_back(as_json(row == nullptr ? ByteView("unknown") : row->name, distribution));
  }
  context.reply.ok(json::serialize(json::object{{"commands", std::move(commands)}}));
  return {};
}

using enum protocol::Field;
using protocol::Command;

constexpr CommandRow kRows[] = {
    {Command::kLatency, "LATENCY", {kLatencyCall}, kAdmin, "server", latency},
};

}  // namespace

std::span<const CommandRow> latency_commands() {
  return kRows;
}

}  // namespace kv::command
