#include "kv-cli/backup.hpp"

#include <filesystem>

#include "kv/client/json.hpp"
#include "kv/client/payload.hpp"
#include "kv/client/value_text.hpp"

#include "kv-cli/utc.hpp"

namespace kv::cli {

Outcome<BackupOptions> read_backup_folder(const std::string& folder) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(folder, error).lexically_normal();
  if (folder.empty() || error) return usage("backup takes the folder to put it in");
  const bool ends_in_slash = !path.has_filename() && path.has_relative_path();
  return BackupOptions{(ends_in_slash ? path.parent_path() : path).string()};
}

Outcome<std::string> make_backup(client::Connection& connection, const BackupOptions& options, OutputForm form) {
  const char mode = static_cast<char>(protocol::SnapshotMode::kBackup);
  const auto reply = accepted(
      connection.call(protocol::Command::kSnapshot, client::Payload().raw({&mode, 1}).raw(options.folder).bytes()));
  if (!reply) return reply.error();
  client::PayloadReader payload(reply->payload);
  const auto at = payload.take<std::uint64_t>();
  if (!payload.done()) return not_understood();
  if (form == OutputForm::kText) return "the backup is in " + client::print_key(options.folder) + '\n';
  std::string json = "{\"folder\":";
  client::append_quoted(options.folder, json);
  return json + ",\"time\":\"" + print_utc(at) + "\",\"ms\":" + std::to_string(at) + "}\n";
}

}  // namespace kv::cli
