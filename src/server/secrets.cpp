#include "server/secrets.hpp"

#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "kv/command/dispatcher.hpp"
#include "kv/security/password.hpp"

#include "server/option_rows.hpp"

namespace kv::server {
namespace {

using security::Users;

void wipe_text(char* text) {
  if (text != nullptr) security::wipe(text, std::strlen(text));
}

Result<void> set_password(Users& users, std::string& password) {
  auto hash = security::hash_password(password);
  security::wipe(password);
  if (!hash) return hash.error();
  return users.set(security::kDefaultUser, "resetpass #" + *hash);
}

}  // namespace

void wipe_secrets(int argc, char** argv) {
  for (const Row& row : option_rows()) {
    if (!row.secret) continue;
    const std::string flag = "--" + row.name;
    for (int i = 1; i < argc; ++i) {
      const std::string_view word = argv[i];
      if (word == flag && i + 1 < argc) wipe_text(argv[i + 1]);
      if (word.starts_with(flag + "=")) wipe_text(argv[i] + flag.size() + 1);
    }
    wipe_text(std::getenv(variable_of(row.name).c_str()));
  }
}

Result<std::unique_ptr<Users>> open_users(Access& access) {
  auto users = std::make_unique<Users>(command::command_infos(), access.acl_file);
  Result<void> done;
  if (!access.password.empty()) {
    done = set_password(*users, access.password);
  } else if (users->has_file() || !access.password_file.empty()) {
    done = read_users(access, *users);
  }
  if (!done) return done.error();
  return users;
}

Result<void> read_users(const Access& access, Users& users) {
  if (users.has_file()) return users.load();
  auto password = security::load_password(access.password_file);
  if (!password) return password.error();
  return set_password(users, *password);
}

}  // namespace kv::server
