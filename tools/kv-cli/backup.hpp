// kv-cli backup: a SNAPSHOT whose files the server links into a folder.
#pragma once

#include <string>

#include "kv/client/connection.hpp"

#include "kv-cli/answer.hpp"
#include "kv-cli/failure.hpp"

namespace kv::cli {

struct BackupOptions {
  std::string folder;  // an absolute path
};

// The server has a working directory of its own, so a path from here is made one from the root. Fails with kUsage.
Outcome<BackupOptions> read_backup_folder(const std::string& folder);

// Has the backup made, waiting until it is whole, and returns what to print: where it lies.
Outcome<std::string> make_backup(client::Connection& connection, const BackupOptions& options, OutputForm form);

}  // namespace kv::cli
