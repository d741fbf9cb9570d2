#include "kv-cli/table.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include <boost/json.hpp>

#include "kv/base/limits.hpp"
#include "kv/client/value_text.hpp"

#include "kv-cli/utc.hpp"

namespace kv::cli {
namespace {

namespace json = boost::json;

// How a member is written.
enum class Form { kPlain, kKey, kTtl, kTime, kTook, kLive };

struct Column {
  const char* head;
  const char* member;
  Form form = Form::kPlain;
};

struct Table {
  Answer answer;
  const char* list;  // the member of the document that has the items
  std::span<const Column> columns;
};

constexpr Column kSettingColumns[] = {{"SETTING", "name"}, {"CHANGES", "live", Form::kLive}, {"VALUE", "value"}};
constexpr Column kBigKeyColumns[] = {
    {"BYTES", "bytes"}, {"TYPE", "type"}, {"TTL", "ttl_ms", Form::kTtl}, {"KEY", "key", Form::kKey}};

constexpr Column kHotKeyColumns[] = {{"READS", "reads"}, {"WRITES", "writes"}, {"KEY", "key", Form::kKey}};

constexpr Column kSlowlogColumns[] = {{"ID", "id"},
                                      {"TIME", "time_ms", Form::kTime},
                                      {"US", "us"},
                                      {"REQUESTS", "requests"},
                                      {"CONNECTION", "connection"},
                                      {"ADDRESS", "address"},
                                      {"USER", "user"},
                                      {"COMMAND", "command"},
                                      {"KEYS", "keys"},
                                      {"KEY", "key"}};

constexpr Column kLatencyColumns[] = {{"COMMAND", "command"},
                                      {"COUNT", "count"},
                                      {"P50", "p50_ns", Form::kTook},
                                      {"P99", "p99_ns", Form::kTook},
                                      {"P99.9", "p99_9_ns", Form::kTook},
                                      {"MAX", "max_ns", Form::kTook}};

constexpr Table kTables[] = {
    {Answer::kSettings, "settings", kSettingColumns}, {Answer::kBigKeys, "keys", kBigKeyColumns},
    {Answer::kHotKeys, "keys", kHotKeyColumns},       {Answer::kLatency, "commands", kLatencyColumns},
    {Answer::kSlowlog, "entries", kSlowlogColumns},
};

std::string plain(const json::value& value) {
  if (value.is_string()) return std::string(value.as_string());
  if (!value.is_array()) return json::serialize(value);
  std::string list;
  for (const json::value& one : value.as_array()) list += (list.empty() ? "" : " ") + plain(one);
  return list;
}

// Nanoseconds as microseconds, to the hundredth.
std::string print_us(std::uint64_t ns) {
  const std::string hundredths = std::to_string(ns / 10 % 100);
  return std::to_string(ns / 1'000) + (hundredths.size() < 2 ? ".0" : ".") + hundredths;
}

// Shortened as the server shortens keys for SLOWLOG and MONITOR; --json has all of it.
std::string print_shortened(ByteView key) {
  std::size_t cut = std::min(key.size(), kShownKeyBytesMax);
  while (cut > 0 && cut < key.size() && (static_cast<unsigned char>(key[cut]) & 0xC0) == 0x80) --cut;  // in a character
  const std::size_t left = key.size() - cut;
  return client::print_key(key.substr(0, cut)) + (left == 0 ? "" : "…(+" + std::to_string(left) + " bytes)");
}

// Throws where the value isn't what the form is for.
std::string print(const json::value& value, Form form) {
  switch (form) {
    case Form::kPlain:
      return plain(value);
    case Form::kKey:
      return print_shortened(ByteView(value.as_string()));
    case Form::kTtl:
      return value.to_number<std::int64_t>() < 0 ? "-" : plain(value) + "ms";
    case Form::kTime:
      return print_utc(value.to_number<UnixMillis>());
    case Form::kTook:
      return print_us(value.to_number<std::uint64_t>());
    case Form::kLive:
      return value.as_bool() ? "live" : "restart";
  }
  return {};
}

// Columns are as wide as what is in them; the last one takes the rest of the line. What is absent or
// empty is `-`, so that a column is the same word of every line.
std::string print_rows(const json::array& items, std::span<const Column> columns) {
  std::vector<std::vector<std::string>> rows(1);
  for (const Column& column : columns) rows[0].emplace_back(column.head);
  for (const json::value& item : items) {
    std::vector<std::string>& row = rows.emplace_back();
    for (const Column& column : columns) {
      const json::value* value = item.as_object().if_contains(column.member);
      std::string& cell = row.emplace_back();
      if (value != nullptr && !value->is_null()) cell = print(*value, column.form);
      if (cell.empty()) cell = "-";
    }
  }
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    if (!text.empty()) text += '\n';
    for (std::size_t i = 0; i < columns.size(); ++i) {
      text += row[i];
      if (i + 1 == columns.size()) break;
      std::size_t width = 0;
      for (const auto& other : rows) width = std::max(width, other[i].size());
      text.append(width - row[i].size() + 2, ' ');
    }
  }
  return text;
}

const Table* find_table(Answer answer) {
  const auto table = std::ranges::find(kTables, answer, &Table::answer);
  return table == std::end(kTables) ? nullptr : &*table;
}

}  // namespace

bool is_table(Answer answer) {
  return find_table(answer) != nullptr;
}

std::optional<std::string> print_table(Answer answer, ByteView document) {
  const Table& table = *find_table(answer);
  try {
    return print_rows(json::parse(document).at(table.list).as_array(), table.columns);
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace kv::cli
