// Commands on users: AUTH WHOAMI ACL.
//
// Checking a password takes long and is done on threads of its own, so AUTH is answered later, by its session; nothing
// of the connection changes before.
#include <atomic>
#include <chrono>
#include <string>

#include "kv/base/limits.hpp"
#include "kv/observability/log.hpp"

#include "command/command_row.hpp"

namespace kv::command {
namespace {

using observability::Counter;
using protocol::AclCall;
using security::Hashes;
using security::Verdict;

// How many failures may be logged: so many a second, the others are counted.
class FailureLog {
 public:
  void write(const protocol::Peer& peer, const std::string& user) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto second = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    if (second_.exchange(second, std::memory_order_relaxed) != second) lines_.store(0, std::memory_order_relaxed);
    if (lines_.fetch_add(1, std::memory_order_relaxed) >= kFailureLinesMax) {
      left_out_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    log::warn(
        "authentication failed",
        {{"address", peer.address}, {"user", user}, {"not_logged", left_out_.exchange(0, std::memory_order_relaxed)}});
  }

 private:
  std::atomic<std::int64_t> second_{0};
  std::atomic<std::size_t> lines_{0};  // of this second
  std::atomic<std::uint64_t> left_out_{0};
};

FailureLog failure_log;

// What comes of an attempt, once there is a verdict.
Result<void> finish(const Services& services, Connection& connection, const security::Login& login) {
  const Verdict verdict = login.verdict().value_or(Verdict::kBusy);
  if (verdict == Verdict::kBusy) return Error{Errc::kBusy, "too many are authenticating; try again later"};
  // It may be gone by now, or be another one of that name.
  const std::uint64_t generation = services.users.generation();
  const auto user = services.users.find(login.user);
  if (user != nullptr && login.is_accepted_as(*user)) return connection.become(user, generation);
  services.counters.add(Counter::kAuthenticationFailures);
  failure_log.write(connection.peer(), login.user);
  return Error{Errc::kNoAuth, "there is no such user with this password"};
}

class PendingAuth final : public protocol::PendingReply {
 public:
  PendingAuth(const Services& services, Connection& connection, std::shared_ptr<security::Login> login)
      : services_(services), connection_(connection), login_(std::move(login)) {}
  ~PendingAuth() override { login_->on_verdict(nullptr); }

  void notify(std::function<void()> wake) override { login_->on_verdict(std::move(wake)); }
  // Longer than any attempt stays in line.
  std::chrono::milliseconds time_left() const override { return 2 * kLoginWaitMax; }
  bool ends_with_peer() const override { return false; }

  Lsn complete(ByteBuffer& out) override {
    constexpr auto kCommand = static_cast<std::uint8_t>(protocol::Command::kAuth);
    protocol::ReplyWriter reply(out, services_.limits.payload_bytes_max);
    if (const auto done = finish(services_, connection_, *login_)) {
      reply.ok();
      services_.counters.add_ok(kCommand);
    } else {
      services_.counters.add_failed(kCommand, done.error().code);
      reply.error(done.error());
    }
    return kNoLsn;
  }

  // The server stops.
  Lsn withdraw(ByteBuffer& out) override { return complete(out); }
  void undeliverable() override {}

 private:
  const Services& services_;
  Connection& connection_;
  const std::shared_ptr<security::Login> login_;
};

Result<void> auth(Context& context, Request& request) {
  const ByteView name = request.user.empty() ? security::kDefaultUser : request.user;
  const std::string& address = context.caller.peer().address;
  auto login = context.services.authenticator.begin(name, request.password, address);
  if (!login->verdict()) {
    context.handled.pending = std::make_unique<PendingAuth>(context.services, context.caller, std::move(login));
    return {};
  }
  auto done = finish(context.services, context.caller, *login);
  if (done) context.reply.ok();
  return done;
}

Result<void> whoami(Context& context, Request&) {
  context.reply.ok(context.caller.user());
  return {};
}

// A line for whoever asks later who changed what.
void log_change(const Context& context, const char* what, ByteView user = {}, const std::string& line = {}) {
  const std::string by = context.caller.user();
  log::info("users changed",
            {{"call", what}, {"user", user}, {"line", line}, {"by", by}, {"address", context.caller.peer().address}});
}

Result<void> set_user(Context& context, const Request& request) {
  security::Users& users = context.services.users;
  if (auto set = users.set(request.user, request.rest); !set) return set;
  const auto user = users.find(request.user);
  log_change(context, "SETUSER", request.user, user == nullptr ? "" : to_line(*user, Hashes::kHidden));
  context.reply.ok();
  return {};
}

Result<void> acl(Context& context, Request& request) {
  security::Users& users = context.services.users;
  const bool needs_file = request.acl_call == AclCall::kLoad || request.acl_call == AclCall::kSave;
  if (needs_file && !users.has_file()) {
    return Error{Errc::kInternal, "there is no file of users: start the server with --acl-file"};
  }
  Result<void> done;
  switch (request.acl_call) {
    case AclCall::kList:
      context.reply.ok(users.text(Hashes::kHidden));
      return {};
    case AclCall::kSetUser:
      return set_user(context, request);
    case AclCall::kDeleteUser: {
      const bool was_there = users.remove(request.user);
      if (was_there) log_change(context, "DELUSER", request.user);
      context.reply.ok_bool(was_there);
      return {};
    }
    case AclCall::kLoad:
      done = users.load();
      if (done) log_change(context, "LOAD");
      break;
    case AclCall::kSave:
      done = users.save();
      if (done) log_change(context, "SAVE");
      break;
  }
  if (!done) return Error{done.error().code, log::escape_for_log(done.error().message, kReasonBytesMax)};
  context.reply.ok();
  return {};
}

using enum protocol::Field;
using protocol::Command;

constexpr CommandRow kRows[] = {
    {Command::kAuth, "AUTH", {kUser, kPassword}, kWaits | kOpen, "connection", auth},
    {Command::kWhoami, "WHOAMI", {}, kOpen, "connection", whoami},
    {Command::kAcl, "ACL", {kAclCall}, kAdmin | kHeavy, "users", acl},
};

}  // namespace

std::span<const CommandRow> user_commands() {
  return kRows;
}

}  // namespace kv::command
