// The whole command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>

#include "kv/client/connection.hpp"

#include "kv-cli/acl.hpp"
#include "kv-cli/answer.hpp"
#include "kv-cli/arguments.hpp"
#include "kv-cli/backup.hpp"
#include "kv-cli/export.hpp"
#include "kv-cli/import.hpp"
#include "kv-cli/login.hpp"
#include "kv-cli/monitor.hpp"
#include "kv-cli/stat.hpp"
#include "tls/tls_options.hpp"

namespace kv::cli {

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6380;
  client::ConnectionOptions connection;  // but for its TLS
  tools::TlsOptions tls;
  LoginOptions login;
  OutputForm form = OutputForm::kText;
  std::chrono::milliseconds wait{0};  // how long to try again as long as there is no connection
  std::variant<Call, BackupOptions, ImportOptions, ExportOptions, HashOptions, MonitorOptions, StatOptions> action;
};

// Reads the command line; or, where there is nothing to run, has printed why (help, the version, what is wrong with it)
// and returns the code to exit with.
std::variant<Options, ExitCode> parse_options(int argc, char** argv);

}  // namespace kv::cli
