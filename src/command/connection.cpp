#include "command/connection.hpp"

#include <utility>

namespace kv::command {

using security::KeyUse;

Connection::Connection(protocol::Peer its_peer, const security::Users& users) : Caller(std::move(its_peer)) {
  set_admitted(false);
  looked_up_in_ = users.generation();
  if (const std::string& name = peer().certificate_name; !name.empty()) {
    const SharedUser found = users.find(name);
    if (found != nullptr && found->is_on && found->takes_certificates && enter(found, Right::kCertificate)) return;
  }
  const SharedUser everybody = users.find(security::kDefaultUser);
  if (everybody != nullptr && everybody->is_on && everybody->needs_no_password) {
    enter(everybody, Right::kNoPasswordNeeded);
  }
}

Connection::~Connection() {
  leave();
}

Result<void> Connection::check_known(protocol::Command command, const security::Users& users) {
  if (looked_up_in_ != users.generation()) look_up(users);
  const bool is_for_all = command == protocol::Command::kAuth || command == protocol::Command::kPing;
  if (user_ == nullptr && !is_for_all) return Error{Errc::kNoAuth, "authenticate first"};
  return {};
}

void Connection::look_up(const security::Users& users) {
  looked_up_in_ = users.generation();
  if (user_ == nullptr) return;
  SharedUser found = users.find(user_->name);
  if (is_still(found.get())) {
    set(std::move(found), right_);
  } else {
    leave();
  }
}

bool Connection::is_still(const security::User* user) const {
  if (user == nullptr || !user->is_on || user->presence != user_->presence) return false;
  switch (right_) {
    case Right::kNone:
      return false;
    case Right::kNoPasswordNeeded:
      return user->needs_no_password;
    case Right::kCertificate:
      return user->takes_certificates;
    case Right::kPassword:
      return true;
  }
  return false;
}

bool Connection::may_run(protocol::Command command) const {
  return user_ != nullptr && user_->rules.may_run(static_cast<std::uint8_t>(command));
}

bool Connection::may_use(ByteView key, KeyUse use) const {
  std::uint64_t steps = 0;
  return user_ != nullptr && user_->rules.may_use(key, use, steps);
}

bool Connection::may_read(ByteView key, std::uint64_t& steps) const {
  return reads_all_ || (user_ != nullptr && user_->rules.may_use(key, KeyUse::kRead, steps));
}

Result<void> Connection::become(const SharedUser& user, std::uint64_t generation) {
  const std::uint64_t before = std::exchange(looked_up_in_, generation);
  if (enter(user, Right::kPassword)) return {};
  looked_up_in_ = before;
  return Error{Errc::kBusy, "the user has too many connections"};
}

bool Connection::enter(const SharedUser& user, Right right) {
  const bool is_same = user_ != nullptr && user_->presence == user->presence;
  if (!is_same && !user->presence->enter(user->connections_max)) return false;
  if (!is_same) leave();
  set(user, right);
  return true;
}

void Connection::set(SharedUser user, Right right) {
  right_ = right;
  reads_all_ = user->rules.may_use_all(KeyUse::kRead);
  free_in_ = user->rules.allows_everything() ? looked_up_in_ : 0;
  {
    const std::lock_guard guard(mutex_);
    user_ = std::move(user);
  }
  set_admitted(true);
}

void Connection::leave() {
  if (user_ == nullptr) return;
  user_->presence->leave();
  set_admitted(false);
  reads_all_ = false;
  free_in_ = 0;
  const std::lock_guard guard(mutex_);
  user_ = nullptr;
}

std::string Connection::user() const {
  const std::lock_guard guard(mutex_);
  return user_ == nullptr ? "" : user_->name;
}

}  // namespace kv::command
