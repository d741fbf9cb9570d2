// Finds out whether users are who they say: by their passwords.
//
// Checking a password takes its time (password.hpp), so two threads of this class do it, and attempts wait in line for
// them. Who comes back with a password that was right before needs no check, and hears so at once.
//
//   1. A user that isn't there takes as long as a wrong password, and gets the same verdict: as many hashes are checked
//      for every attempt as any user has passwords.
//   2. An address that keeps failing is slowed: its attempts are looked at only every so often, whatever is in them.
//   3. What was verified before is looked up only for an address that has nothing in line and isn't slowed. Otherwise
//      an attacker could try passwords as fast as the answers that don't come tell that they were wrong.
//   4. The line has a limit, and so has what it holds of addresses that are slowed; past both an attempt is told to
//      come again, kBusy.
//
// Thread-safe. The threads start with the first attempt that has to wait.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/base/clock.hpp"
#include "kv/security/password.hpp"
#include "kv/security/users.hpp"

namespace kv::security {

class LoginDelays;
class VerifiedPasswords;

enum class Verdict {
  kAccepted,  // the user has that password, and is on
  kRefused,
  kBusy,  // not looked at
};

// One attempt. Whoever made it waits for the verdict and may give it up by letting go of it.
class Login {
 public:
  Login(ByteView its_user, ByteView its_password, const LoginDigest& its_digest, UnixMillis now)
      : user(its_user), password(its_password), digest(its_digest), begun(now) {}

  // Nothing yet, while it waits.
  std::optional<Verdict> verdict() const;
  // `wake` is called once there is a verdict, from any thread; at once where there is one already. It must not block.
  // An empty one takes the last one back: it isn't called any more once this returns.
  void on_verdict(std::function<void()> wake);
  // `hash` is the one that the password was found to fit, where it is accepted.
  void decide(Verdict verdict, std::string hash = {});
  // Whether it is accepted, as that user: who may be another one by now, or have another password.
  bool is_accepted_as(const User& now) const;

  const std::string user;
  const Secret password;
  const LoginDigest digest;
  const UnixMillis begun;

 private:
  mutable std::mutex mutex_;
  std::optional<Verdict> verdict_;  // guarded by mutex_
  std::string hash_;                // guarded by mutex_
  std::function<void()> wake_;      // guarded by mutex_
};

class Authenticator {
 public:
  Authenticator(const Users& users, const Clock& clock);
  // Gives up what is in line.
  ~Authenticator();
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  // `address` is where it comes from (protocol::Peer::address). Doesn't block.
  std::shared_ptr<Login> begin(ByteView user, ByteView password, ByteView address);

 private:
  struct Place {
    std::weak_ptr<Login> login;
    std::string network;
    bool is_delayed = false;  // its network is slowed
  };

  void work();
  void look_at(Place place, UnixMillis now, std::unique_lock<std::mutex>& lock);
  bool check(const Login& login, std::unique_lock<std::mutex>& lock);
  const std::string* verified_hash(const Login& login);
  void leave_line(const std::string& network);

  const Users& users_;
  const Clock& clock_;
  const LoginDigester digester_;

  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::multimap<UnixMillis, Place> line_;                 // by when each may be looked at
  std::unordered_map<std::string, std::size_t> in_line_;  // how many of each network, those being checked included
  std::size_t delayed_ = 0;                               // of line_
  const std::unique_ptr<LoginDelays> delays_;
  const std::unique_ptr<VerifiedPasswords> verified_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kv::security
