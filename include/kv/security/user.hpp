// A user: a name, the passwords that prove it, and what it may do.
//
//   user app on cert connections=100 #$argon2id$v=19$… ~app:* +@read +@write
//
// is how a line of the ACL file writes one (docs/users.md).
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/base/result.hpp"
#include "kv/security/rules.hpp"

namespace kv::security {

// How many connections a user has at present. It stays the same object while the user's rules change, and is another
// one when a user of the same name is made anew.
class Presence {
 public:
  // One connection more, unless there are `most` (0: no limit) already. Thread-safe.
  bool enter(std::size_t most);
  void leave() { connections_.fetch_sub(1, std::memory_order_relaxed); }
  std::size_t connections() const { return connections_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> connections_{0};
};

struct User {
  // Off, without password, and with no rights.
  User(std::string its_name, CommandInfos commands) : name(std::move(its_name)), rules(commands) {}

  std::string name;
  bool is_on = false;
  bool needs_no_password = false;   // whoever doesn't authenticate is this user; of `default` alone
  bool takes_certificates = false;  // a client certificate with its name proves it
  std::size_t connections_max = 0;  // 0: no limit
  std::vector<std::string> hashes;  // of its passwords
  Rules rules;
  std::shared_ptr<Presence> presence = std::make_shared<Presence>();
};

// Who a connection is that hasn't authenticated, if there is a user of this name that needs no password; and whom AUTH
// without a name means.
inline constexpr ByteView kDefaultUser = "default";

// 1 to kUserNameBytesMax bytes of UTF-8 without blanks and control characters.
bool is_user_name(ByteView text);

// Changes `user` by words separated by blanks. Fails with kArgument, and a sentence that says which word is wrong and
// what is expected, and quotes nothing that may be secret; `user` is then unspecified.
Result<void> change(User& user, ByteView words);

enum class Hashes { kShown, kHidden };
// The line that makes this user, without its end. Hidden hashes are shown as `#***`.
std::string to_line(const User& user, Hashes hashes);

}  // namespace kv::security
