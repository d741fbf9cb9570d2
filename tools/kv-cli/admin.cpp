#include "kv-cli/admin.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kv/base/limits.hpp"
#include "kv/base/utf8.hpp"
#include "kv/client/payload.hpp"
#include "kv/protocol/request.hpp"

#include "kv-cli/duration.hpp"
#include "kv-cli/whole_number.hpp"

namespace kv::cli {
namespace {

using client::Payload;
using protocol::Command;

std::string call_byte(auto call) {
  return {static_cast<char>(call)};
}

// `config` ------------------------------------------------------------------------------------------------------------

constexpr CommandRow kConfigGet{Command::kConfig, "config", {}, Answer::kSettings, ""};
constexpr CommandRow kConfigSet{Command::kConfig, "config", {}, Answer::kNothing, ""};
constexpr std::size_t kTextBytesMax = 65'535;
constexpr std::size_t kSettingsMax = 65'535;

void add_config(CLI::App& app) {
  CLI::App* config = app.add_subcommand("config", "Print the server's settings, or change some while it runs");
  config->require_subcommand(1)->fallthrough()->ignore_case();
  config->add_subcommand("get", "Print the settings, or those like a pattern, and which can change while it runs")
      ->add_option("PATTERN", "Only names like this: * ? [a-z] [^a] and \\")
      ->type_name("");
  config->add_subcommand("set", "Change settings, all of them or none; a restart forgets that")
      ->add_option("NAME_VALUE", "Settings and their values, as flags of kv-server have them: log-level debug")
      ->required()
      ->expected(-1)
      ->type_name("NAME VALUE ...");
}

Outcome<Call> read_config(const CLI::App& call) {
  if (call.get_name() == "get") {
    const auto* pattern = call.get_option("PATTERN");
    const std::string text = pattern->count() == 0 ? "*" : read_word(pattern->as<std::string>());
    if (text.size() > kTextBytesMax) return usage("the pattern is too long");
    return Call{&kConfigGet, Payload().raw(call_byte(protocol::ConfigCall::kGet)).key(text).bytes(), kConfigGet.answer};
  }
  const std::vector<std::string> words = call.get_option("NAME_VALUE")->results();
  if (words.size() % 2 != 0) return usage("config set takes names and values in turn");
  if (words.size() / 2 > kSettingsMax) return usage("config set takes at most 65,535 settings at a time");
  Payload payload;
  payload.raw(call_byte(protocol::ConfigCall::kSet)).u16(static_cast<std::uint16_t>(words.size() / 2));
  for (const std::string& word : words) {
    const std::string text = read_word(word);
    if (text.size() > kTextBytesMax) return usage("a setting is too long");
    payload.key(text);
  }
  return Call{&kConfigSet, payload.bytes(), kConfigSet.answer};
}

// `memory`, `bigkeys` and `hotkeys`
// ----------------------------------------------------------------------------------------------

constexpr CommandRow kMemoryUsage{Command::kMemory, "memory", {}, Answer::kCount64, ""};
constexpr CommandRow kBigKeys{Command::kKeys, "bigkeys", {}, Answer::kBigKeys, ""};

void add_memory(CLI::App& app) {
  CLI::App* memory = app.add_subcommand("memory", "Tell what memory a key takes");
  memory->require_subcommand(1)->fallthrough()->ignore_case();
  memory->add_subcommand("usage", "Print the bytes that a key takes, with its value and its part of the table")
      ->add_option("KEY", "The key")
      ->required();
  CLI::App* bigkeys = app.add_subcommand("bigkeys", "Print the keys that take the most memory");
  bigkeys->add_option("--count", "How many; 10 if not given")->check(CLI::Range(1U, kBigKeysMax))->type_name("N");
  bigkeys->add_option("--samples", "Look at so many keys only, instead of all")
      ->check(whole_number_from(1))
      ->type_name("N");
}

template <typename T>
T number(const CLI::App& command, const std::string& option) {
  const auto* given = command.get_option(option);
  return given->count() == 0 ? T{0} : given->as<T>();
}

constexpr CommandRow kHotKeys{Command::kKeys, "hotkeys", {}, Answer::kHotKeys, ""};
constexpr std::uint64_t kHotKeysTimeMs = 1'000;

void add_hotkeys(CLI::App& app) {
  CLI::App* hotkeys = app.add_subcommand("hotkeys", "Print the keys that are read and written most, from now on");
  hotkeys->add_option("--count", "How many; 10 if not given")->check(CLI::Range(1U, kHotKeysMax))->type_name("N");
  hotkeys->add_option("--for", "How long to watch, a minute at most; 1s if not given")->type_name("TIME");
}

Outcome<Call> read_hotkeys(const CLI::App& hotkeys) {
  std::uint64_t time_ms = kHotKeysTimeMs;
  if (const auto* given = hotkeys.get_option("--for"); given->count() != 0) {
    const auto time = parse_duration(given->as<std::string>());
    if (!time || *time == 0 || std::chrono::milliseconds(*time) > kHotKeysTimeMax) {
      return usage("--for takes a time such as 500ms or 30s, a minute at most");
    }
    time_ms = *time;
  }
  const auto payload =
      Payload().raw(call_byte(protocol::KeysCall::kHot)).u32(number<std::uint32_t>(hotkeys, "--count")).u64(time_ms);
  return Call{&kHotKeys, payload.bytes(), kHotKeys.answer, time_ms};
}

Outcome<Call> read_memory(const CLI::App& usage_of) {
  const std::string key = read_word(usage_of.get_option("KEY")->as<std::string>());
  if (key.empty() || key.size() > kKeyBytesMax || !is_utf8(key)) return usage("a key is 1 to 65,535 bytes of UTF-8");
  return Call{&kMemoryUsage, Payload().raw(std::string(1, '\0')).raw(key).bytes(), kMemoryUsage.answer};
}

Outcome<Call> read_bigkeys(const CLI::App& bigkeys) {
  const auto payload = Payload()
                           .raw(call_byte(protocol::KeysCall::kBig))
                           .u32(number<std::uint32_t>(bigkeys, "--count"))
                           .u64(number<std::uint64_t>(bigkeys, "--samples"));
  return Call{&kBigKeys, payload.bytes(), kBigKeys.answer};
}

// `latency` -----------------------------------------------------------------------------------------------------------

constexpr CommandRow kLatency{Command::kLatency, "latency", {}, Answer::kLatency, ""};
constexpr CommandRow kLatencyReset{Command::kLatency, "latency", {}, Answer::kNothing, ""};

void add_latency(CLI::App& app) {
  app.add_subcommand("latency", "Print how long the server takes for each command, in microseconds")
      ->add_flag("--reset")
      ->description("Begin anew instead");
}

Outcome<Call> read_latency(const CLI::App& latency) {
  if (latency.get_option("--reset")->count() != 0) {
    return Call{&kLatencyReset, call_byte(protocol::LatencyCall::kReset), kLatencyReset.answer};
  }
  return Call{&kLatency, call_byte(protocol::LatencyCall::kGet), kLatency.answer};
}

// `slowlog` -----------------------------------------------------------------------------------------------------------

constexpr CommandRow kSlowlogGet{Command::kSlowlog, "slowlog", {}, Answer::kSlowlog, ""};
constexpr CommandRow kSlowlogLen{Command::kSlowlog, "slowlog", {}, Answer::kCount64, ""};
constexpr CommandRow kSlowlogReset{Command::kSlowlog, "slowlog", {}, Answer::kNothing, ""};

void add_slowlog(CLI::App& app) {
  CLI::App* slowlog = app.add_subcommand("slowlog", "Print the last requests that took long, or forget them");
  slowlog->require_subcommand(1)->fallthrough()->ignore_case();
  slowlog->add_subcommand("get", "Print the last ones, the newest first")
      ->add_option("--count", "How many; 10 if not given")
      ->check(CLI::Range(std::size_t{1}, kSlowlogLengthMax))
      ->type_name("N");
  slowlog->add_subcommand("len", "Print how many there are");
  slowlog->add_subcommand("reset", "Forget them all");
}

Outcome<Call> read_slowlog(const CLI::App& call) {
  using protocol::SlowlogCall;
  if (call.get_name() == "len") return Call{&kSlowlogLen, call_byte(SlowlogCall::kLen), kSlowlogLen.answer};
  if (call.get_name() == "reset") return Call{&kSlowlogReset, call_byte(SlowlogCall::kReset), kSlowlogReset.answer};
  const auto payload = Payload().raw(call_byte(SlowlogCall::kGet)).u32(number<std::uint32_t>(call, "--count"));
  return Call{&kSlowlogGet, payload.bytes(), kSlowlogGet.answer};
}

// All of them ---------------------------------------------------------------------------------------------------------

// Of a command with calls, what was given is the call.
const CLI::App& call_of(const CLI::App& command) {
  return *command.get_subcommands().front();
}

struct Reader {
  const char* name;
  Outcome<Call> (*read)(const CLI::App& command);
};

constexpr Reader kReaders[] = {
    {"config", [](const CLI::App& command) { return read_config(call_of(command)); }},
    {"latency", read_latency},
    {"memory", [](const CLI::App& command) { return read_memory(call_of(command)); }},
    {"bigkeys", read_bigkeys},
    {"hotkeys", read_hotkeys},
    {"slowlog", [](const CLI::App& command) { return read_slowlog(call_of(command)); }},
};

}  // namespace

void add_admin(CLI::App& app) {
  add_config(app);
  add_latency(app);
  add_memory(app);
  add_hotkeys(app);
  add_slowlog(app);
}

bool is_admin(const CLI::App& command) {
  return std::ranges::find(kReaders, command.get_name(), &Reader::name) != std::end(kReaders);
}

Outcome<Call> read_admin(const CLI::App& command) {
  return std::ranges::find(kReaders, command.get_name(), &Reader::name)->read(command);
}

}  // namespace kv::cli
