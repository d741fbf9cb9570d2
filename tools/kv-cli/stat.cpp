#include "kv-cli/stat.hpp"

#include <array>
#include <thread>

#include <boost/json.hpp>

#include "kv/protocol/command.hpp"

namespace kv::cli {
namespace {

namespace json = boost::json;
using SteadyClock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// Lines between two heads.
constexpr std::uint64_t kLinesPerHead = 20;

// 1536 is 1.5K.
std::string print_size(double bytes) {
  constexpr const char* kUnits[] = {"", "K", "M", "G", "T"};
  std::size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1024;
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f%s" : "%.1f%s", bytes, kUnits[unit]);
  return text.data();
}

double per_second(std::uint64_t before, std::uint64_t after, Seconds time) {
  const std::uint64_t counted = after < before ? after : after - before;
  return time.count() > 0 ? static_cast<double>(counted) / time.count() : 0;
}

struct Rates {
  Rates(const Totals& before, const Totals& after, Seconds time)
      : commands(per_second(before.commands, after.commands, time)),
        hits(per_second(before.hits, after.hits, time)),
        misses(per_second(before.misses, after.misses, time)),
        errors(per_second(before.errors, after.errors, time)),
        expired(per_second(before.expired, after.expired, time)),
        evicted(per_second(before.evicted, after.evicted, time)),
        received(per_second(before.bytes_received, after.bytes_received, time)),
        sent(per_second(before.bytes_sent, after.bytes_sent, time)) {}

  // Of reads that asked for a key, in percent; negative where there were none.
  double hit_percent() const { return hits + misses > 0 ? 100 * hits / (hits + misses) : -1; }

  double commands, hits, misses, errors, expired, evicted, received, sent;
};

std::string print_json(const Rates& rates, const Totals& now) {
  json::object line{{"ops_per_s", rates.commands},
                    {"hit_percent", nullptr},
                    {"keys", now.keys},
                    {"resident_bytes", now.resident_bytes},
                    {"connections", now.connections},
                    {"bytes_received_per_s", rates.received},
                    {"bytes_sent_per_s", rates.sent},
                    {"errors_per_s", rates.errors},
                    {"expired_per_s", rates.expired},
                    {"evicted_per_s", rates.evicted}};
  if (rates.hit_percent() >= 0) line["hit_percent"] = rates.hit_percent();
  return json::serialize(line) + '\n';
}

Outcome<Totals> ask(client::Connection& connection) {
  const auto reply = accepted(connection.call(protocol::Command::kInfo, {}));
  if (!reply) return reply.error();
  const auto totals = read_totals(reply->payload);
  if (!totals) return not_understood();
  return *totals;
}

bool write(const std::string& text, std::FILE* out) {
  return std::fwrite(text.data(), 1, text.size(), out) == text.size() && std::fflush(out) == 0;
}

}  // namespace

std::optional<Totals> read_totals(ByteView info) {
  try {
    const json::value all = json::parse(info);
    const json::value& stats = all.at("stats");
    const json::value& memory = all.at("memory");
    const auto number = [](const json::value& section, const char* name) {
      return section.at(name).to_number<std::uint64_t>();
    };
    Totals totals{.commands = number(stats, "commands_total"),
                  .hits = number(stats, "hits"),
                  .misses = number(stats, "misses"),
                  .expired = number(stats, "expired"),
                  .evicted = number(memory, "evicted"),
                  .bytes_received = number(stats, "bytes_received"),
                  .bytes_sent = number(stats, "bytes_sent"),
                  .keys = number(all, "entries"),
                  .connections = number(all.at("clients"), "connected"),
                  .resident_bytes = number(memory, "resident_bytes")};
    for (const auto& word : stats.at("errors").as_object()) totals.errors += word.value().to_number<std::uint64_t>();
    return totals;
  } catch (const std::exception&) {
    return {};
  }
}

std::string stat_head() {
  return "     ops/s   hits        keys    memory   conns      in/s     out/s  errors/s  expired/s  evicted/s\n";
}

std::string stat_line(const Totals& before, const Totals& after, Seconds time, OutputForm form) {
  const Rates rates(before, after, time);
  if (form == OutputForm::kJson) return print_json(rates, after);
  std::array<char, 16> hits{"-"};
  if (rates.hit_percent() >= 0) std::snprintf(hits.data(), hits.size(), "%.1f%%", rates.hit_percent());
  std::array<char, 256> line;
  std::snprintf(line.data(), line.size(), "%10.0f %6s %11llu %9s %7llu %9s %9s %9.0f %10.0f %10.0f\n", rates.commands,
                hits.data(), static_cast<unsigned long long>(after.keys),
                print_size(static_cast<double>(after.resident_bytes)).c_str(),
                static_cast<unsigned long long>(after.connections), print_size(rates.received).c_str(),
                print_size(rates.sent).c_str(), rates.errors, rates.expired, rates.evicted);
  return line.data();
}

Outcome<void> print_stat(client::Connection& connection, const StatOptions& options, OutputForm form, std::FILE* out) {
  auto before = ask(connection);
  if (!before) return before.error();
  auto asked_at = SteadyClock::now();
  auto next = asked_at;
  for (std::uint64_t lines = 0; options.count == 0 || lines < options.count; ++lines) {
    next += options.interval;
    std::this_thread::sleep_until(next);
    const auto after = ask(connection);
    if (!after) return after.error();
    const auto now = SteadyClock::now();
    std::string text = form == OutputForm::kText && lines % kLinesPerHead == 0 ? stat_head() : "";
    text += stat_line(*before, *after, now - asked_at, form);
    if (!write(text, out)) return usage("can't write to stdout");
    before = after;
    asked_at = now;
  }
  return {};
}

}  // namespace kv::cli
