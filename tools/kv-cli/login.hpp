// Who kv-cli says that it is, and where it has the password from.
#pragma once

#include <optional>
#include <string>

#include "kv/client/connection.hpp"

#include "kv-cli/failure.hpp"

namespace kv::cli {

struct LoginOptions {
  std::optional<std::string> user;
  std::string password_file;  // empty: none
};

// The password in the first line of `file`; where that is `-`, what is typed at the terminal, unseen, or the first line
// of stdin where that is no terminal.
Outcome<std::string> read_password(const std::string& file, const std::string& prompt);

// Authenticates as the options say, with the password of the file, of KV_PASSWORD, or else what is typed at the
// terminal. Does nothing where there is neither a user nor a password.
Outcome<void> log_in(client::Connection& connection, const LoginOptions& options);

}  // namespace kv::cli
