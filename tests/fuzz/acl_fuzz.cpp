// The text of an ACL file, whose users, written again, are the same; and rules as ACL SETUSER takes them.
#include "kv/command/dispatcher.hpp"
#include "kv/security/users.hpp"

#include "fuzz/fuzz.hpp"

void fuzz(kv::ByteView input) {
  using namespace kv::security;
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
  std::uint64_t steps = 0;
  const bool reads = user.rules.may_use(input.substr(0, 100), KeyUse::kRead, steps);
  KV_ASSERT(!user.rules.may_use_all(KeyUse::kRead) || reads);
}
