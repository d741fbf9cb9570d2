#include "kv-cli/options.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "kv/base/arguments.hpp"

#include "kv-cli/admin.hpp"
#include "kv-cli/client.hpp"
#include "kv-cli/duration.hpp"
#include "kv-cli/whole_number.hpp"

namespace kv::cli {
namespace {

const std::map<std::string, client::JsonFormat> kFormats{{"auto", client::JsonFormat::kDetect},
                                                         {"array", client::JsonFormat::kArray},
                                                         {"object", client::JsonFormat::kObject},
                                                         {"lines", client::JsonFormat::kLines}};

constexpr std::uint64_t kDurationMsMax = 366ULL * 86'400'000;

constexpr const char* kFooter =
    R"(A value says its type: 42 (Int), 1.5 (Float), 1.50m (Decimal), '"text"' (String), 0x00ff or base64(AP8=) (Bytes),
true, null, '[1, 2]' (List), '{"a": 1}' (Map). A key stands for itself. What begins with - stands behind --.

Exit codes: 0 done, 1 the server said no, or ping --wait was in vain, 2 bad usage, 3 no connection.)";

constexpr const char* kBackupFooter =
    R"(The folder is one on the server's machine, on the file system of its data directory; a relative DIR counts from
where kv-cli runs. The backup is whole when this command ends. kv-server --restore starts from it.)";

constexpr const char* kImportFooter =
    R"(The file is a JSON array, a JSON object whose members' names are the keys, or values one after the other, as in
JSON lines. A number without point or exponent that fits 64 bits becomes an Int, every other one a Decimal.)";

constexpr const char* kExportFooter =
    R"(Each line is {"key": …, "value": …, "ttl": milliseconds or null}. Without --typed, Bytes become base64, and Float
and Decimal look alike. With --typed the value is text that says its type, and import --typed restores it.)";

constexpr const char* kMonitorFooter =
    R"(Each line has the time, the connection's id, its peer's address, the user, the command, and its first key,
shortened. Values are never shown. Every request costs the server some time while it is watched.)";

constexpr const char* kStatFooter =
    R"(ops/s: requests, those of stat too. hits: of the keys that GET and MGET asked for. keys: as INFO counts them.
memory: that the process has resident. in/s, out/s: bytes from and to clients. errors/s: requests that were refused.)";

bool ends_like_lines(const std::string& file) {
  return file.ends_with(".jsonl") || file.ends_with(".ndjson");
}

class CommandLine {
 public:
  CommandLine();
  // REQUIRES: called once. Throws CLI::ParseError, which help is too.
  Outcome<Options> parse(std::vector<std::string> words);
  const CLI::App& app() const { return app_; }

 private:
  void add_connection_options();
  void add_waiting(CLI::App& ping);
  void add_backup();
  void add_import();
  void add_export();
  void add_hash();
  void add_monitor();
  void add_stat();
  Outcome<Options> read_call(const CLI::App& subcommand);

  CLI::App app_{"Runs a command of kv-server, or moves its entries from and to JSON.", "kv-cli"};
  CLI::App* client_ = nullptr;
  CLI::App* acl_ = nullptr;
  CLI::App* hash_ = nullptr;
  CLI::App* backup_ = nullptr;
  CLI::App* import_ = nullptr;
  CLI::App* export_ = nullptr;
  CLI::App* monitor_ = nullptr;
  CLI::App* stat_ = nullptr;
  Options options_;
  std::string backup_folder_;
  ImportOptions import_options_;
  ExportOptions export_options_;
  HashOptions hash_options_;
  MonitorOptions monitor_options_;
  StatOptions stat_options_;
};

// What is wrong with the command line, in a line.
std::string complaint(const CLI::App& app, const CLI::Error& error) {
  std::string reason = error.what();
  const bool has_command = !app.get_subcommands().empty();
  const bool has_extras = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  if (const auto words = app.remaining(true); !words.empty() && (has_extras || !has_command)) {
    const bool is_for_command = !has_command && !words.front().starts_with('-');
    reason = is_for_command ? "there is no such command" : describe_unknown(words);
  }
  return "kv-cli: " + reason + "; see kv-cli --help\n";
}

void add_duration(CLI::App& app, const std::string& name, std::chrono::milliseconds& target, const std::string& help) {
  const auto read = [&target, name](const std::string& word) {
    const auto duration = parse_duration(word);
    if (!duration || *duration > kDurationMsMax) throw CLI::ValidationError(name, "takes a time such as 500ms or 30s");
    target = std::chrono::milliseconds(*duration);
  };
  app.add_option_function<std::string>(name, read, help);
}

CommandLine::CommandLine() {
  app_.set_help_flag("--help", "Print this help, or that of a command");
  app_.set_version_flag("--version", "kv-cli " KV_VERSION, "Print the version");
  app_.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app_.require_subcommand(1)->fallthrough()->ignore_case()->footer(kFooter);
  app_.failure_message([](const CLI::App* app, const CLI::Error& error) { return complaint(*app, error); });
  add_connection_options();
  for (const CommandRow& row : commands()) {
    CLI::App& subcommand = *app_.add_subcommand(std::string(row.name), std::string(row.help));
    add_arguments(subcommand, row);
    if (row.byte == protocol::Command::kPing) add_waiting(subcommand);
  }
  client_ = add_client(app_);
  acl_ = add_acl(app_);
  add_admin(app_);
  add_backup();
  add_import();
  add_export();
  add_hash();
  add_monitor();
  add_stat();
}

void CommandLine::add_connection_options() {
  app_.add_option("-h,--host", options_.host, "Where the server is; 127.0.0.1 if not given");
  app_.add_option("-p,--port", options_.port, "Its port; 6380 if not given")->check(CLI::Range(1, 65'535));
  app_.add_option("--user", options_.login.user, "Whom to authenticate as; KV_PASSWORD may have the password")
      ->type_name("NAME");
  app_.add_option("--password-file", options_.login.password_file,
                  "The file whose first line is the password; - to type it. Without a file or KV_PASSWORD, it is typed")
      ->type_name("FILE");
  add_duration(app_, "--connect-timeout", options_.connection.connect_timeout, "How long to try to connect; 5s");
  add_duration(app_, "--timeout", options_.connection.request_timeout,
               "How long to wait for an answer; 30s, 0: for ever");
  tools::add_tls_options(app_, options_.tls);
  app_.add_flag_callback(
      "--json", [this] { options_.form = OutputForm::kJson; }, "Print JSON, for scripts");
}

// A number alone is seconds, as scripts are used to.
void CommandLine::add_waiting(CLI::App& ping) {
  const auto read = [this](const std::string& word) {
    const bool is_number = !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
    const auto duration = parse_duration(is_number && word != "0" ? word + "s" : word);
    if (!duration || *duration > kDurationMsMax) {
      throw CLI::ValidationError("--wait", "takes a number of seconds, or a time such as 500ms or 5m");
    }
    options_.wait = std::chrono::milliseconds(*duration);
  };
  ping.add_option_function<std::string>("--wait", read, "Try again until the server answers, for so many seconds")
      ->type_name("SECONDS");
}

void CommandLine::add_backup() {
  backup_ = app_.add_subcommand("backup", "Write all data to disk and link the files into a folder");
  backup_->footer(kBackupFooter);
  backup_->add_option("DIR", backup_folder_, "The folder, new or empty")->required()->type_name("");
}

void CommandLine::add_import() {
  import_ = app_.add_subcommand("import", "Store the records of a JSON file");
  import_->footer(kImportFooter);
  import_->add_option("FILE", import_options_.file, "The file; - for stdin")->required()->type_name("");
  const auto read_format = [this](const std::string& name) {
    const auto format = kFormats.find(name);
    if (format == kFormats.end()) throw CLI::ValidationError("--format", "is one of auto, array, object, lines");
    import_options_.format = format->second;
  };
  import_->add_option_function<std::string>("--format", read_format, "What the file is: auto, array, object or lines");
  auto* key_field = import_->add_option("--key-field", import_options_.key_field,
                                        "The member of each record that is its key; else its position from 0");
  import_->add_option("--prefix", import_options_.prefix, "What every key begins with");
  import_->add_flag("--typed", import_options_.typed, "The file is what export --typed wrote")->excludes(key_field);
}

void CommandLine::add_export() {
  export_ = app_.add_subcommand("export", "Print every entry as a line of JSON");
  export_->footer(kExportFooter);
  export_->add_option("PATTERN", export_options_.pattern, "Only keys like this: * ? [a-z] [^a] and \\")->type_name("");
  export_->add_flag("--typed", export_options_.typed, "Write values so that nothing is lost");
}

void CommandLine::add_hash() {
  hash_ = app_.add_subcommand("hash-password", "Print the hash of a password, for the server's file of users");
  hash_
      ->add_option("--password-file", hash_options_.password_file,
                   "The file whose first line it is; without it, the password is typed, or read from stdin")
      ->type_name("FILE");
}

void CommandLine::add_monitor() {
  monitor_ = app_.add_subcommand("monitor", "Print what others ask of the server, as it comes");
  monitor_->footer(kMonitorFooter);
  monitor_->add_option("--count", monitor_options_.count, "How many requests; without it, until it is stopped")
      ->check(whole_number_from(1))
      ->type_name("N");
}

void CommandLine::add_stat() {
  stat_ = app_.add_subcommand("stat", "Print what the server is doing, a line a second");
  stat_->footer(kStatFooter);
  add_duration(*stat_, "--interval", stat_options_.interval, "How long from line to line; 1s");
  stat_->add_option("--count", stat_options_.count, "How many lines; without it, until it is stopped")
      ->check(whole_number_from(1))
      ->type_name("N");
}

Outcome<Options> CommandLine::parse(std::vector<std::string> words) {
  for (std::string& word : words) word = shielded(std::move(word));
  std::ranges::reverse(words);  // CLI11 takes them from the end
  app_.parse(words);
  for (std::string* word :
       {&options_.host, &backup_folder_, &import_options_.file, &import_options_.prefix, &export_options_.pattern}) {
    *word = read_word(*word);
  }
  if (import_options_.key_field) import_options_.key_field = read_word(*import_options_.key_field);
  if (options_.host.starts_with('[') && options_.host.ends_with(']')) {
    options_.host = options_.host.substr(1, options_.host.size() - 2);
  }
  const CLI::App& subcommand = *app_.get_subcommands().front();
  if (&subcommand == backup_) {
    auto backup = read_backup_folder(backup_folder_);
    if (!backup) return backup.error();
    options_.action = *std::move(backup);
  } else if (&subcommand == client_) {
    auto call = read_client(subcommand);
    if (!call) return call.error();
    options_.action = *std::move(call);
  } else if (&subcommand == acl_) {
    auto call = read_acl(subcommand);
    if (!call) return call.error();
    options_.action = *std::move(call);
  } else if (is_admin(subcommand)) {
    auto call = read_admin(subcommand);
    if (!call) return call.error();
    options_.action = *std::move(call);
  } else if (&subcommand == hash_) {
    options_.action = hash_options_;
  } else if (&subcommand == monitor_) {
    options_.action = monitor_options_;
  } else if (&subcommand == stat_) {
    if (stat_options_.interval.count() == 0) return usage("the interval of stat is 1ms at least");
    options_.action = stat_options_;
  } else if (&subcommand == import_) {
    const bool lines = import_options_.typed || ends_like_lines(import_options_.file);
    if (lines && import_options_.format == client::JsonFormat::kDetect) {
      import_options_.format = client::JsonFormat::kLines;
    }
    options_.action = import_options_;
  } else if (&subcommand == export_) {
    options_.action = export_options_;
  } else {
    return read_call(subcommand);
  }
  return options_;
}

Outcome<Options> CommandLine::read_call(const CLI::App& subcommand) {
  const auto row = std::ranges::find(commands(), ByteView(subcommand.get_name()), &CommandRow::name);
  auto call = read_arguments(subcommand, *row);
  if (!call) return call.error();
  options_.action = *std::move(call);
  return options_;
}

}  // namespace

std::variant<Options, ExitCode> parse_options(int argc, char** argv) {
  CommandLine line;
  try {
    auto options = line.parse(std::vector<std::string>(argv + 1, argv + argc));
    if (options) return *std::move(options);
    std::fprintf(stderr, "kv-cli: %s\n", options.error().message.c_str());
  } catch (const CLI::ParseError& error) {
    if (line.app().exit(error) == 0) return ExitCode::kDone;
  }
  return ExitCode::kUsage;
}

}  // namespace kv::cli
