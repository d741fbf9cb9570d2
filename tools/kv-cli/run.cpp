#include "kv-cli/run.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "kv-cli/scan.hpp"

namespace kv::cli {
namespace {

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

class Runner {
 public:
  Runner(client::Connection& connection, const Options& options) : connection_(connection), options_(options) {}

  Outcome<void> operator()(const Call& call);
  Outcome<void> operator()(const ImportOptions& import);
  Outcome<void> operator()(const BackupOptions& backup);
  Outcome<void> operator()(const HashOptions&) { return {}; }  // needs no connection
  Outcome<void> operator()(const MonitorOptions& monitor) {
    allow(kMonitorWait);
    return print_monitor(connection_, monitor, options_.form, stdout);
  }
  Outcome<void> operator()(const StatOptions& stat) { return print_stat(connection_, stat, options_.form, stdout); }
  Outcome<void> operator()(const ExportOptions& exported) { return export_keys(connection_, exported, stdout); }

 private:
  // How long the server may take on purpose is not counted as its silence.
  void allow(std::chrono::milliseconds wait);
  Outcome<void> print_keys(const Call& call);

  client::Connection& connection_;
  const Options& options_;
};

Outcome<void> Runner::operator()(const Call& call) {
  if (call.answer == Answer::kKeys) return print_keys(call);
  allow(std::chrono::milliseconds(call.wait_ms));
  const auto reply = accepted(connection_.call(call.row->byte, call.payload));
  if (!reply) return reply.error();
  const auto text = print_answer(call.answer, *reply, options_.form);
  if (!text) return text.error();
  print(*text);
  return {};
}

void Runner::allow(std::chrono::milliseconds wait) {
  const std::chrono::milliseconds timeout = options_.connection.request_timeout;
  if (timeout.count() > 0) connection_.set_request_timeout(timeout + wait);
}

Outcome<void> Runner::print_keys(const Call& call) {
  for (Scan scan(call.payload); !scan.ended();) {
    scan.send(connection_);
    const auto keys = scan.receive(connection_);
    if (!keys) return keys.error();
    for (const std::string& key : *keys) print(print_key_line(key, options_.form));
  }
  return {};
}

Outcome<void> Runner::operator()(const ImportOptions& import) {
  const auto stored = import_file(connection_, import);
  if (!stored) return stored.error();
  const std::string count = std::to_string(*stored);
  print(options_.form == OutputForm::kJson ? "{\"stored\":" + count + "}\n" : count + " records were stored\n");
  return {};
}

Outcome<void> Runner::operator()(const BackupOptions& backup) {
  allow(kSnapshotTimeMax);
  const auto text = make_backup(connection_, backup, options_.form);
  if (!text) return text.error();
  print(*text);
  return {};
}

Outcome<void> run_once(const Options& options, const client::ConnectionOptions& how) {
  auto connection = client::Connection::open(options.host, options.port, how);
  if (!connection) return no_connection(connection.error());
  if (const auto logged_in = log_in(*connection, options.login); !logged_in) return logged_in;
  return std::visit(Runner(*connection, options), options.action);
}

// Again and again until there is an answer, whatever it is.
Outcome<void> run_patiently(Options options, client::ConnectionOptions how) {
  using std::chrono::milliseconds;
  using std::chrono::steady_clock;
  constexpr milliseconds kPause{100};
  const auto deadline = steady_clock::now() + options.wait;
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    for (milliseconds* timeout : {&how.connect_timeout, &how.request_timeout}) {
      if (timeout->count() == 0 || *timeout > left) *timeout = std::max(left, milliseconds(1));
    }
    options.connection.request_timeout = how.request_timeout;
    const auto done = run_once(options, how);
    if (done || done.error().code != ExitCode::kNoConnection) return done;
    if (steady_clock::now() + kPause >= deadline) {
      const std::string waited = std::to_string(options.wait.count());
      return Failure{ExitCode::kRefused, "no answer in " + waited + " ms; the last try: " + done.error().message};
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace

Outcome<void> run(const Options& options) {
  if (const auto* hash = std::get_if<HashOptions>(&options.action)) {
    const auto text = hash_password(*hash);
    if (!text) return text.error();
    print(*text);
    return {};
  }
  const auto tls = tools::make_tls_context(options.tls);
  if (!tls) return usage(tls.error().message);
  client::ConnectionOptions how = options.connection;
  how.tls = *tls;
  how.tls_server_name = options.tls.server_name;
  const auto done = options.wait.count() == 0 ? run_once(options, how) : run_patiently(options, how);
  if (!done) return done;
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return usage("can't write to stdout");
  return {};
}

}  // namespace kv::cli
