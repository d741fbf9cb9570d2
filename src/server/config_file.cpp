#include "server/config_file.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>

#include "kv/base/limits.hpp"

#include "server/option_kinds.hpp"

namespace kv::server {
namespace {

Error bad(std::string message) {
  return Error{Errc::kArgument, std::move(message)};
}

Result<std::string> read_file(const std::string& path) {
  const auto cant_read = [&](int code) {
    return bad(shown(path) + ": can't be read: " + std::generic_category().message(code));
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return cant_read(EISDIR);
  std::ifstream in(path, std::ios::binary);
  if (!in) return cant_read(errno);
  std::string text;
  char chunk[4096];
  while (in.read(chunk, sizeof(chunk)), in.gcount() > 0) {
    text.append(chunk, static_cast<std::size_t>(in.gcount()));
    if (text.size() > kConfigFileBytesMax) return bad(shown(path) + ": is over 1 MiB");
  }
  if (in.bad()) return cant_read(EIO);
  return text;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}
bool is_quote(char c) {
  return c == '"' || c == '\'';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_key_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

// Without the comment at its end and the blanks around it.
ByteView strip(ByteView line) {
  char quote = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (quote != 0) {
      if (line[at] == quote) quote = 0;
    } else if (is_quote(line[at])) {
      quote = line[at];
    } else if (line[at] == '#') {
      line = line.substr(0, at);
    }
  }
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
  return line;
}

// Checks that a statement is `key = value` as TOML writes it, and makes the form of it that CLI11's reader (2.1.2)
// can't misread. That reader takes most things for something: half a string, a list without its end, two keys in a row.
class Statement {
 public:
  explicit Statement(ByteView text) : rest_(text) { well_formed_ = take_statement() && rest_.empty(); }

  bool well_formed() const { return well_formed_; }
  const std::string& normal_form() const { return normal_; }

 private:
  bool take_statement() {
    if (!take_run(is_key_character) || !take('=')) return false;
    return take('[') ? take_rest_of_list() : take_value();
  }
  bool take_rest_of_list() {
    while (take_value()) {
      if (!take(',')) break;
    }
    return take(']');
  }
  bool take_value() {
    skip_blanks();
    if (rest_.empty()) return false;
    if (is_quote(rest_.front())) return take_string();
    for (const ByteView word : {"true", "false"}) {
      if (rest_.starts_with(word)) return append(word.size());
    }
    if (rest_.front() == '-' || rest_.front() == '+') append(1);
    return take_run(is_digit);
  }
  // The reader knows no escapes, and takes away quotes inside quotes.
  bool take_string() {
    const std::size_t end = rest_.find(rest_.front(), 1);
    if (end == rest_.npos || rest_.substr(1, end - 1).find_first_of("\"'\\") != rest_.npos) return false;
    return append(end + 1);
  }
  bool take_run(bool (*belongs)(char)) {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), belongs);
    return append(static_cast<std::size_t>(end - rest_.begin()));
  }
  bool take(char wanted) {
    skip_blanks();
    return rest_.starts_with(wanted) && append(1);
  }
  bool append(std::size_t size) {
    normal_ += rest_.substr(0, size);
    rest_.remove_prefix(size);
    return size != 0;
  }
  void skip_blanks() {
    while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
  }

  ByteView rest_;
  std::string normal_;
  bool well_formed_ = false;
};

bool is_open_list(ByteView statement) {
  const std::size_t equals = statement.find('=');
  return equals != statement.npos && strip(statement.substr(equals + 1)).starts_with('[') && !statement.ends_with(']');
}

// What a message may say of a statement: not its value, which may be a secret.
std::string beginning_of(ByteView statement) {
  const std::size_t end = statement.find_first_of("=\"'[{");
  if (end == statement.npos) return shown(statement);
  return shown(statement.substr(0, end + 1)) + "…";
}

// Lets CLI11's reader take the statement apart.
Result<ConfigEntry> read_statement(const std::string& text, std::size_t line) {
  const Statement statement(text);
  if (!statement.well_formed()) {
    return bad("not `key = value`, the value a \"string\", a whole number, true, false or a list of these: " +
               beginning_of(text));
  }
  CLI::ConfigTOML reader;
  reader.comment('\n');  // the comments are gone, so a `#` belongs to a string
  std::istringstream in(statement.normal_form());
  CLI::ConfigItem item = reader.from_config(in).at(0);
  return ConfigEntry{line, std::move(item.name), std::move(item.inputs)};
}

}  // namespace

Result<std::vector<ConfigEntry>> load_config(const std::string& path) {
  const Result<std::string> text = read_file(path);
  if (text.has_error()) return text.error();

  std::vector<ConfigEntry> entries;
  std::string statement;  // grows over the lines of a list
  std::size_t begin = 0;
  const auto bad_statement = [&](const std::string& what) {
    return bad(shown(path) + ":" + std::to_string(begin) + ": " + what);
  };
  std::istringstream in(*text);
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const ByteView code = strip(line);
    if (code.empty()) continue;
    if (statement.empty()) begin = number;
    if (statement.empty() && code.front() == '[') return bad_statement("unknown section " + shown(code));
    (statement += statement.empty() ? "" : " ") += code;
    if (is_open_list(statement)) continue;
    Result<ConfigEntry> entry = read_statement(std::exchange(statement, {}), begin);
    if (entry.has_error()) return bad_statement(entry.error().message);
    const auto same_key = [&](const ConfigEntry& other) { return other.key == entry->key; };
    if (std::any_of(entries.begin(), entries.end(), same_key)) return bad_statement(entry->key + " is set twice");
    entries.push_back(std::move(*entry));
  }
  if (!statement.empty()) return bad_statement("a list without its end: " + beginning_of(statement));
  return entries;
}

}  // namespace kv::server
