#include "server/options.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <set>
#include <sstream>
#include <stdlib.h>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/base/temporary_folder.hpp"

namespace kv::server {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Arguments = std::vector<std::string>;

ParseOutcome parse(const Arguments& arguments, const Environment& environment = {}) {
  std::vector<const char*> argv{"kv-server"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return parse_options(static_cast<int>(argv.size()), argv.data(), environment);
}

// Those of a command line that is right.
Options options_of(const Arguments& arguments, const Environment& environment = {}) {
  ParseOutcome outcome = parse(arguments, environment);
  if (const Exit* exit = std::get_if<Exit>(&outcome)) {
    ADD_FAILURE() << "exit " << exit->code << ": " << exit->text;
    return {};
  }
  return std::get<Options>(outcome);
}

// What a command line prints that is right and ends the server.
std::string printed_by(const Arguments& arguments, const Environment& environment = {}) {
  const ParseOutcome outcome = parse(arguments, environment);
  const Exit* exit = std::get_if<Exit>(&outcome);
  if (exit == nullptr) return "it would serve";
  EXPECT_EQ(exit->code, 0) << exit->text;
  EXPECT_EQ(exit->stream, Exit::Stream::kOut);
  return exit->text;
}

// What a command line that is wrong is told: one line on stderr, here without the program's name in front.
std::string fault_of(const Arguments& arguments, const Environment& environment = {}) {
  const ParseOutcome outcome = parse(arguments, environment);
  const Exit* exit = std::get_if<Exit>(&outcome);
  if (exit == nullptr) return "no fault";
  EXPECT_EQ(exit->code, 2);
  EXPECT_EQ(exit->stream, Exit::Stream::kError);
  EXPECT_EQ(std::count(exit->text.begin(), exit->text.end(), '\n'), 1) << exit->text;
  const std::string start = "kv-server: ";
  EXPECT_TRUE(exit->text.starts_with(start) && exit->text.ends_with('\n')) << exit->text;
  return exit->text.substr(start.size(), exit->text.size() - start.size() - 1);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// KV_MAX_PAYLOAD for max-payload.
std::string variable_of(std::string name) {
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return "KV_" + name;
}

// An option with a value for each place: as a file writes it and, for the environment and the command line, as it is
// typed. Each value differs from that of the place before it.
struct OptionCase {
  std::string letter;  // empty: none
  std::string name;
  std::string in_file;
  std::string variable_text;
  std::string variable_value;
  std::vector<std::string> flag_texts;
  std::string flag_value;
};

const std::vector<OptionCase> kOptions{
    {"b",
     "bind",
     R"(["a:1", "[::1]:2"])",
     "b:3,[::2]:4",
     R"(["b:3", "[::2]:4"])",
     {"c:5", "[::3]:0"},
     R"(["c:5", "[::3]:0"])"},
    {"", "max-connections", "1", "2", "2", {"3"}, "3"},
    {"", "request-timeout", R"("1ms")", "2", R"("2s")", {"0"}, R"("off")"},
    {"", "idle-timeout", R"("1500ms")", "90m", R"("90m")", {"8760h"}, R"("8760h")"},
    {"", "reply-timeout", R"("1ms")", "2", R"("2s")", {"0"}, R"("off")"},
    {"", "reply-backlog", R"("4KiB")", "1GiB", R"("1GiB")", {"5mb"}, R"("5MB")"},
    {"", "tcp-keepalive", R"("1s")", "32767s", R"("32767s")", {"off"}, R"("off")"},
    {"", "max-payload", R"("1KiB")", "3GiB", R"("3GiB")", {"5mb"}, R"("5MB")"},
    {"", "max-key-bytes", "1", "100", "100", {"65534"}, "65534"},
    {"", "admin-bind", R"("a:1")", "none", R"("none")", {"[::1]:2"}, R"("[::1]:2")"},
    {"", "tls-bind", R"(["a:1"])", "b:3,[::2]:4", R"(["b:3", "[::2]:4"])", {"c:5"}, R"(["c:5"])"},
    {"", "tls-cert", R"("/etc/kv.pem")", "b c", R"("b c")", {"d#e"}, R"("d#e")"},
    {"", "tls-key", R"("/etc/kv.key")", "b c", R"("b c")", {"d#e"}, R"("d#e")"},
    {"", "tls-ca", R"("/etc/ca.pem")", "b c", R"("b c")", {"d#e"}, R"("d#e")"},
    {"", "tls-client-auth", R"("optional")", "require", R"("require")", {"none"}, R"("none")"},
    {"s", "shards", "1", "65536", "65536", {"512"}, "512"},
    {"t", "threads", "501", "502", "502", {"503"}, "503"},
    {"", "max-memory", R"("2GiB")", "auto", R"("auto")", {"OFF"}, R"("off")"},
    {"", "eviction", R"("sieve")", "volatile-lfu", R"("volatile-lfu")", {"noeviction"}, R"("noeviction")"},
    {"", "data-dir", R"("/var/lib/kv")", "b c", R"("b c")", {"d#e"}, R"("d#e")"},
    {"", "fsync", R"("always")", "never", R"("never")", {"interval"}, R"("interval")"},
    {"", "fsync-interval-ms", "1", "2", "2", {"60000"}, "60000"},
    {"", "snapshot-interval-secs", "0", "2", "2", {"31536000"}, "31536000"},
    {"", "snapshot-ops-threshold", "1", "2", "2", {"1000000000000000"}, "1000000000000000"},
    {"", "snapshot-wal-bytes", R"("2MiB")", "0", R"("0")", {"1024gib"}, R"("1024GiB")"},
    {"", "wal-segment-bytes", R"("1MiB")", "5MB", R"("5MB")", {"4GiB"}, R"("4GiB")"},
    {"", "snapshot-compression", "0", "2", "2", {"19"}, "19"},
    {"", "disable-persistence", "true", "0", "false", {"true"}, "true"},
    {"", "restore", R"("/backup")", "b c", R"("b c")", {"d#e"}, R"("d#e")"},
    {"", "password", R"("one")", "two", R"("***")", {"three"}, R"("***")"},
    {"", "password-file", R"("/etc/kv/password")", "b c", R"("b c")", {"d#e"}, R"("d#e")"},
    {"", "acl-file", R"("/etc/kv/users.acl")", "b c", R"("b c")", {"d#e"}, R"("d#e")"},
    {"l", "log-level", R"("trace")", "warn", R"("warn")", {"off"}, R"("off")"},
    {"", "log-format", R"("json")", "text", R"("text")", {"json"}, R"("json")"},
    {"", "log-file", R"("/var/log/a b#1.log")", "b,c.log", R"("b,c.log")", {"d = [e].log"}, R"("d = [e].log")"},
    {"",
     "otlp-endpoint",
     R"("http://a:1")",
     "http://b",
     R"("http://b")",
     {"http://[::1]:2/c"},
     R"("http://[::1]:2/c")"},
    {"", "otlp-sampling-ratio", R"("0.5")", "1", R"("1")", {"0"}, R"("0")"},
    {"", "slowlog-us", "0", "1", "1", {"3600000000"}, "3600000000"},
    {"", "slowlog-length", "1", "2", "2", {"65536"}, "65536"},
};

// The command line that sets an option to one of its values; a switch takes none without `=`.
Arguments flag(const OptionCase& option, const std::string& text) {
  if (option.name == "disable-persistence") return {"--" + option.name + "=" + text};
  return {"--" + option.name, text};
}
Arguments flags(const OptionCase& option) {
  Arguments all;
  for (const std::string& text : option.flag_texts) {
    for (std::string& argument : flag(option, text)) all.push_back(std::move(argument));
  }
  return all;
}

// Those that say who is let in.
const std::set<std::string> kGuards{"password", "password-file", "acl-file"};

enum Place : unsigned { kFile = 1, kEnvironment = 2, kFlag = 4 };

TEST(Options, AFlagWinsOverTheEnvironmentOverTheFileOverTheDefault) {
  const test::TemporaryFolder folder;
  const std::vector<std::string> defaults = lines_of(printed_by({"--print-config"}));
  ASSERT_EQ(defaults.size(), kOptions.size());
  for (const OptionCase& option : kOptions) {
    const std::string config = folder.write("kv.toml", option.name + " = " + option.in_file);
    const auto is_its_line = [&](const std::string& line) {
      return line.substr(line.starts_with('#') ? 1 : 0).starts_with(option.name + " = ");
    };
    const auto default_line = std::find_if(defaults.begin(), defaults.end(), is_its_line);
    ASSERT_NE(default_line, defaults.end()) << option.name;
    ASSERT_TRUE(default_line->ends_with("  # default"));

    for (unsigned places = 0; places < 8; ++places) {
      SCOPED_TRACE(option.name + " in places " + std::to_string(places));
      Arguments arguments{"--print-config"};
      Environment environment;
      std::string expected = *default_line;
      if (places & kFile) {
        arguments.insert(arguments.end(), {"--config", config});
        const std::string shown = option.name == "password" ? R"("***")" : option.in_file;
        expected = option.name + " = " + shown + "  # from " + config;
      }
      if (places & kEnvironment) {
        environment[variable_of(option.name)] = option.variable_text;
        expected = option.name + " = " + option.variable_value + "  # from environment " + variable_of(option.name);
      }
      if (places & kFlag) {
        const Arguments given = flags(option);
        arguments.insert(arguments.end(), given.begin(), given.end());
        expected = option.name + " = " + option.flag_value + "  # from flag";
      }
      const std::vector<std::string> printed = lines_of(printed_by(arguments, environment));
      ASSERT_EQ(printed.size(), defaults.size());
      for (std::size_t line = 0; line < printed.size(); ++line) {
        EXPECT_EQ(printed[line], is_its_line(printed[line]) ? expected : defaults[line]);
      }
    }
  }
}

TEST(Options, TheLetterAndTheNameMeanTheSame) {
  for (const OptionCase& option : kOptions) {
    if (option.letter.empty()) continue;
    for (const std::string& prefix : {"-" + option.letter, "--" + option.name + "="}) {
      Arguments arguments{"--print-config"};
      for (const std::string& text : option.flag_texts) arguments.push_back(prefix + text);
      EXPECT_THAT(printed_by(arguments), HasSubstr(option.name + " = " + option.flag_value + "  # from flag\n"));
    }
  }
}

TEST(Options, ASmallMemoryLimitMeansFewShardsUnlessTheyAreGiven) {
  EXPECT_EQ(options_of({"--max-memory", "32MiB"}).shards, 16U);
  EXPECT_EQ(options_of({"--max-memory", "512MiB"}).shards, 64U);
  EXPECT_EQ(options_of({"--max-memory", "100GiB"}).shards, 256U);
  EXPECT_EQ(options_of({"--max-memory", "auto"}).shards, 256U);
  EXPECT_EQ(options_of({"--max-memory", "32MiB", "--shards", "1000"}).shards, 1'000U);
  EXPECT_THAT(printed_by({"--print-config", "--max-memory", "256MiB"}), HasSubstr("shards = 32  # default\n"));
}

TEST(Options, AMemoryLimitIsASizeOrOffOrAuto) {
  EXPECT_EQ(options_of({"--max-memory", "1GiB"}).memory_bytes_max, std::uint64_t{1} << 30);
  EXPECT_EQ(options_of({"--max-memory", "Auto"}).memory_bytes_max, kMemoryAuto);
  EXPECT_THAT(fault_of({"--max-memory", "0"}), HasSubstr("0 is not between 32MiB and"));
  EXPECT_THAT(fault_of({"--max-memory", "31MiB"}), HasSubstr("31MiB is not between 32MiB and"));
  EXPECT_THAT(fault_of({"--max-memory", "much"}), HasSubstr("much is not a size such as 512MiB or 4GiB"));
  EXPECT_THAT(fault_of({"--eviction", "lru2"}), HasSubstr("lru2"));
}

TEST(Options, AnEvictionPolicyWithoutALimitIsWarnedOf) {
  EXPECT_THAT(options_of({"--eviction", "lru"}).warnings, ElementsAre("--eviction does nothing without --max-memory"));
  EXPECT_THAT(options_of({"--eviction", "lru", "--max-memory", "auto"}).warnings, IsEmpty());
}

TEST(Options, TheDefaultsAreTheDocumentedOnes) {
  const Options options = options_of({});
  EXPECT_THAT(options.binds, ElementsAre(Address{"127.0.0.1", 6380}));
  EXPECT_EQ(options.shards, 256U);
  EXPECT_EQ(options.threads, available_processors());
  EXPECT_GE(options.threads, 1U);
  EXPECT_EQ(options.payload_bytes_max, 67'108'864U);
  EXPECT_EQ(options.key_bytes_max, 65'535U);
  EXPECT_EQ(options.connections_max, 10'000U);
  EXPECT_EQ(options.request_timeout, 30s);
  EXPECT_EQ(options.idle_timeout, 0s);
  EXPECT_EQ(options.tcp_keepalive, 300s);
  EXPECT_EQ(options.admin_bind, Address{});
  EXPECT_EQ(options.memory_bytes_max, kMemoryUnlimited);
  EXPECT_EQ(engine::eviction_policy(options.eviction).kind, engine::Eviction::kNone);
  const Persistence& persistence = options.persistence;
  EXPECT_FALSE(persistence.enabled());
  EXPECT_FALSE(persistence.disabled);
  EXPECT_EQ(persistence.restore_from, "");
  EXPECT_EQ(persistence.storage.directory, "");
  EXPECT_EQ(persistence.storage.fsync, storage::FsyncPolicy::kInterval);
  EXPECT_EQ(persistence.storage.fsync_interval, 100ms);
  EXPECT_EQ(persistence.storage.snapshot_interval, 300s);
  EXPECT_EQ(persistence.storage.snapshot_changes, 0U);
  EXPECT_EQ(persistence.storage.snapshot_wal_bytes, 1U << 30);
  EXPECT_EQ(persistence.storage.wal_segment_bytes, 64U << 20);
  EXPECT_EQ(persistence.storage.snapshot_compression, 1);
  EXPECT_EQ(options.log.level, log::Level::kInfo);
  EXPECT_EQ(options.log.format, log::Format::kText);
  EXPECT_EQ(options.log.file, "");
  EXPECT_EQ(options.slowlog_threshold, 10ms);
  EXPECT_EQ(options.slowlog_length, 128U);
  EXPECT_FALSE(options.print_commands);
  EXPECT_THAT(options.warnings, IsEmpty());
}

TEST(Options, EachFlagReachesItsMember) {
  const Options options = options_of({"--bind",
                                      "localhost:0",
                                      "-b",
                                      "[fe80::1%lo]:65535",
                                      "-s",
                                      "1",
                                      "-t",
                                      "3",
                                      "-l",
                                      "error",
                                      "--log-format",
                                      "json",
                                      "--log-file",
                                      "x.log",
                                      "--max-payload",
                                      "2MiB",
                                      "--max-key-bytes",
                                      "10",
                                      "--max-connections",
                                      "5",
                                      "--request-timeout",
                                      "250ms",
                                      "--idle-timeout",
                                      "2h",
                                      "--reply-timeout",
                                      "40s",
                                      "--reply-backlog",
                                      "8KiB",
                                      "--tcp-keepalive",
                                      "7",
                                      "--print-commands"});
  EXPECT_THAT(options.binds, ElementsAre(Address{"localhost", 0}, Address{"fe80::1%lo", 65'535}));
  EXPECT_EQ(options.shards, 1U);
  EXPECT_EQ(options.threads, 3U);
  EXPECT_EQ(options.payload_bytes_max, 2U << 20);
  EXPECT_EQ(options.key_bytes_max, 10U);
  EXPECT_EQ(options.connections_max, 5U);
  EXPECT_EQ(options.request_timeout, 250ms);
  EXPECT_EQ(options.idle_timeout, 2h);
  EXPECT_EQ(options.reply_timeout, 40s);
  EXPECT_EQ(options.reply_backlog_max, 8U << 10);
  EXPECT_EQ(options.tcp_keepalive, 7s);
  EXPECT_EQ(options.log.level, log::Level::kError);
  EXPECT_EQ(options.log.format, log::Format::kJson);
  EXPECT_EQ(options.log.file, "x.log");
  EXPECT_TRUE(options.print_commands);
}

TEST(Options, EachFlagOfTheDataOnDiskReachesItsMember) {
  const Options options =
      options_of({"--data-dir", "/var/lib/kv", "--fsync", "always", "--fsync-interval-ms", "50",
                  "--snapshot-interval-secs", "0", "--snapshot-ops-threshold", "1000", "--snapshot-wal-bytes", "2GiB",
                  "--wal-segment-bytes", "4GiB", "--snapshot-compression", "0", "--restore", "/backup"});
  const Persistence& persistence = options.persistence;
  EXPECT_TRUE(persistence.enabled());
  EXPECT_EQ(persistence.storage.directory, "/var/lib/kv");
  EXPECT_EQ(persistence.storage.fsync, storage::FsyncPolicy::kAlways);
  EXPECT_EQ(persistence.storage.fsync_interval, 50ms);
  EXPECT_EQ(persistence.storage.snapshot_interval, 0s);
  EXPECT_EQ(persistence.storage.snapshot_changes, 1'000U);
  EXPECT_EQ(persistence.storage.snapshot_wal_bytes, std::uint64_t{2} << 30);
  EXPECT_EQ(persistence.storage.wal_segment_bytes, std::uint64_t{4} << 30);
  EXPECT_EQ(persistence.storage.snapshot_compression, 0);
  EXPECT_EQ(persistence.restore_from, "/backup");
  EXPECT_EQ(options_of({"--fsync", "never"}).persistence.storage.fsync, storage::FsyncPolicy::kNever);
}

TEST(Options, NothingIsKeptWhereThatIsSwitchedOff) {
  const test::TemporaryFolder folder;
  const Arguments with_directory{"--data-dir", "d"};
  const auto is_enabled = [&](Arguments more, const Environment& environment = {}) {
    more.insert(more.end(), with_directory.begin(), with_directory.end());
    return options_of(more, environment).persistence.enabled();
  };
  EXPECT_TRUE(is_enabled({}));
  EXPECT_FALSE(is_enabled({"--disable-persistence"}));
  EXPECT_FALSE(is_enabled({"--disable-persistence="}));
  for (const char* yes : {"true", "1"}) {
    EXPECT_FALSE(is_enabled({}, {{"KV_DISABLE_PERSISTENCE", yes}}));
    EXPECT_FALSE(is_enabled({"--config", folder.write("kv.toml", std::string("disable-persistence = ") + yes)}));
  }
  for (const char* no : {"false", "0"}) {
    EXPECT_TRUE(is_enabled({}, {{"KV_DISABLE_PERSISTENCE", no}}));
    EXPECT_TRUE(is_enabled({"--config", folder.write("kv.toml", std::string("disable-persistence = ") + no)}));
    EXPECT_TRUE(is_enabled({std::string("--disable-persistence=") + no}, {{"KV_DISABLE_PERSISTENCE", "true"}}));
  }
  EXPECT_FALSE(is_enabled({"--disable-persistence"}, {{"KV_DISABLE_PERSISTENCE", "false"}}));
  EXPECT_FALSE(options_of({"--data-dir", ""}).persistence.enabled()) << "no folder";
  EXPECT_EQ(fault_of({"--disable-persistence", "yes"}), "1 argument too many; --help lists the options");
}

TEST(Options, ABackupIsRestoredIntoADataDirectoryOnly) {
  const test::TemporaryFolder folder;
  const std::string needs = "needs --data-dir, the folder to restore into";
  EXPECT_EQ(fault_of({"--restore", "/backup"}), "--restore: " + needs);
  EXPECT_EQ(fault_of({"--restore", "/backup", "--check-config"}), "--restore: " + needs);
  EXPECT_EQ(fault_of({"--restore", "/backup", "--data-dir", ""}), "--restore: " + needs);
  EXPECT_EQ(fault_of({}, {{"KV_RESTORE", "/backup"}}), "KV_RESTORE: " + needs);
  const std::string config = folder.write("kv.toml", "restore = '/backup'");
  EXPECT_EQ(fault_of({"--config", config}), config + ":1: restore: " + needs);
  EXPECT_EQ(fault_of({"--config", config, "--data-dir", "d", "--disable-persistence"}),
            config + ":1: restore: can't be done with --disable-persistence");
  EXPECT_EQ(options_of({"--config", config, "--restore", ""}).persistence.restore_from, "") << "the flag wins";
  EXPECT_EQ(options_of({"--config", config}, {{"KV_DATA_DIR", "d"}}).persistence.restore_from, "/backup");
}

TEST(Options, TlsNeedsACertificateAndNothingOfItIsOfUseWithoutAListener) {
  const Arguments good{"--tls-bind", "localhost:1", "--tls-cert", "c", "--tls-key", "k"};
  const auto with = [&](Arguments more) {
    more.insert(more.begin(), good.begin(), good.end());
    return more;
  };
  const Tls tls = options_of(with({"--tls-client-auth", "require", "--tls-ca", "a"})).tls;
  EXPECT_THAT(tls.binds, ElementsAre(Address{"localhost", 1}));
  EXPECT_EQ(tls.files.certificate, "c");
  EXPECT_EQ(tls.files.key, "k");
  EXPECT_EQ(tls.files.authorities, "a");
  EXPECT_EQ(tls.client_auth, security::ClientAuth::kRequire);
  EXPECT_FALSE(options_of({}).tls.enabled());

  EXPECT_EQ(fault_of({"--tls-bind", "a:1"}), "--tls-bind: needs --tls-cert, the server's certificate");
  EXPECT_EQ(fault_of({"--tls-bind", "a:1", "--tls-cert", "c"}),
            "--tls-bind: needs --tls-key, the key of the certificate");
  EXPECT_EQ(fault_of({"--tls-cert", "c"}), "--tls-cert: has no effect without --tls-bind");
  EXPECT_EQ(fault_of({"--tls-key", "c"}), "--tls-key: has no effect without --tls-bind");
  EXPECT_EQ(fault_of({"--tls-ca", "c"}), "--tls-ca: has no effect without --tls-bind");
  EXPECT_EQ(fault_of({}, {{"KV_TLS_CLIENT_AUTH", "require"}}), "KV_TLS_CLIENT_AUTH: has no effect without --tls-bind");
  EXPECT_EQ(fault_of(with({"--tls-client-auth", "optional"})),
            "--tls-client-auth: needs --tls-ca, the authorities that may vouch for clients");
  EXPECT_EQ(fault_of(with({"--tls-ca", "a"})),
            "--tls-ca: has no effect unless --tls-client-auth is optional or require");
  EXPECT_EQ(fault_of(with({"--tls-client-auth", "maybe"})),
            "--tls-client-auth: maybe is not one of none, optional, require");
}

TEST(Options, TlsMayBeTheOnlyWayIn) {
  const Arguments tls{"--tls-bind", "a:1", "--tls-cert", "c", "--tls-key", "k", "--bind", "none"};
  EXPECT_THAT(options_of(tls).binds, ElementsAre(Address{}));
  EXPECT_THAT(printed_by({"--bind", "none", "--print-config"}), HasSubstr("bind = [\"none\"]  # from flag\n"));
  EXPECT_EQ(fault_of({"--bind", "none"}), "--bind: none leaves nowhere to listen without --tls-bind");
  EXPECT_EQ(fault_of({"--bind", "none", "--bind", "a:1"}), "--bind: none stands alone");
}

TEST(Options, SizesHaveUnits) {
  const std::vector<std::pair<std::string, std::size_t>> cases{
      {"1024", 1'024},
      {"2000B", 2'000},
      {"1KiB", 1'024},
      {"64kib", 65'536},
      {"64KIB", 65'536},
      {"3MiB", 3U << 20},
      {"1GiB", 1U << 30},
      {"2KB", 2'000},
      {"7MB", 7'000'000},
      {"4GB", 4'000'000'000},
      {"0001024", 1'024},
      {"4294967295", 4'294'967'295},
      {"4294967295B", 4'294'967'295},
  };
  for (const auto& [text, bytes] : cases)
    EXPECT_EQ(options_of({"--max-payload", text}).payload_bytes_max, bytes) << text;
}

TEST(Options, TimesHaveUnits) {
  const std::vector<std::pair<std::string, std::chrono::milliseconds>> cases{
      {"1ms", 1ms},     {"500ms", 500ms}, {"30s", 30s}, {"30", 30s},  {"5m", 5min}, {"5M", 5min}, {"2h", 2h},
      {"8760h", 8760h}, {"0", 0ms},       {"0ms", 0ms}, {"off", 0ms}, {"OFF", 0ms}, {"007s", 7s},
  };
  for (const auto& [text, time] : cases) EXPECT_EQ(options_of({"--idle-timeout", text}).idle_timeout, time) << text;
}

TEST(Options, ABadValueIsNamed) {
  struct Case {
    std::string name;
    std::string text;
    std::string fault;
  };
  const std::string huge = "99999999999999999999999999";
  const std::string not_size = " is not a size such as 4096, 64KiB or 1MiB";
  const std::string size_range = " is not between 1KiB and 4294967295B";
  const std::string not_time = " is not a time such as 500ms, 30s, 5m, 2h or off";
  const std::string time_range = " is not off, nor between 1ms and 8760h";
  const std::string bad_path = " has quotes, backslashes or other characters that a file's name may not have here";
  const std::vector<Case> cases{
      {"shards", "0", "0 is not between 1 and 65536"},
      {"shards", "65537", "65537 is not between 1 and 65536"},
      {"shards", "-1", "-1 is not between 1 and 65536"},
      {"shards", "-0", "-0 is not between 1 and 65536"},
      {"shards", huge, huge + " is not between 1 and 65536"},
      {"shards", "-" + huge, "-" + huge + " is not between 1 and 65536"},
      {"shards", "many", "many is not a whole number"},
      {"shards", "+1", "+1 is not a whole number"},
      {"shards", "1x", "1x is not a whole number"},
      {"shards", "1.0", "1.0 is not a whole number"},
      {"shards", "0x10", "0x10 is not a whole number"},
      {"shards", " 1", " 1 is not a whole number"},
      {"shards", "-", "- is not a whole number"},
      {"shards", "1\n2", "1\\n2 is not a whole number"},
      {"shards", "\x1b[31m", "\\x1b[31m is not a whole number"},
      {"shards", std::string(70'000, '1'), std::string(100, '1') + "…(+69900 bytes) is not between 1 and 65536"},
      {"threads", "0", "0 is not between 1 and 512"},
      {"threads", "513", "513 is not between 1 and 512"},
      {"max-key-bytes", "0", "0 is not between 1 and 65535"},
      {"max-key-bytes", "65536", "65536 is not between 1 and 65535"},
      {"max-connections", "0", "0 is not between 1 and 1000000"},
      {"max-connections", "1000001", "1000001 is not between 1 and 1000000"},
      {"max-payload", "1023", "1023" + size_range},
      {"max-payload", "0", "0" + size_range},
      {"max-payload", "4294967296", "4294967296" + size_range},
      {"max-payload", "4GiB", "4GiB" + size_range},
      {"max-payload", huge, huge + size_range},
      {"max-payload", "18446744073709551615GiB", "18446744073709551615GiB" + size_range},
      {"max-payload", "17179869185GiB", "17179869185GiB" + size_range},  // 1 GiB, were it to wrap around
      {"max-payload", "-1", "-1" + not_size},
      {"max-payload", "KiB", "KiB" + not_size},
      {"max-payload", "1 KiB", "1 KiB" + not_size},
      {"max-payload", "1KiBx", "1KiBx" + not_size},
      {"max-payload", "1TiB", "1TiB" + not_size},
      {"max-payload", "1.5MiB", "1.5MiB" + not_size},
      {"request-timeout", "-1", "-1" + not_time},
      {"request-timeout", "ms", "ms" + not_time},
      {"request-timeout", "1d", "1d" + not_time},
      {"request-timeout", "1s5", "1s5" + not_time},
      {"request-timeout", "never", "never" + not_time},
      {"request-timeout", "8761h", "8761h" + time_range},
      {"idle-timeout", huge, huge + time_range},
      {"idle-timeout", "5124095576030432h", "5124095576030432h" + time_range},  // past 2^64 ms
      {"tcp-keepalive", "500ms", "500ms is not off, nor between 1s and 32767s"},
      {"tcp-keepalive", "1500ms", "1500ms is not a multiple of 1s"},
      {"tcp-keepalive", "32768", "32768 is not off, nor between 1s and 32767s"},
      {"data-dir", "a\"b", "a\\\"b" + bad_path},
      {"data-dir", "\xff", "\\xff" + bad_path},
      {"restore", "a'b", "a'b" + bad_path},
      {"fsync", "sometimes", "sometimes is not one of always, interval, never"},
      {"fsync", "Always", "Always is not one of always, interval, never"},
      {"fsync-interval-ms", "0", "0 is not between 1 and 60000"},
      {"fsync-interval-ms", "60001", "60001 is not between 1 and 60000"},
      {"fsync-interval-ms", "100ms", "100ms is not a whole number"},
      {"snapshot-interval-secs", "-1", "-1 is not between 0 and 31536000"},
      {"snapshot-interval-secs", "31536001", "31536001 is not between 0 and 31536000"},
      {"snapshot-interval-secs", huge, huge + " is not between 0 and 31536000"},
      {"snapshot-interval-secs", "off", "off is not a whole number"},
      {"snapshot-ops-threshold", huge, huge + " is not between 0 and 1000000000000000"},
      {"snapshot-ops-threshold", "1k", "1k is not a whole number"},
      {"snapshot-wal-bytes", "1025GiB", "1025GiB is not between 0 and 1024GiB"},
      {"snapshot-wal-bytes", "off", "off" + not_size},
      {"wal-segment-bytes", "0", "0 is not between 1MiB and 4GiB"},
      {"wal-segment-bytes", "1023KiB", "1023KiB is not between 1MiB and 4GiB"},
      {"wal-segment-bytes", "4294967297", "4294967297 is not between 1MiB and 4GiB"},
      {"snapshot-compression", "20", "20 is not between 0 and 19"},
      {"snapshot-compression", "-1", "-1 is not between 0 and 19"},
      {"log-level", "loud", "loud is not one of trace, debug, info, warn, error, off"},
      {"log-level", "INFO", "INFO is not one of trace, debug, info, warn, error, off"},
      {"slowlog-us", "3600000001", "3600000001 is not between 0 and 3600000000"},
      {"slowlog-us", "10ms", "10ms is not a whole number"},
      {"slowlog-length", "0", "0 is not between 1 and 65536"},
      {"log-format", "xml", "xml is not one of text, json"},
      {"log-file", "a\"b", "a\\\"b" + bad_path},
      {"log-file", "a'b", "a'b" + bad_path},
      {"log-file", "a\\b", "a\\\\b" + bad_path},
      {"log-file", "a\nb", "a\\nb" + bad_path},
      {"log-file", "\xff", "\\xff" + bad_path},
      {"otlp-endpoint", "https://a", "is not http://HOST[:PORT][/PATH]: it does not begin with http://"},
      {"otlp-endpoint", "http://a:0", "is not http://HOST[:PORT][/PATH]: its port is none"},
      {"otlp-endpoint", "http://u:secret@a", "is not http://HOST[:PORT][/PATH]: it has a user or a password"},
      {"otlp-sampling-ratio", "1.5", "1.5 is not between 0 and 1"},
      {"otlp-sampling-ratio", "-0.1", "-0.1 is not between 0 and 1"},
      {"otlp-sampling-ratio", "nan", "nan is not between 0 and 1"},
      {"otlp-sampling-ratio", "half", "half is not a number"},
      {"otlp-sampling-ratio", "1%", "1% is not a number"},
      {"bind", "localhost", "localhost is not HOST:PORT"},
      {"bind", "localhost:", "localhost: is not HOST:PORT"},
      {"bind", ":6380", ":6380 is not HOST:PORT"},
      {"bind", "6380", "6380 is not HOST:PORT"},
      {"bind", "localhost:http", "localhost:http is not HOST:PORT"},
      {"bind", "localhost:-1", "localhost:-1 is not HOST:PORT"},
      {"bind", "localhost:65536", "localhost:65536 has a port over 65535"},
      {"bind", "localhost:" + huge, "localhost:" + huge + " has a port over 65535"},
      {"bind", "local host:1", "local host:1 is not HOST:PORT"},
      {"bind", "[::1]", "[::1] is not HOST:PORT"},
      {"bind", "::1:6380", "::1:6380 is not HOST:PORT; an IPv6 address goes in brackets, as in [::1]:6380"},
      {"bind", "[]:1", "[]:1 has no IPv6 address in its brackets"},
      {"bind", "[localhost]:1", "[localhost]:1 has no IPv6 address in its brackets"},
      {"bind", "[127.0.0.1]:1", "[127.0.0.1]:1 has no IPv6 address in its brackets"},
      {"bind", "[fe80::1%a b]:1", "[fe80::1%a b]:1 has no IPv6 address in its brackets"},
      {"bind", "[:1", "[:1 is not HOST:PORT"},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name + " " + test.fault);
    EXPECT_EQ(fault_of({"--" + test.name, test.text}), "--" + test.name + ": " + test.fault);
    const std::string variable = variable_of(test.name);
    EXPECT_EQ(fault_of({}, {{variable, test.text}}), variable + ": " + test.fault);
    // A file can hold it too, unless TOML or the reader has no way to write it.
    if (test.text.find_first_of("\"'\\\n") != std::string::npos) continue;
    const test::TemporaryFolder folder;
    const std::string config = folder.write("kv.toml", "\n" + test.name + " = \"" + test.text + "\"\n");
    EXPECT_EQ(fault_of({"--config", config}), config + ":2: " + test.name + ": " + test.fault);
  }
}

TEST(Options, AnEmptyValueIsNamed) {
  for (const OptionCase& option : kOptions) {
    SCOPED_TRACE(option.name);
    if (option.name == "disable-persistence") {  // without a value it says yes
      EXPECT_EQ(fault_of({}, {{"KV_DISABLE_PERSISTENCE", ""}}), "KV_DISABLE_PERSISTENCE: \"\" is not true or false");
      continue;
    }
    EXPECT_EQ(fault_of({"--" + option.name}), "--" + option.name + ": needs a value");
    EXPECT_EQ(fault_of({"--" + option.name + "="}), "--" + option.name + ": needs a value");
    if (kGuards.contains(option.name)) continue;
    const std::set<std::string> kEmptyByDefault{"log-file", "data-dir", "restore",      "tls-cert",
                                                "tls-key",  "tls-ca",   "otlp-endpoint"};
    if (kEmptyByDefault.contains(option.name)) {
      const std::string line = printed_by({"--print-config", "--" + option.name, ""}, {{variable_of(option.name), ""}});
      EXPECT_THAT(line, HasSubstr("\n" + option.name + " = \"\"  # from flag\n"));
      continue;
    }
    EXPECT_THAT(fault_of({"--" + option.name, ""}), testing::StartsWith("--" + option.name + ": \"\" is not"));
    EXPECT_THAT(fault_of({}, {{variable_of(option.name), ""}}), testing::StartsWith(variable_of(option.name) + ": "));
  }
}

// An unset variable in a unit file must not open a server to everybody.
TEST(Options, AnEmptyPasswordOrFileOfUsersIsNotHavingNone) {
  const test::TemporaryFolder folder;
  const std::string fault = ": is empty; leave it out to let everybody in";
  for (const std::string& name : kGuards) {
    EXPECT_EQ(fault_of({"--" + name, ""}), "--" + name + fault);
    EXPECT_EQ(fault_of({}, {{variable_of(name), ""}}), variable_of(name) + fault);
    EXPECT_EQ(fault_of({"--" + name, "a"}, {{variable_of(name), ""}}), variable_of(name) + fault);
    const std::string config = folder.write("kv.toml", name + " = \"\"");
    EXPECT_EQ(fault_of({"--config", config}), config + ":1: " + name + fault);
    EXPECT_THAT(printed_by({"--print-config"}), HasSubstr("\n#" + name + " = \"\"  # default\n"));
  }
}

TEST(Options, OnlyListsTakeSeveralValues) {
  const test::TemporaryFolder folder;
  for (const OptionCase& option : kOptions) {
    if (option.name == "bind" || option.name == "tls-bind") continue;
    SCOPED_TRACE(option.name);
    const std::string& text = option.flag_texts.front();
    Arguments twice = flag(option, text);
    for (const std::string& argument : flag(option, text)) twice.push_back(argument);
    EXPECT_EQ(fault_of(twice), "--" + option.name + ": takes one value, not 2");
    const std::string config = folder.write("kv.toml", option.name + " = ['" + text + "', '" + text + "']");
    EXPECT_EQ(fault_of({"--config", config}), config + ":1: " + option.name + ": takes one value, not 2");
  }
  const std::string config = folder.write("empty.toml", "bind = []");
  EXPECT_EQ(fault_of({"--config", config}), config + ":1: bind: the list is empty");
  EXPECT_EQ(fault_of({"--config", folder.write("none.toml", "tls-bind = []")}), "no fault") << "as it is by default";
}

TEST(Options, CommasSeparateTheListOfAVariableOnly) {
  const std::vector<Address> both{{"a", 1}, {"::1", 2}};
  EXPECT_EQ(options_of({}, {{"KV_BIND", "a:1,[::1]:2"}}).binds, both);
  EXPECT_EQ(options_of({}, {{"KV_BIND", " a:1 , [::1]:2 "}}).binds, both);
  EXPECT_EQ(options_of({}, {{"KV_BIND", "a:1,[::1]:2,"}}).binds, both);
  EXPECT_EQ(fault_of({}, {{"KV_BIND", ",a:1"}}), "KV_BIND: \"\" is not HOST:PORT");
  EXPECT_EQ(fault_of({"--bind", "a:1,b:2"}),
            "--bind: a:1,b:2 is not HOST:PORT; an IPv6 address goes in brackets, as in [::1]:6380");
}

TEST(Options, WhatIsGivenMustBeValidEvenWhereItLoses) {
  const test::TemporaryFolder folder;
  const std::string config = folder.write("kv.toml", "shards = 0");
  EXPECT_EQ(fault_of({"--shards", "1", "--config", config}), config + ":1: shards: 0 is not between 1 and 65536");
  EXPECT_EQ(fault_of({"--shards", "1"}, {{"KV_SHARDS", "0"}}), "KV_SHARDS: 0 is not between 1 and 65536");
}

TEST(Options, AnUnknownOptionIsNamedAndAWordTooManyCounted) {
  for (const std::string argument : {"--shard", "-x", "--"}) {
    EXPECT_EQ(fault_of({argument}), "unknown option " + argument + "; --help lists the options");
  }
  for (const std::string argument : {"serve", "-", ""}) {
    EXPECT_EQ(fault_of({argument}), "1 argument too many; --help lists the options");
  }
  EXPECT_NE(fault_of({"--check-config=maybe"}), "no fault");
}

TEST(Options, AnUnknownKeyIsNamedWithItsFile) {
  const test::TemporaryFolder folder;
  for (const std::string key : {"shard", "Shards", "max_payload", "config", "check-config", "print-config", "version",
                                "help", "print-commands", "s", "KV_SHARDS", "--shards", "--"}) {
    const std::string config = folder.write("kv.toml", "shards = 1\n" + key + " = 1\n");
    EXPECT_EQ(fault_of({"--config", config}), config + ":2: unknown key " + key);
  }
}

TEST(Options, AFaultOfTheFileIsOneLine) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(fault_of({"--config", folder.path()}), folder.path() + ": can't be read: Is a directory");
  EXPECT_EQ(fault_of({"--config", "/no/such"}), "/no/such: can't be read: No such file or directory");
  EXPECT_EQ(fault_of({"--config", ""}), "\"\": can't be read: No such file or directory");
  EXPECT_EQ(fault_of({"--config"}), "--config: needs a value");
  EXPECT_EQ(fault_of({"--config", "a", "--config", "b"}), "--config: takes one value, not 2");
  const std::string config = folder.write("kv.toml", "shards 1\n");
  EXPECT_THAT(fault_of({"--config", config}), testing::StartsWith(config + ":1: not `key = value`"));
}

TEST(Options, TheFileCanBeNamedInTheEnvironment) {
  const test::TemporaryFolder folder;
  const std::string seven = folder.write("seven.toml", "shards = 7");
  const std::string eight = folder.write("eight.toml", "shards = 8");
  const Options options = options_of({}, {{"KV_CONFIG", seven}});
  EXPECT_EQ(options.shards, 7U);
  EXPECT_THAT(options.warnings, IsEmpty());
  EXPECT_EQ(options_of({"--config", eight}, {{"KV_CONFIG", seven}}).shards, 8U);
}

TEST(Options, AnUnknownVariableIsAWarning) {
  const Environment environment{{"KV_SHARD", "7"}, {"KV_PORT", "tcp://10.0.0.1:80"}, {"KV_SHARDS", "9"}};
  const Options options = options_of({}, environment);
  EXPECT_EQ(options.shards, 9U);
  EXPECT_THAT(options.warnings,
              ElementsAre("unknown environment variable KV_PORT", "unknown environment variable KV_SHARD"));
}

TEST(Options, OnlyVariablesThatStartWithKvAreTaken) {
  ASSERT_EQ(::setenv("KV_OPTIONS_TEST", "a=b", 1), 0);
  ASSERT_EQ(::setenv("XKV_OPTIONS_TEST", "1", 1), 0);
  const Environment found = kv_environment();
  ::unsetenv("KV_OPTIONS_TEST");
  ::unsetenv("XKV_OPTIONS_TEST");
  ASSERT_TRUE(found.contains("KV_OPTIONS_TEST"));
  EXPECT_EQ(found.at("KV_OPTIONS_TEST"), "a=b");
  for (const auto& [name, value] : found) EXPECT_TRUE(name.starts_with("KV_")) << name;
}

TEST(Options, CheckConfigSaysSoOrWhatIsWrong) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(printed_by({"--check-config"}), "configuration is valid\n");
  const std::string config = folder.write("kv.toml", "shards = 7\nbind = ['[::]:1']");
  EXPECT_EQ(printed_by({"--check-config", "--config", config}), "configuration is valid\n");
  EXPECT_EQ(fault_of({"--check-config", "--shards", "0"}), "--shards: 0 is not between 1 and 65536");
}

TEST(Options, WhatPrintConfigPrintsIsAConfigurationFile) {
  const test::TemporaryFolder folder;
  Arguments arguments{"--print-config"};
  for (const OptionCase& option : kOptions) {
    if (option.name == "password") continue;  // what is printed instead of it is refused
    const Arguments given = flags(option);
    arguments.insert(arguments.end(), given.begin(), given.end());
  }
  for (const Arguments& given : {Arguments{"--print-config"}, arguments}) {
    const std::vector<std::string> first = lines_of(printed_by(given));
    const std::string config = folder.write("kv.toml", printed_by(given));
    const std::vector<std::string> second = lines_of(printed_by({"--print-config", "--config", config}));
    ASSERT_EQ(first.size(), second.size());
    for (std::size_t line = 0; line < first.size(); ++line) {
      if (first[line].starts_with('#')) {  // not given, in the file neither
        EXPECT_EQ(second[line], first[line]);
        continue;
      }
      const std::size_t comment = first[line].rfind("  # ");
      EXPECT_EQ(second[line], first[line].substr(0, comment) + "  # from " + config);
    }
  }
}

TEST(Options, ASecretIsNotPrinted) {
  EXPECT_EQ(to_string(ConfigLine{
                .name = "password", .values = {"open sesame"}, .source = "from flag", .quoted = true, .secret = true}),
            "password = \"***\"  # from flag\n");
  EXPECT_EQ(
      to_string(ConfigLine{.name = "codes", .values = {"1", "2"}, .source = "default", .list = true, .secret = true}),
      "codes = [\"***\", \"***\"]  # default\n");
  EXPECT_EQ(to_string(ConfigLine{.name = "shards", .values = {"1"}, .source = "default"}), "shards = 1  # default\n");
}

TEST(Options, APasswordIsNeverInAMessage) {
  EXPECT_EQ(fault_of({"--password", std::string(1'025, 's')}), "--password: is over 1024 bytes");
  EXPECT_EQ(fault_of({"--password", "***"}), "--password: *** is what is shown instead of a password, not one");
  EXPECT_EQ(fault_of({"--pasword=sesame"}), "unknown option --pasword; --help lists the options");
  EXPECT_EQ(fault_of({"--password", "open", "sesame"}), "1 argument too many; --help lists the options");
  EXPECT_EQ(fault_of({"-psesame"}), "unknown option -p; --help lists the options");
  EXPECT_EQ(options_of({"--password", "sesame"}).access.password, "sesame");
}

TEST(Options, UsersComeFromOnePlace) {
  EXPECT_EQ(fault_of({"--password", "a", "--password-file", "b"}),
            "--password-file: can't be given together with --password");
  for (const char* password : {"--password", "--password-file"}) {
    EXPECT_THAT(fault_of({"--acl-file", "a", password, "b"}),
                testing::StartsWith("--acl-file: can't be given together"));
  }
}

TEST(Options, VersionAndHelpWinOverEverythingElse) {
  EXPECT_EQ(printed_by({"--version"}), "kv-server " KV_VERSION "\n");
  EXPECT_EQ(printed_by({"--version", "--shards", "0"}), "kv-server " KV_VERSION "\n");
  EXPECT_THAT(printed_by({"-h", "--config", "/no/such"}), HasSubstr("Usage: kv-server [OPTIONS]"));
}

TEST(Options, HelpNamesEveryOptionAndFitsATerminal) {
  const std::string help = printed_by({"--help"});
  for (const OptionCase& option : kOptions) {
    EXPECT_THAT(
        help, HasSubstr("\n  " + (option.letter.empty() ? "" : "-" + option.letter + ",") + "--" + option.name + " "));
  }
  for (const char* action :
       {"--config FILE", "--check-config", "--print-config", "--print-commands", "--version", "-h,--help"}) {
    EXPECT_THAT(help, HasSubstr(std::string("\n  ") + action + " "));
  }
  for (const char* word : {"log file", "certificates", "users"}) {
    EXPECT_THAT(help.substr(help.find("SIGHUP  "), 130), HasSubstr(word));
  }
  for (const std::string& line : lines_of(help)) EXPECT_LE(line.size(), 80U) << line;
}

TEST(Options, AddressesAreWrittenAsTheyAreRead) {
  EXPECT_EQ(to_string(Address{"127.0.0.1", 6380}), "127.0.0.1:6380");
  EXPECT_EQ(to_string(Address{"::1", 0}), "[::1]:0");
  EXPECT_EQ(to_string(Address{"example.org", 65'535}), "example.org:65535");
}

}  // namespace
}  // namespace kv::server
