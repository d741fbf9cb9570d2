// kv-cli acl: the calls of ACL, each a command of its own below it; and kv-cli hash-password, which needs no server.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "kv-cli/arguments.hpp"
#include "kv-cli/failure.hpp"

namespace kv::cli {

// Adds `acl` and what it takes to the command line, and returns it.
CLI::App* add_acl(CLI::App& app);

// The call that a command line asks for, a new password hashed. Fails with kUsage. REQUIRES: `acl` came from add_acl()
// and was given.
Outcome<Call> read_acl(const CLI::App& acl);

struct HashOptions {
  std::string password_file = "-";
};
// The hash of a password, on a line of its own.
Outcome<std::string> hash_password(const HashOptions& options);

}  // namespace kv::cli
