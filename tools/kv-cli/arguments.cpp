#include "kv-cli/arguments.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <vector>

#include <CLI/CLI.hpp>

#include "kv/base/limits.hpp"
#include "kv/base/utf8.hpp"
#include "kv/client/payload.hpp"
#include "kv/client/value_text.hpp"
#include "kv/value/build.hpp"

#include "kv-cli/duration.hpp"

namespace kv::cli {
namespace {

using protocol::Field;
using Words = std::vector<std::string>;

constexpr std::size_t kBatchMax = 65'535;
constexpr const char* kTtlOperand = "TTL";  // EXPIRE is about the ttl, so there it is no flag
constexpr const char* kTtlHelp = "How long the key shall live: 500ms, 30s, 5m, 12h, 7d";

// Builds a payload from the words that were given for its fields; stops at the first fault.
class PayloadBuilder {
 public:
  PayloadBuilder(const CLI::App& app, const CommandRow& row) : app_(app), row_(row), answer_(row.answer) {}

  void append(Field field);
  Outcome<Call> call() &&;

  // One for each row of kFieldArguments. There are no words where none were given.
  void append_name(const Words& words);
  void append_key_rest(const Words& words) { payload_.raw(key(words[0])); }
  void append_ttl(const Words& words) { payload_.u64(duration(words)); }
  void append_delta(const Words& words) { payload_.u64(integer<std::int64_t>(words, 1)); }
  void append_wait(const Words& words) { payload_.u64(wait_ms_ = duration(words)); }
  void append_value(const Words& words) { payload_.raw(value(words[0])); }
  void append_keys(const Words& words);
  void append_pairs(const Words& words);
  void append_count(const Words& words) { payload_.u32(integer<std::uint32_t>(words, kScanCount)); }
  void append_mode(const Words& words);
  void append_folder(const Words&) {}  // that of a backup, which is a command of its own (backup.hpp)
  void append_rest(const Words& words);

 private:
  static constexpr std::uint32_t kScanCount = 1'000;  // fewer round trips than the server's own default

  Words words_of(const std::string& name) const;
  std::string key(ByteView word);
  std::string value(ByteView word);
  std::uint64_t duration(const Words& words);
  template <typename T>
  std::make_unsigned_t<T> integer(const Words& words, T absent);
  void fail(std::string message) {
    if (!failure_) failure_ = usage(std::move(message));
  }

  const CLI::App& app_;
  const CommandRow& row_;
  Answer answer_;
  client::Payload payload_;
  std::uint64_t wait_ms_ = 0;
  std::optional<Failure> failure_;
};

// How each field is given on the command line.
struct FieldArgument {
  enum class Use { kNone, kOne, kOptional, kMany, kFlag, kSwitch };

  Field field;
  const char* name;
  Use use;
  void (PayloadBuilder::*append)(const Words& words);
  const char* help;
};

using Use = FieldArgument::Use;
using Builder = PayloadBuilder;

constexpr FieldArgument kFieldArguments[] = {
    {Field::kKey, "KEY", Use::kOne, &Builder::append_name, "The key, as it stands or in double quotes with escapes"},
    {Field::kKeyRest, "KEY", Use::kOne, &Builder::append_key_rest,
     "The key, as it stands or in double quotes with escapes"},
    {Field::kOwner, "OWNER", Use::kOne, &Builder::append_name, "Who holds the lock"},
    {Field::kTtl, "--ttl", Use::kFlag, &Builder::append_ttl, kTtlHelp},
    {Field::kDelta, "DELTA", Use::kOptional, &Builder::append_delta, "By how much; 1 if not given"},
    {Field::kWait, "--wait", Use::kFlag, &Builder::append_wait, "How long to wait for the lock, such as 30s"},
    {Field::kExpected, "EXPECTED", Use::kOne, &Builder::append_value, "The value expected; null for an absent key too"},
    {Field::kValue, "VALUE", Use::kOne, &Builder::append_value, "The value"},
    {Field::kKeys, "KEYS", Use::kMany, &Builder::append_keys, "The keys"},
    {Field::kPairs, "KEYS-AND-VALUES", Use::kMany, &Builder::append_pairs, "Keys and values, in turn"},
    {Field::kCount, "--count", Use::kFlag, &Builder::append_count, "Entries the server looks at in one step; 1000"},
    {Field::kPattern, "PATTERN", Use::kOptional, &Builder::append_name, "Only keys like this: * ? [a-z] [^a] and \\"},
    {Field::kMode, "--background", Use::kSwitch, &Builder::append_mode, "Don't wait until it is done"},
    {Field::kFolder, "", Use::kNone, &Builder::append_folder, ""},
    {Field::kRest, "TEXT", Use::kOptional, &Builder::append_rest, "What to send"},
};

// nullptr for a field that the user doesn't give: SCAN's cursor.
const FieldArgument* find_argument(Field field) {
  const auto* row = std::ranges::find(kFieldArguments, field, &FieldArgument::field);
  return row == std::end(kFieldArguments) ? nullptr : row;
}

void PayloadBuilder::append(Field field) {
  const FieldArgument* argument = find_argument(field);
  if (argument == nullptr) {
    payload_.u64(0);  // the cursor to start with
    return;
  }
  (this->*argument->append)(argument->use == Use::kNone ? Words{} : words_of(argument->name));
}

Outcome<Call> PayloadBuilder::call() && {
  if (failure_) return *std::move(failure_);
  return Call{&row_, payload_.bytes(), answer_, wait_ms_};
}

Words PayloadBuilder::words_of(const std::string& name) const {
  const CLI::Option* option = app_.get_option_no_throw(name);
  if (option == nullptr) option = app_.get_option(kTtlOperand);
  Words words;
  for (const std::string& word : option->results()) words.push_back(read_word(word));
  return words;
}

void PayloadBuilder::append_name(const Words& words) {
  payload_.key(words.empty() ? "" : key(words[0]));
}

void PayloadBuilder::append_keys(const Words& words) {
  if (words.size() > kBatchMax) return fail("at most 65,535 keys go into one command");
  payload_.u16(static_cast<std::uint16_t>(words.size()));
  for (const std::string& word : words) payload_.key(key(word));
}

void PayloadBuilder::append_pairs(const Words& words) {
  if (words.size() % 2 != 0) return fail("the last key has no value");
  if (words.size() / 2 > kBatchMax) return fail("at most 65,535 keys go into one command");
  payload_.u16(static_cast<std::uint16_t>(words.size() / 2));
  append(Field::kTtl);
  for (std::size_t i = 0; i < words.size(); i += 2) payload_.key(key(words[i])).raw(value(words[i + 1]));
}

void PayloadBuilder::append_rest(const Words& words) {
  if (!words.empty()) payload_.raw(words[0]);
}

// What goes on in the background answers at once, with nothing.
void PayloadBuilder::append_mode(const Words& words) {
  using protocol::SnapshotMode;
  const bool background = !words.empty();
  if (background) answer_ = Answer::kNothing;
  wait_ms_ = background ? 0 : static_cast<std::uint64_t>(kSnapshotTimeMax.count());
  const char mode = static_cast<char>(background ? SnapshotMode::kBackground : SnapshotMode::kWait);
  payload_.raw({&mode, 1});
}

std::string PayloadBuilder::key(ByteView word) {
  auto key = client::parse_key(word);
  if (!key) fail(key.error().message);
  if (key && key->size() > kKeyBytesMax) fail("a key, owner or pattern is over 65,535 bytes");
  return failure_ ? "" : *std::move(key);
}

std::string PayloadBuilder::value(ByteView word) {
  if (app_.count("--text") > 0) {
    if (!is_utf8(word)) fail("a value is not valid UTF-8; what isn't text is written as 0x…, without --text");
    return value::encode_string(word);
  }
  auto value = client::parse_value(word);
  if (!value) fail(value.error().message);
  return failure_ ? "" : *std::move(value);
}

std::uint64_t PayloadBuilder::duration(const Words& words) {
  if (words.empty()) return 0;
  const auto duration = parse_duration(words[0]);
  if (!duration) fail(duration.error().message);
  return duration ? *duration : 0;
}

template <typename T>
std::make_unsigned_t<T> PayloadBuilder::integer(const Words& words, T absent) {
  if (words.empty()) return static_cast<std::make_unsigned_t<T>>(absent);
  const std::string& word = words[0];
  T number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) fail(client::print_key(word) + " is no such number");
  return static_cast<std::make_unsigned_t<T>>(number);
}

void add_argument(CLI::App& app, const FieldArgument& argument, const char* name) {
  if (argument.use == Use::kNone) return;
  if (argument.use == Use::kSwitch) {
    app.add_flag(name)->description(argument.help);
    return;
  }
  CLI::Option* option = app.add_option(name)->description(argument.help);
  if (argument.use == Use::kOne || argument.use == Use::kMany) option->required();
  if (argument.use == Use::kMany) option->expected(-1);  // one or more
  if (argument.use == Use::kFlag) option->type_name(argument.field == Field::kCount ? "NUMBER" : "TIME");
}

}  // namespace

void add_arguments(CLI::App& app, const CommandRow& row) {
  for (const Field field : row.shape.fields) {
    const FieldArgument* argument = find_argument(field);
    if (argument == nullptr) continue;
    if (field == Field::kTtl && row.byte == protocol::Command::kExpire) {
      app.add_option(kTtlOperand)->description(std::string(kTtlHelp) + "; 0 deletes it")->required();
    } else {
      add_argument(app, *argument, argument->name);
    }
  }
  if (row.shape.has(Field::kPairs)) app.add_option("--ttl")->description(kTtlHelp)->type_name("TIME");
  if (row.shape.has(Field::kValue) || row.shape.has(Field::kPairs)) {
    app.add_flag("--text")->description("Take every value as text, as it stands");
  }
}

Outcome<Call> read_arguments(const CLI::App& app, const CommandRow& row) {
  PayloadBuilder builder(app, row);
  for (const Field field : row.shape.fields) {
    if (field == Field::kEnd) break;
    builder.append(field);
  }
  return std::move(builder).call();
}

namespace {
constexpr char kShield = '\x01';
}

std::string shielded(std::string word) {
  const bool misread =
      word.starts_with('[') || word.starts_with("-.") || word == "-inf" || word == "++" || word.starts_with(kShield);
  return misread ? kShield + word : word;
}

std::string read_word(const std::string& word) {
  return word.starts_with(kShield) ? word.substr(1) : word;
}

}  // namespace kv::cli
