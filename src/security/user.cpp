#include "kv/security/user.hpp"

#include <algorithm>
#include <charconv>

#include "kv/base/limits.hpp"
#include "kv/security/password.hpp"

#include "security/word.hpp"

namespace kv::security {
namespace {

Error bad(std::string message) {
  return Error{Errc::kArgument, std::move(message)};
}

constexpr ByteView kConnections = "connections=";

// The next word of `rest`, which loses it; empty at the end.
ByteView take_word(ByteView& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
  const ByteView word = rest.substr(0, rest.find_first_of(kBlanks));
  rest.remove_prefix(word.size());
  return word;
}

Result<void> add_hash(User& user, ByteView hash) {
  if (!is_password_hash(hash)) {
    return bad("behind # an argon2id hash is expected, as kv-cli hash-password prints it (of at most 64 MiB)");
  }
  if (std::ranges::find(user.hashes, hash) != user.hashes.end()) return {};
  if (user.hashes.size() == kPasswordHashesMax) return bad("a user has at most 4 passwords");
  user.hashes.emplace_back(hash);
  return {};
}

Result<void> set_connections(User& user, ByteView text) {
  std::size_t most = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), most);
  if (error != std::errc() || end != text.data() + text.size() || most > kConnectionsMax) {
    return bad("behind connections= a number from 0 (no limit) to 1000000 is expected");
  }
  user.connections_max = most;
  return {};
}

void reset(User& user) {
  user.is_on = user.needs_no_password = user.takes_certificates = false;
  user.connections_max = 0;
  user.hashes.clear();
  static_cast<void>(user.rules.add("nocommands"));
  static_cast<void>(user.rules.add("resetkeys"));
}

Result<void> change_by(User& user, ByteView word) {
  if (word == "on" || word == "off") {
    user.is_on = word == "on";
  } else if (word == "nopass") {
    if (user.name != kDefaultUser) return bad("nopass is for the user default alone");
    user.needs_no_password = true;
    user.hashes.clear();
  } else if (word == "resetpass") {
    user.needs_no_password = false;
    user.hashes.clear();
  } else if (word == "cert" || word == "nocert") {
    user.takes_certificates = word == "cert";
  } else if (word == "reset") {
    reset(user);
  } else if (word.starts_with(kConnections)) {
    return set_connections(user, word.substr(kConnections.size()));
  } else if (word.starts_with('#')) {
    user.needs_no_password = false;
    return add_hash(user, word.substr(1));
  } else {
    const Result<bool> is_rule = user.rules.add(word);
    if (!is_rule) return is_rule.error();
    if (!*is_rule) {
      return bad(
          "expected on, off, nopass, resetpass, cert, nocert, connections=N, reset, #HASH, +COMMAND, -COMMAND, "
          "+@CATEGORY, -@CATEGORY, ~PATTERN, %R~PATTERN or %W~PATTERN");
    }
  }
  return {};
}

}  // namespace

bool Presence::enter(std::size_t most) {
  std::size_t now = connections();
  do {
    if (most != 0 && now >= most) return false;
  } while (!connections_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed));
  return true;
}

bool is_user_name(ByteView text) {
  return !text.empty() && text.size() <= kUserNameBytesMax && is_in_one_word(text);
}

Result<void> change(User& user, ByteView words) {
  std::size_t number = 0;
  for (ByteView rest = words; !rest.empty();) {
    const ByteView word = take_word(rest);
    if (word.empty()) break;
    ++number;
    if (const auto changed = change_by(user, word); !changed) {
      return bad("rule " + std::to_string(number) + ": " + changed.error().message);
    }
  }
  return {};
}

std::string to_line(const User& user, Hashes hashes) {
  std::string line = "user " + user.name + (user.is_on ? " on" : " off");
  if (user.needs_no_password) line += " nopass";
  if (user.takes_certificates) line += " cert";
  if (user.connections_max != 0) line.append(" ").append(kConnections) += std::to_string(user.connections_max);
  for (const std::string& hash : user.hashes) line += " #" + (hashes == Hashes::kShown ? hash : "***");
  for (const std::string& word : user.rules.words()) line += " " + word;
  return line;
}

}  // namespace kv::security
