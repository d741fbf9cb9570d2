#include "server/options.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <unistd.h>
#include <utility>

#include <CLI/CLI.hpp>

#include "kv/base/arguments.hpp"

#include "server/config_file.hpp"
#include "server/option_kinds.hpp"
#include "server/option_rows.hpp"

namespace kv::server {
namespace {

Error bad(std::string message) {
  return Error{Errc::kArgument, std::move(message)};
}

constexpr const char* kDescription = R"(kv-server keeps typed values under keys in memory and serves them over TCP.)";

constexpr const char* kFooter = R"(Environment:
  Every option but those of the last group can be given as a variable: KV_ and
  its name in capitals, with _ for -. KV_MAX_PAYLOAD=1MiB is --max-payload 1MiB,
  KV_DISABLE_PERSISTENCE=true is --disable-persistence. The values of a list are
  separated by commas: KV_BIND=127.0.0.1:6380,[::1]:6380.

Configuration file:
  TOML, one option a line, by the same names, and # begins a comment:
    bind = ["127.0.0.1:6380", "[::1]:6380"]
    shards = 512
    max-payload = "1MiB"
  An unknown name is an error. The command line wins over the environment, the
  environment over the file, the file over the default. --print-config prints
  such a file.

Values:
  SIZE  bytes, or a number with B, KiB, MiB, GiB, KB, MB or GB: 64KiB
  TIME  seconds, or a number with ms, s, m or h: 500ms; 0 or off for none

Signals:
  SIGTERM, SIGINT  answer what was received, close, exit; a second one exits now
  SIGHUP           open the log file anew, read certificates and users again

Exit status:
  0  it served and was asked to stop, or printed what it was asked for
  1  it could not start or go on: the address is in use, a file can't be opened
  2  an option, a variable or the configuration file is wrong

Examples:
  kv-server
  kv-server --bind 127.0.0.1:0 --shards 512
  kv-server --data-dir /var/lib/kv-server --fsync always
  kv-server --config /etc/kv-server.toml --check-config)";

// Breaks `text` at blanks into lines of at most `width` bytes.
std::string wrap(const std::string& text, std::size_t width) {
  std::string out;
  std::size_t column = 0;
  for (const std::string& word : CLI::detail::split(text, ' ')) {
    const bool fits = column + 1 + word.size() <= width;
    if (column != 0) out += fits ? ' ' : '\n';
    column = (column != 0 && fits ? column + 1 : 0) + word.size();
    out += word;
  }
  return out;
}

constexpr std::size_t kHelpColumn = 32;
constexpr std::size_t kHelpWidth = 48;

// CLI11's own layout, without the default between the option and its help: the help ends with it.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(kHelpColumn); }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_name().empty() ? "" : " " + option->get_type_name();
  }
};

std::string help_of(const Row& row) {
  const std::string value = CLI::detail::join(row.get(Options{}), ", ");
  const std::string allowed = row.allowed.empty() ? "" : " " + row.allowed + ".";
  return wrap(row.help + allowed + " Default: " + (value.empty() ? "none" : value) + ".", kHelpWidth);
}

// The command line, declared to CLI11 and split by it. What an option's values mean is for its row.
class CommandLine {
 public:
  CommandLine() {
    app_.name("kv-server");
    app_.formatter(std::make_shared<HelpFormatter>());
    app_.footer(kFooter);
    app_.allow_extras();
    app_.set_help_flag();  // takes away the one that CLI11 made, so that ours stands last
    for (const Row& row : option_rows()) {
      const std::string flag = (row.letter.empty() ? "" : "-" + row.letter + ",") + "--" + row.name;
      options_.push_back(row.is_switch ? app_.add_flag(flag)->description(help_of(row))->group(row.group)
                                       : add(flag, row.placeholder, row.group, help_of(row)));
    }
    declare_actions("Configuration and information");
  }

  std::optional<Exit> parse(int argc, const char* const* argv);

  // The values of row `index`; empty when it isn't there.
  Values values(std::size_t index) const { return options_[index]->results(); }
  Values config() const { return config_->results(); }

  bool check_config = false;
  bool print_config = false;
  bool print_commands = false;

 private:
  CLI::Option* add(const std::string& flag, const std::string& placeholder, const std::string& group,
                   const std::string& help) {
    const auto keep = [](const CLI::results_t&) { return true; };
    return app_.add_option(flag, keep, help)
        ->type_name(placeholder)
        ->group(group)
        ->take_all()
        ->expected(1)
        ->allow_extra_args(false);
  }
  void declare_actions(const std::string& group) {
    config_ = add("--config", "FILE", group, wrap("Read options from this TOML file, as described below.", kHelpWidth));
    const auto flag = [&](const char* name, bool& target, const std::string& help) {
      app_.add_flag(name, target, wrap(help, kHelpWidth))->group(group);
    };
    flag("--check-config", check_config, "Check all options, say that they are valid, and exit.");
    flag("--print-config", print_config,
         "Print the options in force as a configuration file that says where each came from, and exit.");
    flag("--print-commands", print_commands, "Print the table of commands as JSON, and exit.");
    app_.set_version_flag("--version", "kv-server " KV_VERSION, "Print the version, and exit.")->group(group);
    app_.set_help_flag("-h,--help", "Print this, and exit.")->group(group);
  }

  CLI::App app_{kDescription};
  std::vector<CLI::Option*> options_;  // as option_rows()
  CLI::Option* config_ = nullptr;
};

Exit exit_with(std::string text) {
  return {0, Exit::Stream::kOut, std::move(text)};
}
Exit bad_usage(const std::string& message) {
  return {kExitBadUsage, Exit::Stream::kError, "kv-server: " + message + "\n"};
}

std::optional<Exit> CommandLine::parse(int argc, const char* const* argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return exit_with(app_.help());
  } catch (const CLI::CallForVersion& version) {
    return exit_with(std::string(version.what()) + "\n");
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what();  // `--shards: 1 required N missing`
    return bad_usage(text.substr(0, text.find(':')) + ": needs a value");
  } catch (const CLI::ParseError& error) {
    return bad_usage(shown(error.what()));
  }
  if (app_.remaining().empty()) return std::nullopt;
  return bad_usage(describe_unknown(app_.remaining()) + "; --help lists the options");
}

// A place where an option was given.
struct Given {
  std::string place;   // how an error calls it
  std::string source;  // how --print-config calls it
  Values values;
};

Values split_list(const std::string& text) {
  Values parts = CLI::detail::split(text, ',');
  for (std::string& part : parts) CLI::detail::trim(part);
  return parts;
}

// All the places where options were given but the command line.
struct Surroundings {
  const Environment& environment;
  std::string config_path;  // empty: there is none
  std::vector<ConfigEntry> config;

  // Where `row` is given, the place that wins last. `flag_values` are those of the command line.
  std::vector<Given> find(const Row& row, Values flag_values) const {
    std::vector<Given> given;
    for (const ConfigEntry& entry : config) {
      if (entry.key != row.name) continue;
      const std::string path = shown(config_path);
      given.push_back({path + ":" + std::to_string(entry.line) + ": " + entry.key, "from " + path, entry.values});
    }
    const std::string variable = variable_of(row.name);
    if (const auto found = environment.find(variable); found != environment.end()) {
      const std::string& text = found->second;
      given.push_back({variable, "from environment " + variable, row.list ? split_list(text) : Values{text}});
    }
    if (!flag_values.empty()) given.push_back({"--" + row.name, "from flag", std::move(flag_values)});
    return given;
  }
};

bool is_row(const std::string& name) {
  return std::any_of(option_rows().begin(), option_rows().end(), [&](const Row& row) { return row.name == name; });
}

Result<Surroundings> look_around(const Values& config_flag, const Environment& environment) {
  Surroundings around{environment, {}, {}};
  if (config_flag.size() > 1) return bad("--config: takes one value, not " + std::to_string(config_flag.size()));
  const auto variable = environment.find(variable_of("config"));
  if (config_flag.empty() && variable == environment.end()) return around;

  around.config_path = config_flag.empty() ? variable->second : config_flag.front();
  Result<std::vector<ConfigEntry>> config = load_config(around.config_path);
  if (config.has_error()) return config.error();
  for (const ConfigEntry& entry : *config) {
    if (is_row(entry.key)) continue;
    return bad(shown(around.config_path) + ":" + std::to_string(entry.line) + ": unknown key " + shown(entry.key));
  }
  around.config = std::move(*config);
  return around;
}

// Other programs may name variables KV_ too (Kubernetes does, for a service called `kv`), so these are no errors.
std::vector<std::string> warn_of_unknown(const Environment& environment) {
  Environment unknown = environment;
  for (const Row& row : option_rows()) unknown.erase(variable_of(row.name));
  unknown.erase(variable_of("config"));
  std::vector<std::string> warnings;
  for (const auto& [name, value] : unknown) warnings.push_back("unknown environment variable " + shown(name));
  return warnings;
}

// Options that don't go together, by the place of the one that can't be met.
struct Conflict {
  std::string option;
  std::string message;
};
std::optional<Conflict> find_conflict(const Access& access) {
  if (!access.password.empty() && !access.password_file.empty()) {
    return Conflict{"password-file", "can't be given together with --password"};
  }
  if (!access.acl_file.empty() && !(access.password.empty() && access.password_file.empty())) {
    return Conflict{"acl-file", "can't be given together with a password: give one to the user `default` in the file"};
  }
  return std::nullopt;
}

std::optional<Conflict> find_conflict(const Persistence& persistence) {
  if (persistence.restore_from.empty() || persistence.enabled()) return std::nullopt;
  if (persistence.disabled) return Conflict{"restore", "can't be done with --disable-persistence"};
  return Conflict{"restore", "needs --data-dir, the folder to restore into"};
}

// Every shard has pages of its own for each size of entries, which a small limit can't afford for many of them.
std::size_t shards_for(std::uint64_t memory_bytes_max) {
  constexpr std::uint64_t kBytesPerShard = std::uint64_t{8} << 20;
  constexpr std::uint64_t kShardsMin = 16;
  if (memory_bytes_max == kMemoryUnlimited) return kShardsDefault;
  return std::clamp<std::uint64_t>(memory_bytes_max / kBytesPerShard, kShardsMin, kShardsDefault);
}

std::string config_text(const Options& options, const std::map<std::string, std::string>& sources) {
  std::string config;
  for (const Row& row : option_rows()) {
    const auto given = sources.find(row.name);
    const std::string source = given == sources.end() ? "default" : given->second;
    // Such a file could not be read again with these.
    if (row.guards && row.get(options) == Values{""}) config += '#';
    config += to_string(ConfigLine{row.name, row.get(options), source, row.list, row.quoted, row.secret});
  }
  return config;
}

// What would leave somebody with less protection than they asked for is none to be passed over.
std::optional<Conflict> find_conflict(const Tls& tls) {
  const security::TlsServerFiles& files = tls.files;
  const bool asks = tls.client_auth != security::ClientAuth::kNone;
  if (!tls.enabled()) {
    const std::string needs = "has no effect without --tls-bind";
    if (!files.certificate.empty()) return Conflict{"tls-cert", needs};
    if (!files.key.empty()) return Conflict{"tls-key", needs};
    if (!files.authorities.empty()) return Conflict{"tls-ca", needs};
    if (asks) return Conflict{"tls-client-auth", needs};
    return std::nullopt;
  }
  if (files.certificate.empty()) return Conflict{"tls-bind", "needs --tls-cert, the server's certificate"};
  if (files.key.empty()) return Conflict{"tls-bind", "needs --tls-key, the key of the certificate"};
  if (asks && files.authorities.empty()) {
    return Conflict{"tls-client-auth", "needs --tls-ca, the authorities that may vouch for clients"};
  }
  if (!asks && !files.authorities.empty()) {
    return Conflict{"tls-ca", "has no effect unless --tls-client-auth is optional or require"};
  }
  return std::nullopt;
}

std::optional<Conflict> find_conflict(const Options& options) {
  const auto& binds = options.binds;
  const bool has_none = std::any_of(binds.begin(), binds.end(), [](const Address& bind) { return bind.host.empty(); });
  if (has_none && binds.size() > 1) return Conflict{"bind", "none stands alone"};
  if (has_none && !options.tls.enabled()) return Conflict{"bind", "none leaves nowhere to listen without --tls-bind"};
  if (auto conflict = find_conflict(options.tls)) return conflict;
  if (auto conflict = find_conflict(options.access)) return conflict;
  return find_conflict(options.persistence);
}

}  // namespace

ParseOutcome parse_options(int argc, const char* const* argv, const Environment& environment) {
  CommandLine command_line;
  if (std::optional<Exit> exit = command_line.parse(argc, argv)) return *exit;
  const Result<Surroundings> around = look_around(command_line.config(), environment);
  if (around.has_error()) return bad_usage(around.error().message);

  Options options;
  std::map<std::string, std::string> places;   // where each option was given that wins
  std::map<std::string, std::string> sources;  // the same, as a configuration file says it
  for (std::size_t index = 0; index < option_rows().size(); ++index) {
    const Row& row = option_rows()[index];
    for (const Given& given : around->find(row, command_line.values(index))) {
      const Result<void> set = row.set(options, given.values);
      if (set.has_error()) return bad_usage(given.place + ": " + set.error().message);
      sources[row.name] = given.source;
      places[row.name] = given.place;
    }
  }
  if (!places.contains("shards")) options.shards = shards_for(options.memory_bytes_max);
  if (command_line.print_config) return exit_with(config_text(options, sources));
  if (const auto conflict = find_conflict(options)) {
    return bad_usage(places[conflict->option] + ": " + conflict->message);
  }
  if (command_line.check_config) return exit_with("configuration is valid\n");
  options.print_commands = command_line.print_commands;
  options.warnings = warn_of_unknown(environment);
  if (options.eviction != 0 && options.memory_bytes_max == kMemoryUnlimited) {
    options.warnings.emplace_back("--eviction does nothing without --max-memory");
  }
  return options;
}

std::string to_string(const ConfigLine& line) {
  std::string text;
  for (const std::string& value : line.values) {
    if (!text.empty()) text += ", ";
    const std::string quote = line.quoted || line.secret ? "\"" : "";
    text += quote + (line.secret && !value.empty() ? "***" : value) + quote;
  }
  if (line.list) text = "[" + text + "]";
  return line.name + " = " + text + "  # " + line.source + "\n";
}

std::string to_string(const Address& address) {
  const bool ipv6 = address.host.find(':') != address.host.npos;
  return (ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

std::size_t available_processors() {
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kThreadsMax);
}

Environment kv_environment() {
  Environment found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (text.starts_with("KV_") && equals != text.npos) found.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return found;
}

}  // namespace kv::server
