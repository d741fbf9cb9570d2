// Who calls, as commands know it: which user a connection is, and by what right.
//
// A connection begins as the user of its client certificate, as `default` where that user needs no password, or as
// nobody, who may authenticate and ping and no more. When users change, it looks its user up again at its next request;
// one whose user is gone, is off, or isn't its user by that right any more is nobody from then on.
//
// What it may do is asked on the thread that runs its request, and changes there alone; user() may be asked on another.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "kv/base/bytes.hpp"
#include "kv/base/result.hpp"
#include "kv/protocol/caller.hpp"
#include "kv/protocol/command.hpp"
#include "kv/security/users.hpp"

namespace kv::command {

class Observer;

class Connection final : public protocol::Caller {
 public:
  using SharedUser = std::shared_ptr<const security::User>;

  Connection(protocol::Peer peer, const security::Users& users);
  ~Connection() override;

  // Whether, as users are in that generation, it may do everything. The one test that all of this costs those whom no
  // rules bind.
  bool is_free(std::uint64_t generation) const { return free_in_ == generation; }

  // Looks its user up again if need be. Fails with kNoAuth where it is nobody and the command is for users.
  Result<void> check_known(protocol::Command command, const security::Users& users);

  // REQUIRES: after check_known().
  bool may_run(protocol::Command command) const;
  bool may_use(ByteView key, security::KeyUse use) const;
  // Adds the steps that finding out took to `steps`.
  bool may_read(ByteView key, std::uint64_t& steps) const;
  bool may_read_all() const { return reads_all_; }

  // It has proved to be that user, who was found in that generation of users or later. Fails with kBusy, and stays who
  // it was, where the user has as many connections as it may have.
  Result<void> become(const SharedUser& user, std::uint64_t generation);

  std::string user() const override;

  // What looks at the requests of others for this connection, and goes with it; nullptr: it is no monitor.
  const std::shared_ptr<Observer>& monitor() const { return monitor_; }
  void set_monitor(std::shared_ptr<Observer> monitor) { monitor_ = std::move(monitor); }

 private:
  enum class Right { kNone, kNoPasswordNeeded, kCertificate, kPassword };

  bool enter(const SharedUser& user, Right right);
  void set(SharedUser user, Right right);
  void leave();
  void look_up(const security::Users& users);
  bool is_still(const security::User* user) const;

  SharedUser user_;  // nullptr: nobody. Changes under mutex_
  mutable std::mutex mutex_;
  Right right_ = Right::kNone;
  bool reads_all_ = false;          // there is no key that it may not read
  std::uint64_t looked_up_in_ = 0;  // the generation
  std::uint64_t free_in_ = 0;       // the generation in which nothing has to be asked; 0: none
  std::shared_ptr<Observer> monitor_;
};

}  // namespace kv::command
