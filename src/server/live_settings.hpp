// The options as they hold now, for CONFIG: what they are, and what they may become while the server runs.
#pragma once

#include <functional>
#include <mutex>
#include <span>
#include <vector>

#include "kv/base/result.hpp"
#include "kv/command/administration.hpp"

#include "server/options.hpp"

namespace kv::server {

class LiveSettings {
 public:
  explicit LiveSettings(const Options& options) : now_(options) {}

  // All options, in the order of their rows. Thread-safe.
  std::vector<command::Setting> list() const;
  // A copy. Thread-safe.
  Options now() const;

  // Makes `from` `to`, all of it or nothing. Whatever it fails with or throws is what change() does.
  using Apply = std::function<Result<void>(const Options& from, const Options& to)>;
  // Reads the changes as the command line would, has them applied, and notes each in the log. Fails with kArgument and
  // a sentence that names the setting where there is no such one, where it can't change while the server runs, stands
  // twice, or its value is no good; then nothing has changed. One change at a time; thread-safe.
  Result<void> change(std::span<const command::SettingChange> changes, const command::Asker& by, const Apply& apply);

 private:
  mutable std::mutex mutex_;
  std::mutex changing_;  // taken before mutex_
  Options now_;          // guarded by mutex_
};

}  // namespace kv::server
