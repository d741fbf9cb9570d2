// What is secret among the options, and the users that come of it.
#pragma once

#include <memory>

#include "kv/base/result.hpp"
#include "kv/security/users.hpp"

#include "server/options.hpp"

namespace kv::server {

// Overwrites the values of secret options where everybody on the machine could read them: in the command line, and in
// the environment that the process was started with. To be called once they have been read.
void wipe_secrets(int argc, char** argv);

// The users that the options ask for; wipes the password among them. Fails with a sentence that names the file.
Result<std::unique_ptr<security::Users>> open_users(Access& access);

// Reads the file again that the users come from, or their password. Fails likewise, having changed nothing.
// REQUIRES: they come from a file.
Result<void> read_users(const Access& access, security::Users& users);

}  // namespace kv::server
