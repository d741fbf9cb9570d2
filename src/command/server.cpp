// Commands about the server: PING INFO.
#include <algorithm>
#include <unistd.h>

#include <boost/json.hpp>

#include "kv/base/memory_account.hpp"
#include "kv/protocol/status.hpp"

#include "command/command_row.hpp"

namespace kv::command {
namespace {

namespace json = boost::json;
using observability::Counter;

Result<void> ping(Context& context, Request& request) {
  context.reply.ok(request.rest.empty() ? ByteView("PONG") : request.rest);
  return {};
}

json::array texts(const std::vector<std::string>& list) {
  json::array array;
  for (const std::string& text : list) array.emplace_back(text);
  return array;
}

json::object server_section(const ServerState& state) {
  return {{"version", state.version},
          {"pid", getpid()},
          {"listeners", texts(state.listeners)},
          {"threads", state.threads},
          {"uptime_seconds", state.uptime_ms / 1000},
          {"protected", state.is_protected},
          {"trace_spans_sent", state.spans_sent},
          {"trace_spans_dropped", state.spans_dropped}};
}

json::object clients_section(const ServerState& state, const observability::Counters::Totals& totals,
                             const engine::Engine::Usage& usage) {
  return {{"connected", state.connections},
          {"max_connections", state.connections_max},
          {"accepted", totals[Counter::kConnectionsAccepted]},
          {"refused", totals[Counter::kConnectionsRefused]},
          {"closed", totals[Counter::kConnectionsClosed]},
          {"timed_out", totals[Counter::kTimeouts]},
          {"waiting", usage.waiters}};
}

// What is counted may be off by a little, also below 0.
std::uint64_t held_bytes(memory::Use use) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(memory::held(use), 0));
}

json::object memory_section(const Services& services, const engine::Engine::Usage& usage) {
  using memory::Use;
  json::object section{{"resident_bytes", memory::resident_bytes()},
                       {"data_bytes", usage.data_bytes},
                       {"table_bytes", usage.table_bytes},
                       {"page_bytes", held_bytes(Use::kPages)},
                       {"large_entry_bytes", held_bytes(Use::kLargeEntries)},
                       {"buffer_bytes", held_bytes(Use::kBuffers) + held_bytes(Use::kLargeBuffers)},
                       {"log_queue_bytes", held_bytes(Use::kLogQueue)}};
  const auto limit = services.memory == nullptr ? engine::MemoryLimit::Status{} : services.memory->status();
  section["limit_bytes"] = limit.limit;
  section["used_bytes"] = limit.used;
  section["eviction"] = json::string_view(engine::name_of(services.engine.eviction()));
  section["evicted"] = usage.evicted_total;
  section["refused"] = limit.refused;
  return section;
}

json::object tls_section(const TlsState& state, const observability::Counters::Totals& totals) {
  if (!state.enabled) return {{"enabled", false}};
  return {{"enabled", true},
          {"listeners", texts(state.listeners)},
          {"client_auth", state.client_auth},
          {"certificate_not_after", state.certificate_not_after},
          {"reloads", state.reloads},
          {"last_reload_error", state.last_reload_error},
          {"handshakes_failed", totals[Counter::kHandshakesFailed]}};
}

json::object stats_section(const observability::Counters::Totals& totals, const engine::Engine::Usage& usage) {
  json::object commands;
  std::uint64_t unknown = 0;
  std::uint64_t total = 0;
  for (const security::CommandInfo& command : command_infos()) commands[json::string_view(command.name)] = 0;
  for (const auto& [byte, sums] : totals.commands) {
    const std::uint64_t calls = sums.calls();
    total += calls;
    if (const CommandRow* row = find_command(byte)) {
      commands[json::string_view(row->name)] = calls;
    } else {
      unknown += calls;
    }
  }
  commands["unknown"] = unknown;
  json::object errors;
  for (const protocol::ErrorWord& row : protocol::error_words()) {
    // TOOLARGE is the word of two codes, one for requests and one for replies.
    json::value& count = errors[json::string_view(row.word)];
    count =
        totals.errors[static_cast<std::size_t>(row.code)] + (count.is_null() ? 0 : count.to_number<std::uint64_t>());
  }
  return {{"commands_total", total},
          {"commands", std::move(commands)},
          {"hits", totals[Counter::kHits]},
          {"misses", totals[Counter::kMisses]},
          {"expired", usage.expired_total},
          {"errors", std::move(errors)},
          {"authentication_failures", totals[Counter::kAuthenticationFailures]},
          {"bytes_received", totals[Counter::kBytesReceived]},
          {"bytes_sent", totals[Counter::kBytesSent]}};
}

json::object keyspace_section(const engine::Engine& engine, const engine::Engine::Usage& usage) {
  return {{"shards", engine.shards()},
          {"entries", usage.entries},
          {"with_deadline", usage.with_deadline},
          {"locks", usage.locks},
          {"waiters", usage.waiters}};
}

json::object persistence_section(const PersistenceState& state) {
  if (!state.enabled) return {{"enabled", false}};
  json::object section{{"enabled", true},
                       {"fsync", state.fsync},
                       {"read_only", state.read_only},
                       {"read_only_reason", state.read_only_reason},
                       {"last_lsn", state.last_lsn},
                       {"written_lsn", state.written_lsn},
                       {"synced_lsn", state.synced_lsn},
                       {"queue_bytes", state.queue_bytes},
                       {"wal_bytes", state.wal_bytes},
                       {"wal_segments", state.wal_segments},
                       {"fsyncs", state.fsyncs},
                       {"fsync_us_last", state.fsync_us_last},
                       {"fsync_us_max", state.fsync_us_max},
                       {"snapshot_running", state.snapshot_running},
                       {"snapshots", state.snapshots},
                       {"last_snapshot_at", state.last_snapshot_at},
                       {"last_snapshot_lsn", state.last_snapshot_lsn},
                       {"last_snapshot_bytes", state.last_snapshot_bytes},
                       {"last_snapshot_error", state.last_snapshot_error},
                       {"recovered_entries", state.recovered_entries},
                       {"recovered_records", state.recovered_records},
                       {"recovery_ms", state.recovery_ms}};
  if (state.last_snapshot_ms) section["last_snapshot_ms"] = *state.last_snapshot_ms;
  return section;
}

Result<void> info(Context& context, Request& request) {
  const ServerState state = context.services.administration.state();
  const engine::Engine::Usage usage = context.engine().usage();
  const observability::Counters::Totals totals = context.services.counters.totals();
  json::object sections{{"server", server_section(state)},
                        {"clients", clients_section(state, totals, usage)},
                        {"memory", memory_section(context.services, usage)},
                        {"tls", tls_section(state.tls, totals)},
                        {"stats", stats_section(totals, usage)},
                        {"persistence", persistence_section(context.services.administration.persistence())},
                        {"keyspace", keyspace_section(context.engine(), usage)}};
  if (!request.rest.empty()) {
    const json::value* section = sections.if_contains(json::string_view(request.rest));
    if (section == nullptr) return Error{Errc::kArgument, "no section of INFO has this name"};
    context.reply.ok(json::serialize(*section));
    return {};
  }
  json::object all{{"shards", context.engine().shards()}, {"entries", usage.entries}};
  for (auto& section : sections) all[section.key()] = std::move(section.value());
  context.reply.ok(json::serialize(all));
  return {};
}

using enum protocol::Field;
using protocol::Command;

constexpr CommandRow kRows[] = {
    {Command::kPing, "PING", {kRest}, kOpen, "connection", ping},
    {Command::kInfo, "INFO", {kRest}, 0, "server", info},
};

}  // namespace

std::span<const CommandRow> server_commands() {
  return kRows;
}

}  // namespace kv::command
