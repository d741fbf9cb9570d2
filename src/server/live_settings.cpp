#include "server/live_settings.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "kv/observability/log.hpp"

#include "server/option_kinds.hpp"
#include "server/option_rows.hpp"

namespace kv::server {
namespace {

Error bad(std::string message) {
  return {Errc::kArgument, std::move(message)};
}

// Why an option can't change while the server runs, and then has `options`; empty: it can.
std::string why_not_live(const Row& row, const Options& options) {
  if (!row.live) return "can't change while the server runs";
  if (row.limited && options.memory_bytes_max == kMemoryUnlimited) {
    return "can change only where the server was started with --max-memory";
  }
  return {};
}

// Puts a change of `from` into `to`, and returns its row.
Result<const Row*> take(const command::SettingChange& change, const Options& from, Options& to) {
  const auto row = std::ranges::find(option_rows(), change.name, &Row::name);
  if (row == option_rows().end()) return bad("there is no setting " + shown(change.name));
  if (const std::string why_not = why_not_live(*row, from); !why_not.empty()) return bad(row->name + " " + why_not);
  if (const auto set = row->set(to, {std::string(change.value)}); !set) {
    return bad(row->name + ": " + set.error().message);
  }
  return &*row;
}

void note(const std::vector<const Row*>& rows, const Options& from, const Options& to, const command::Asker& by) {
  for (const Row* row : rows) {
    const std::string before = row->get(from).front();
    const std::string after = row->get(to).front();
    if (before == after) continue;
    log::note("a setting was changed",
              {{"setting", row->name}, {"from", before}, {"to", after}, {"by", by.user}, {"address", by.address}});
  }
}

}  // namespace

std::vector<command::Setting> LiveSettings::list() const {
  const Options options = now();
  std::vector<command::Setting> all;
  for (const Row& row : option_rows()) {
    all.push_back({row.name, row.get(options), row.list, why_not_live(row, options).empty()});
  }
  return all;
}

Options LiveSettings::now() const {
  const std::lock_guard guard(mutex_);
  return now_;
}

Result<void> LiveSettings::change(std::span<const command::SettingChange> changes, const command::Asker& by,
                                  const Apply& apply) {
  const std::lock_guard one_at_a_time(changing_);
  const Options from = now();
  Options to = from;
  std::vector<const Row*> rows;
  for (const command::SettingChange& change : changes) {
    const auto row = take(change, from, to);
    if (!row) return row.error();
    if (std::ranges::count(rows, *row) != 0) return bad((*row)->name + " stands twice");
    rows.push_back(*row);
  }
  if (auto applied = apply(from, to); !applied) return applied;
  {
    const std::lock_guard guard(mutex_);
    now_ = to;
  }
  // Noted by the more talkative of the two levels, so that it is seen that the log was switched off.
  log::set_level(std::min(from.log.level, to.log.level));
  note(rows, from, to, by);
  log::set_level(to.log.level);
  return {};
}

}  // namespace kv::server
