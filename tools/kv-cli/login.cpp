#include "kv-cli/login.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <termios.h>
#include <unistd.h>

#include "kv/client/payload.hpp"
#include "kv/security/password.hpp"

namespace kv::cli {
namespace {

// The terminal, which doesn't show what is typed as long as this lives.
class Unseen {
 public:
  Unseen() {
    is_terminal_ = tcgetattr(STDIN_FILENO, &before_) == 0;
    if (!is_terminal_) return;
    termios unseen = before_;
    unseen.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen);
  }
  ~Unseen() {
    if (!is_terminal_) return;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    std::fputc('\n', stderr);
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
  bool is_terminal() const { return is_terminal_; }

 private:
  termios before_{};
  bool is_terminal_ = false;
};

Outcome<std::string> type_password(const std::string& prompt) {
  const Unseen unseen;
  if (unseen.is_terminal()) std::fprintf(stderr, "%s: ", prompt.c_str());
  std::string password;
  if (!std::getline(std::cin, password) || password.empty()) return usage("there is no password");
  return password;
}

// What KV_PASSWORD says, which it says no longer then.
std::optional<std::string> take_variable() {
  char* const variable = std::getenv("KV_PASSWORD");
  if (variable == nullptr || *variable == '\0') return std::nullopt;
  std::string password = variable;
  security::wipe(variable, std::strlen(variable));
  return password;
}

}  // namespace

Outcome<std::string> read_password(const std::string& file, const std::string& prompt) {
  if (file == "-") return type_password(prompt);
  auto password = security::load_password(file);
  if (!password) return usage(password.error().message);
  return *std::move(password);
}

Outcome<void> log_in(client::Connection& connection, const LoginOptions& options) {
  std::optional<std::string> variable = take_variable();
  if (!options.user && options.password_file.empty() && !variable) return {};
  Outcome<std::string> password = !options.password_file.empty() ? read_password(options.password_file, "Password")
                                  : variable                     ? *std::move(variable)
                                                                 : type_password("Password");
  if (!password) return password.error();
  const std::string user = options.user.value_or("");
  if (user.size() > kUserNameBytesMax || password->size() > kPasswordBytesMax) {
    return usage("the user or the password is too long");
  }
  std::string payload = client::Payload().key(user).key(*password).bytes();
  security::wipe(*password);
  const auto reply = accepted(connection.call(protocol::Command::kAuth, payload));
  security::wipe(payload);
  if (!reply) return reply.error();
  return {};
}

}  // namespace kv::cli
