#include "kv-cli/acl.hpp"

#include <string>
#include <utility>
#include <vector>

#include "kv/client/payload.hpp"
#include "kv/security/password.hpp"
#include "kv/security/user.hpp"

#include "kv-cli/login.hpp"

namespace kv::cli {
namespace {

using protocol::AclCall;

constexpr CommandRow kList{protocol::Command::kAcl, "acl", {}, Answer::kLines, ""};
constexpr CommandRow kChange{protocol::Command::kAcl, "acl", {}, Answer::kNothing, ""};
constexpr CommandRow kDelete{protocol::Command::kAcl, "acl", {}, Answer::kBool, ""};

constexpr const char* kRulesFooter =
    R"(Rules: on, off, nopass, resetpass, cert, nocert, connections=N, reset, #HASH, +COMMAND, -COMMAND, +@CATEGORY,
-@CATEGORY, ~PATTERN, %R~PATTERN, %W~PATTERN. They go into quotes, as the shell and kv-cli would take some of them for
something else: kv-cli acl setuser app 'on ~app:* +@read -scan'. docs/users.md explains them.)";

Call call_of(const CommandRow& row, AclCall call, client::Payload arguments = {}) {
  const char byte = static_cast<char>(call);
  return {&row, client::Payload().raw({&byte, 1}).raw(arguments.bytes()).bytes(), row.answer, 0};
}

Outcome<std::string> hash_of_password_in(const std::string& file) {
  Outcome<std::string> password = read_password(file, "New password");
  if (!password) return password.error();
  const auto hash = security::hash_password(*password);
  security::wipe(*password);
  if (!hash) return usage(hash.error().message);
  return *hash;
}

Outcome<Call> read_set_user(const CLI::App& set_user, const std::string& name) {
  std::string rules;
  for (const std::string& word : set_user.get_option("RULES")->results()) rules += read_word(word) + ' ';
  if (const auto* file = set_user.get_option("--new-password-file"); file->count() > 0) {
    const auto hash = hash_of_password_in(file->as<std::string>());
    if (!hash) return hash.error();
    rules += "resetpass #" + *hash;
  }
  return call_of(kChange, AclCall::kSetUser, client::Payload().key(name).raw(rules));
}

}  // namespace

CLI::App* add_acl(CLI::App& app) {
  CLI::App* acl = app.add_subcommand("acl", "List, change and save the users of the server");
  acl->require_subcommand(1)->fallthrough()->ignore_case();
  acl->add_subcommand("list", "Print every user: a line, as the server's file of users has it, without the hashes");
  CLI::App* set_user = acl->add_subcommand("setuser", "Change a user, or make one");
  set_user->footer(kRulesFooter);
  set_user->add_option("NAME", "The user")->required();
  set_user->add_option("RULES", "What it may do from now on")->expected(-1);
  set_user->add_option("--new-password-file", "Give it the password in this file's first line; - to type it")
      ->type_name("FILE");
  acl->add_subcommand("deluser", "Delete a user; false: there was none")->add_option("NAME", "The user")->required();
  acl->add_subcommand("load", "Read the users from the server's file again");
  acl->add_subcommand("save", "Write the users to the server's file");
  return acl;
}

Outcome<Call> read_acl(const CLI::App& acl) {
  const CLI::App& call = *acl.get_subcommands().front();
  if (call.get_name() == "list") return call_of(kList, AclCall::kList);
  if (call.get_name() == "load") return call_of(kChange, AclCall::kLoad);
  if (call.get_name() == "save") return call_of(kChange, AclCall::kSave);
  const std::string name = read_word(call.get_option("NAME")->as<std::string>());
  if (!security::is_user_name(name)) return usage("a user's name is 1 to 128 bytes of UTF-8 without blanks");
  if (call.get_name() == "setuser") return read_set_user(call, name);
  return call_of(kDelete, AclCall::kDeleteUser, client::Payload().key(name));
}

Outcome<std::string> hash_password(const HashOptions& options) {
  auto hash = hash_of_password_in(options.password_file);
  if (!hash) return hash.error();
  return *hash + '\n';
}

}  // namespace kv::cli
