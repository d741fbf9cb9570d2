// All users, and the file that they are kept in.
//
// Users change while the server runs: by commands, and when the file is read again. Each change makes new User objects
// and a new generation; who holds a User of an older one looks it up again, which is how a change reaches connections
// that are open. Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/base/result.hpp"
#include "kv/security/rules.hpp"
#include "kv/security/user.hpp"

namespace kv::security {

using UserMap = std::map<std::string, std::shared_ptr<const User>, std::less<>>;

// The users that the text of an ACL file makes; `file` is what messages call it. Fails with kArgument and a message
// that begins with FILE:LINE.
Result<UserMap> parse_users(ByteView text, const std::string& file, CommandInfos commands);

// The text that makes these users, a line each.
std::string to_text(const UserMap& users, Hashes hashes);

class Users {
 public:
  // Of whom there is only `default`, who needs no password and may do everything: everybody may. `file` is that of
  // load() and save(); empty: there is none.
  explicit Users(CommandInfos commands, std::string file = {});

  // Grows with every change, and is never 0. What find() returns is at least as new as what this has returned.
  std::uint64_t generation() const { return generation_.load(std::memory_order_relaxed); }

  // nullptr: there is no such user.
  std::shared_ptr<const User> find(ByteView name) const;
  // Whether nobody can do anything without authenticating first.
  bool need_authentication() const;
  // What a password is to be checked against, so that it takes equally long whoever's it is said to be (nullptr: of
  // nobody): the user's hashes, and beside them others, until there are as many of each cost as any user has. Those may
  // be hashes of other users, whose passwords prove nothing. Empty where nobody has a password.
  std::vector<std::string> hashes_to_check(const User* user) const;
  // What checks of passwords may take at a time, in bytes, all threads together: 0 where nobody has one.
  std::size_t memory_to_check_passwords() const;
  // A line for each user, in the order of their names.
  std::string text(Hashes hashes) const;

  // Changes a user, or makes one (see change() in user.hpp). Fails with kArgument, having changed nothing.
  Result<void> set(ByteView name, ByteView words);
  // False when there is no such user.
  bool remove(ByteView name);

  bool has_file() const { return !file_.empty(); }
  // Replaces all users by those of the file. Fails with kInternal and a message that begins with the file's name,
  // having changed nothing. REQUIRES: has_file().
  Result<void> load();
  // Writes all users to the file, so that a crash leaves the old one or the new one whole. Fails with kInternal;
  // also where load() would find the file too large, and then the old one stays. REQUIRES: has_file().
  Result<void> save() const;

 private:
  void publish();

  const CommandInfos commands_;
  const std::string file_;
  mutable std::mutex file_mutex_;  // taken before mutex_
  mutable std::mutex mutex_;
  UserMap users_;  // guarded by mutex_
  std::atomic<std::uint64_t> generation_{1};
  std::vector<std::string> decoys_;  // guarded by mutex_: of each cost as many hashes as the user has that has most
};

}  // namespace kv::security
