#include "server/metrics.hpp"

#include <algorithm>
#include <ctime>

#include "kv/base/memory_account.hpp"
#include "kv/command/dispatcher.hpp"
#include "kv/protocol/status.hpp"

#include "server/metric_families.hpp"

namespace kv::server {
namespace {

using observability::Counter;
using observability::Counters;

double number(auto value) {
  return static_cast<double>(value);
}
double seconds(std::uint64_t ms) {
  return static_cast<double>(ms) / 1'000;
}

std::string name_of(std::uint8_t command_byte) {
  for (const security::CommandInfo& command : command::command_infos()) {
    if (command.byte == command_byte) return std::string(command.name);
  }
  return "unknown";
}

void add_process(MetricFamilies& to, const MetricFigures& figures) {
  to.gauges("kv_build_info", "Always 1; its labels say what runs.");
  to.add(1, {{"version", figures.server.version}});
  to.gauge("kv_ready", "Whether the server serves and takes writes: what /readyz says.", figures.is_ready ? 1 : 0);
  to.gauge("kv_threads", "Threads that serve connections.", number(figures.server.threads));
  to.gauge("process_start_time_seconds", "When the process began, in seconds since 1970.", seconds(figures.started));
  to.gauge("process_resident_memory_bytes", "Memory that the process has resident.", number(figures.resident_bytes));
  to.counter("process_cpu_seconds_total", "CPU time of all threads, user and system.",
             number(figures.cpu_time.count()) / 1e9);
  to.counter("kv_log_lines_dropped_total", "Lines of the log that were lost, as nobody took them in time.",
             number(figures.log_lines_dropped));
  to.counter("kv_trace_spans_sent_total", "Spans of traces that the collector took.",
             number(figures.server.spans_sent));
  to.counter("kv_trace_spans_dropped_total", "Spans of traces that were lost.", number(figures.server.spans_dropped));
}

void add_connections(MetricFamilies& to, const MetricFigures& figures) {
  const Counters::Totals& totals = figures.totals;
  const auto count = [&](const char* name, const char* help, Counter counter) {
    to.counter(name, help, number(totals[counter]));
  };
  to.gauge("kv_connections", "Connections that are open.", number(figures.server.connections));
  to.gauge("kv_connections_max", "The most that may be open.", number(figures.server.connections_max));
  count("kv_connections_accepted_total", "Connections that were accepted.", Counter::kConnectionsAccepted);
  count("kv_connections_refused_total", "Connections over the limit, told BUSY.", Counter::kConnectionsRefused);
  count("kv_connections_closed_total", "Connections that have ended.", Counter::kConnectionsClosed);
  count("kv_connections_timed_out_total", "Connections that a time limit ended.", Counter::kTimeouts);
  count("kv_received_bytes_total", "Bytes that clients sent.", Counter::kBytesReceived);
  count("kv_sent_bytes_total", "Bytes that were sent to clients.", Counter::kBytesSent);
  count("kv_authentication_failures_total", "Attempts with a wrong name or password.",
        Counter::kAuthenticationFailures);
  count("kv_tls_handshakes_failed_total", "TLS handshakes that failed.", Counter::kHandshakesFailed);
  if (!figures.server.tls.enabled) return;
  to.gauge("kv_tls_certificate_expiry_timestamp_seconds", "When the server's certificate ends, in seconds since 1970.",
           seconds(figures.server.tls.certificate_not_after));
  to.counter("kv_tls_reloads_total", "Times that the TLS files were read again.", number(figures.server.tls.reloads));
  to.gauge("kv_tls_reload_failed", "Whether reading them failed the last time.",
           figures.server.tls.last_reload_error.empty() ? 0 : 1);
}

void add_commands(MetricFamilies& to, const Counters::Totals& totals) {
  to.counters("kv_commands_total", "Requests that were answered, by command and how.");
  for (const auto& [byte, sums] : totals.commands) {
    const auto add = [&, command = name_of(byte)](ByteView status, std::uint64_t count) {
      if (count != 0) to.add(number(count), {{"command", command}, {"status", std::string(status)}});
    };
    add("OK", sums.replies[0]);
    add("NULL", sums.nulls);
    for (const protocol::ErrorWord& row : protocol::error_words()) {
      // TOOLARGE is the word of two codes, of which requests that are too large are no command's.
      if (row.code != Errc::kTooLarge) add(row.word, sums.replies[static_cast<std::size_t>(row.code)]);
    }
  }
  to.histograms("kv_command_duration_seconds",
                "Time in the server, by command, without what a reply waits for: locks, the log, the network.");
  for (const auto& [byte, sums] : totals.commands) to.add(sums.latency, {{"command", name_of(byte)}});
  to.counters("kv_errors_total", "Replies that were errors, by their word; those before there was a command, too.");
  for (const protocol::ErrorWord& row : protocol::error_words()) {
    if (row.code == Errc::kReplyTooLarge) continue;
    std::uint64_t count = totals.errors[static_cast<std::size_t>(row.code)];
    if (row.code == Errc::kTooLarge) count += totals.errors[static_cast<std::size_t>(Errc::kReplyTooLarge)];
    to.add(number(count), {{"error", std::string(row.word)}});
  }
  to.counter("kv_hits_total", "Keys that GET and MGET found.", number(totals[Counter::kHits]));
  to.counter("kv_misses_total", "Keys that they didn't find.", number(totals[Counter::kMisses]));
}

void add_memory(MetricFamilies& to, const MetricFigures& figures) {
  using memory::Use;
  const auto held = [](Use use) { return number(std::max<std::int64_t>(memory::held(use), 0)); };
  to.gauge("kv_keys", "Keys, with those that have expired and not been removed yet.", number(figures.usage.entries));
  to.gauge("kv_keys_with_deadline", "Those of them that have a time to live.", number(figures.usage.with_deadline));
  to.counter("kv_expired_keys_total", "Keys removed because their time was over.", number(figures.usage.expired_total));
  to.counter("kv_evicted_keys_total", "Keys removed to make room.", number(figures.usage.evicted_total));
  to.gauge("kv_locks_held", "Keys that are locks, each of an owner; one whose time is over until it is removed.",
           number(figures.usage.locks));
  to.gauge("kv_lock_waiters", "Connections that wait for a lock in ACQUIRE.", number(figures.usage.waiters));
  to.gauge("kv_data_bytes", "Keys and values, with what an entry adds to them.", number(figures.usage.data_bytes));
  to.gauge("kv_overhead_bytes", "The tables that find the entries.", number(figures.usage.table_bytes));
  to.gauges("kv_memory_bytes", "Memory that is held, by its use.");
  to.add(held(Use::kPages), {{"use", "pages"}});
  to.add(held(Use::kLargeEntries), {{"use", "large_entries"}});
  to.add(held(Use::kBuffers) + held(Use::kLargeBuffers), {{"use", "buffers"}});
  to.add(held(Use::kLogQueue), {{"use", "log_queue"}});
  to.gauge("kv_memory_limit_bytes", "What --max-memory allows; 0: as much as there is.", number(figures.memory.limit));
  to.gauge("kv_memory_used_bytes", "What counts against it; 0 where there is none.", number(figures.memory.used));
  to.counter("kv_memory_refusals_total", "Requests that found no room and got OOM.", number(figures.memory.refused));
}

void add_persistence(MetricFamilies& to, const MetricFigures& figures) {
  const command::PersistenceState& state = figures.persistence;
  to.gauge("kv_persistence_enabled", "Whether data is kept on disk.", state.enabled ? 1 : 0);
  if (!state.enabled || !figures.is_recovered) return;
  to.gauge("kv_read_only", "Whether writes are refused: the disk is full, or the log has failed.",
           state.read_only ? 1 : 0);
  to.gauge("kv_wal_bytes", "The log on disk.", number(state.wal_bytes));
  to.gauge("kv_wal_segments", "Files of the log.", number(state.wal_segments));
  to.gauge("kv_wal_queue_bytes", "Changes that are not written to the log yet.", number(state.queue_bytes));
  to.counter("kv_wal_records_total", "Changes that the log was given.", number(state.records));
  to.gauge("kv_wal_unsynced_records", "Changes that a power cut would take.",
           number(state.last_lsn - std::min(state.last_lsn, state.synced_lsn)));
  to.histograms("kv_wal_fsync_duration_seconds", "How long the disk took to take the log.");
  to.add(state.fsync_durations);
  to.gauge("kv_snapshots", "Good snapshots on disk.", number(state.snapshots));
  to.gauge("kv_snapshot_running", "Whether one is being taken.", state.snapshot_running ? 1 : 0);
  to.gauge("kv_snapshot_failed", "Whether the last attempt failed.", state.last_snapshot_error.empty() ? 0 : 1);
  if (state.last_snapshot_at != 0) {
    to.gauge("kv_snapshot_age_seconds", "Since the last good snapshot.",
             seconds(figures.now - std::min(figures.now, state.last_snapshot_at)));
    to.gauge("kv_snapshot_bytes", "The size of the last good snapshot.", number(state.last_snapshot_bytes));
    if (const auto took = state.last_snapshot_ms) {
      to.gauge("kv_snapshot_duration_seconds", "How long it took.", seconds(*took));
    }
  }
  to.gauge("kv_recovered_keys", "Keys that the start brought back.", number(state.recovered_entries));
  to.gauge("kv_recovered_records", "Changes of the log that it applied.", number(state.recovered_records));
  to.gauge("kv_recovery_duration_seconds", "How long that took.", seconds(state.recovery_ms));
}

}  // namespace

std::string metrics_text(const MetricFigures& figures) {
  MetricFamilies families;
  add_process(families, figures);
  add_connections(families, figures);
  add_commands(families, figures.totals);
  add_memory(families, figures);
  add_persistence(families, figures);
  return families.text();
}

std::chrono::nanoseconds cpu_time() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace kv::server
