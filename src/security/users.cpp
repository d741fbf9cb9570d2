#include "kv/security/users.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "kv/base/assert.hpp"
#include "kv/base/limits.hpp"
#include "kv/security/password.hpp"

#include "security/files.hpp"
#include "security/word.hpp"

namespace kv::security {
namespace {

ByteView without_blanks(ByteView line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  return line.substr(0, line.find_last_not_of(kBlanks) + 1);
}

// The first word of `rest`, which loses it and the blanks behind it.
ByteView take_word(ByteView& rest) {
  const ByteView word = rest.substr(0, rest.find_first_of(kBlanks));
  rest = without_blanks(rest.substr(word.size()));
  return word;
}

// Adds the user of a line that is neither empty nor a comment.
Result<void> add_user(UserMap& users, ByteView line, CommandInfos commands) {
  const auto bad = [](const char* message) { return Error{Errc::kArgument, message}; };
  if (take_word(line) != "user") return bad("expected: user NAME RULES…");
  const ByteView name = take_word(line);
  if (!is_user_name(name)) return bad("behind `user` a name is expected: 1 to 128 bytes of UTF-8");
  if (users.size() == kUsersMax) return bad("more than 10,000 users");
  auto user = std::make_shared<User>(std::string(name), commands);
  if (auto changed = change(*user, line); !changed) return changed;
  if (!users.emplace(name, std::move(user)).second) return bad("this user stands in the file twice");
  return {};
}

}  // namespace

Result<UserMap> parse_users(ByteView text, const std::string& file, CommandInfos commands) {
  UserMap users;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const ByteView line = without_blanks(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    if (auto added = add_user(users, line, commands); !added) {
      return Error{Errc::kArgument, file + ":" + std::to_string(number) + ": " + added.error().message};
    }
  }
  return users;
}

std::string to_text(const UserMap& users, Hashes hashes) {
  std::string text;
  for (const auto& [name, user] : users) text += to_line(*user, hashes) + '\n';
  return text;
}

Users::Users(CommandInfos commands, std::string file) : commands_(commands), file_(std::move(file)) {
  auto everybody = std::make_shared<User>(std::string(kDefaultUser), commands);
  const auto changed = change(*everybody, "on nopass allkeys allcommands");
  KV_ASSERT(changed.has_value());
  users_.emplace(kDefaultUser, std::move(everybody));
}

std::shared_ptr<const User> Users::find(ByteView name) const {
  const std::lock_guard guard(mutex_);
  const auto found = users_.find(name);
  return found == users_.end() ? nullptr : found->second;
}

bool Users::need_authentication() const {
  const auto user = find(kDefaultUser);
  return user == nullptr || !user->is_on || !user->needs_no_password;
}

std::string Users::text(Hashes hashes) const {
  const std::lock_guard guard(mutex_);
  return to_text(users_, hashes);
}

Result<void> Users::set(ByteView name, ByteView words) {
  if (!is_user_name(name)) {
    return Error{Errc::kArgument, "a user's name is 1 to 128 bytes of UTF-8 without blanks and control characters"};
  }
  const std::lock_guard guard(mutex_);
  const auto found = users_.find(name);
  if (found == users_.end() && users_.size() == kUsersMax) return Error{Errc::kArgument, "more than 10,000 users"};
  auto user = found == users_.end() ? std::make_shared<User>(std::string(name), commands_)
                                    : std::make_shared<User>(*found->second);
  if (auto changed = change(*user, words); !changed) return changed;
  users_.insert_or_assign(std::string(name), std::move(user));
  publish();
  return {};
}

bool Users::remove(ByteView name) {
  const std::lock_guard guard(mutex_);
  const auto found = users_.find(name);
  if (found == users_.end()) return false;
  users_.erase(found);
  publish();
  return true;
}

Result<void> Users::load() {
  KV_ASSERT(has_file());
  const std::lock_guard file_guard(file_mutex_);
  const auto text = read_file(file_, kAclFileBytesMax);
  if (!text) return text.error();
  auto users = parse_users(*text, file_, commands_);
  if (!users) return Error{Errc::kInternal, users.error().message};
  const std::lock_guard guard(mutex_);
  for (auto& [name, user] : *users) {
    // Whoever was there before goes on, with its connections.
    const auto before = users_.find(name);
    if (before == users_.end()) continue;
    auto same = std::make_shared<User>(*user);
    same->presence = before->second->presence;
    user = std::move(same);
  }
  users_ = *std::move(users);
  publish();
  return {};
}

std::vector<std::string> Users::hashes_to_check(const User* user) const {
  std::vector<std::string> hashes = user == nullptr ? std::vector<std::string>() : user->hashes;
  std::map<ByteView, std::size_t> own;  // that need no decoy
  if (user != nullptr) {
    for (const std::string& hash : user->hashes) ++own[cost_of(hash)];
  }
  const std::lock_guard guard(mutex_);
  for (const std::string& decoy : decoys_) {
    if (std::size_t& left = own[cost_of(decoy)]; left != 0) {
      --left;
    } else {
      hashes.push_back(decoy);
    }
  }
  return hashes;
}

Result<void> Users::save() const {
  KV_ASSERT(has_file());
  const std::lock_guard file_guard(file_mutex_);
  const std::string lines = text(Hashes::kShown);
  // Or the next start would find a file that it doesn't take.
  if (lines.size() > kAclFileBytesMax) {
    return Error{Errc::kInternal, file_ + ": can't be written: the users take " + std::to_string(lines.size()) +
                                      " bytes, and a file over " + std::to_string(kAclFileBytesMax) +
                                      " bytes isn't read"};
  }
  return write_file(file_, lines);
}

std::size_t Users::memory_to_check_passwords() const {
  const std::lock_guard guard(mutex_);
  std::size_t most = 0;
  for (const std::string& decoy : decoys_) most = std::max(most, memory_to_check(decoy));
  return most * kPasswordThreads;
}

// REQUIRES: mutex_ is held.
void Users::publish() {
  std::map<ByteView, std::vector<std::string>> most;
  for (const auto& [name, user] : users_) {
    std::map<ByteView, std::vector<std::string>> by_cost;
    for (const std::string& hash : user->hashes) by_cost[cost_of(hash)].push_back(hash);
    for (auto& [cost, hashes] : by_cost) {
      if (hashes.size() > most[cost].size()) most[cost] = std::move(hashes);
    }
  }
  decoys_.clear();
  for (auto& [cost, hashes] : most) decoys_.insert(decoys_.end(), hashes.begin(), hashes.end());
  generation_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace kv::security
