// The text of an ACL file, whose users, written again, are the same; and rules as ACL SETUSER takes them, whose user,
// written to a file, is read as the same.
#include "kv/command/dispatcher.hpp"
#include "kv/security/users.hpp"

#include "fuzz/fuzz.hpp"

namespace {

using namespace kv::security;

void check_it_is_read_as_written(const User& user, CommandInfos commands) {
  const std::string line = to_line(user, Hashes::kShown) + '\n';
  const auto again = parse_users(line, "file", commands);
  KV_ASSERT(again.has_value() && to_text(*again, Hashes::kShown) == line);
  const User& same = *again->at(user.name);
  for (const CommandInfo& command : commands) {
    KV_ASSERT(same.rules.may_run(command.byte) == user.rules.may_run(command.byte));
  }
}

}  // namespace

void fuzz(kv::ByteView input) {
  const CommandInfos commands = kv::command::command_infos();
  if (const auto users = parse_users(input, "file", commands)) {
    const std::string text = to_text(*users, Hashes::kShown);
    const auto again = parse_users(text, "file", commands);
    KV_ASSERT(again.has_value() && to_text(*again, Hashes::kShown) == text);
  } else {
    KV_ASSERT(users.error().message.starts_with("file:"));
  }
  User user("default", commands);
  if (!change(user, input)) return;
  check_it_is_read_as_written(user, commands);
  std::uint64_t steps = 0;
  const bool reads = user.rules.may_use(input.substr(0, 100), KeyUse::kRead, steps);
  KV_ASSERT(!user.rules.may_use_all(KeyUse::kRead) || reads);
}
