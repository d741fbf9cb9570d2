// AUTH, from the payload to the verdict: whoever is let in is who has that password, and nobody else is. What was
// verified once is remembered, and the answer stays the one that the hash gives.
//
// The input is a stream of frames. That of AUTH is an attempt; kNewPassword changes the password of `app`; the payload
// of any other is the address that a new connection comes from.
#include <cstdint>
#include <map>
#include <memory>
#include <semaphore>
#include <set>
#include <string>

#include "kv/base/limits.hpp"
#include "kv/protocol/command.hpp"
#include "kv/protocol/frame.hpp"
#include "kv/protocol/status.hpp"
#include "kv/security/password.hpp"

#include "command/command_row.hpp"
#include "fuzz/fuzz.hpp"
#include "security/login_delays.hpp"

namespace {

using namespace kv;
using namespace kv::protocol;

constexpr Limits kLimits{.payload_bytes_max = 4096, .key_bytes_max = 100};
constexpr std::uint8_t kNewPassword = 'n';

class NoServer final : public command::Administration {
 public:
  command::ServerState state() const override { return {}; }
  command::PersistenceState persistence() const override { return {}; }
  std::vector<ConnectionInfo> connections() const override { return {}; }
  bool close_connection(std::uint64_t) override { return false; }
  std::vector<command::Setting> settings() const override { return {}; }
  Result<void> change_settings(std::span<const command::SettingChange>, const command::Asker&) override { return {}; }
  void take_snapshot(const std::string&, std::function<void(Result<UnixMillis>)>) override {}
};

// Its hash is the cheapest there is, and always the same.
const std::string& hash_of(const std::string& password) {
  static std::map<std::string, std::string> hashes;
  auto& hash = hashes[password];
  if (hash.empty()) hash = security::hash_password(password, {.passes = 1, .memory_bytes = 8'192}).value();
  return hash;
}

// Users, and which passwords let whom in.
class People {
 public:
  People() {
    change("default", "resetpass #" + hash_of("d"), {"d"});
    change("two", "on #" + hash_of("a") + " #" + hash_of("b"), {"a", "b"});
    change("off", "off #" + hash_of("a"), {});
    change("cert", "on cert", {});
    give_new_password();
  }

  // To `app`, of two in turn.
  void give_new_password() {
    app_password_ = app_password_ == "a" ? "c" : "a";
    change("app", "on resetpass #" + hash_of(app_password_), {app_password_});
  }
  // Whom these let in; empty: nobody.
  std::string known_by(ByteView user, ByteView password) const {
    const std::string name(user.empty() ? security::kDefaultUser : user);
    const auto found = passwords_.find(name);
    return found != passwords_.end() && found->second.contains(std::string(password)) ? name : "";
  }
  security::Users& users() { return users_; }

 private:
  void change(const std::string& name, const std::string& rules, std::set<std::string> passwords) {
    KV_ASSERT(users_.set(name, rules).has_value());
    passwords_[name] = std::move(passwords);
  }

  security::Users users_{command::command_infos()};
  std::map<std::string, std::set<std::string>> passwords_;
  std::string app_password_;
};

class Conversation {
 public:
  Conversation() { connect(""); }

  void connect(ByteView address) {
    const std::string network = security::network_of(address);
    KV_ASSERT(network.size() == 4 || network.size() == 8 || network == address);
    caller_ = dispatcher_.connect({.id = 1, .address = std::string(address)});
  }
  void give_new_password() { people_.give_new_password(); }

  void attempt(const Frame& request) {
    Request decoded;
    const bool is_attempt =
        decode_request(command::find_command(request.tag)->shape, request.payload, kLimits, clock_.now(), decoded)
            .has_value();
    const std::string who = is_attempt ? people_.known_by(decoded.user, decoded.password) : "";
    const std::string before = caller_->user();
    clock_.advance(static_cast<std::uint64_t>(kLoginDelayMax.count()));  // so that nobody has to wait for long
    const Errc outcome = authenticate(request).outcome;
    KV_ASSERT(outcome == (!is_attempt ? Errc::kFrame : who.empty() ? Errc::kNoAuth : Errc::kOk));
    KV_ASSERT(caller_->user() == (who.empty() ? before : who));
    KV_ASSERT(caller_->is_admitted() == !caller_->user().empty());
    if (who.empty()) return;
    // It has the same password as before, so it is known at once.
    const Answer again = authenticate(request);
    KV_ASSERT(again.outcome == Errc::kOk && again.is_at_once && caller_->user() == who);
  }

 private:
  struct Answer {
    Errc outcome;
    bool is_at_once;
  };

  Answer authenticate(const Frame& request) {
    ByteBuffer out;
    const auto pending = dispatcher_.handle(request, *caller_, clock_.now(), Weight::kHeavy, out).pending;
    if (pending != nullptr) {
      KV_ASSERT(out.empty());
      std::binary_semaphore decided(0);
      pending->notify([&] { decided.release(); });
      decided.acquire();
      pending->notify(nullptr);
      pending->complete(out);
    }
    Frame reply;
    ByteView bytes = out.view();
    KV_ASSERT(take_frame(bytes, kLimits.payload_bytes_max, reply) == FrameState::kComplete && bytes.empty());
    const auto status = static_cast<Status>(reply.tag);
    if (status == Status::kOk) return {Errc::kOk, pending == nullptr};
    const auto error = find_errc(status, reply.payload.substr(0, reply.payload.find(' ')));
    KV_ASSERT(error.has_value());
    return {*error, pending == nullptr};
  }

  ManualClock clock_;
  engine::Engine engine_{{.shards = 2}};
  observability::Counters counters_;
  NoServer server_;
  People people_;
  security::Authenticator authenticator_{people_.users(), clock_};
  command::Dispatcher dispatcher_{{engine_, clock_, counters_, server_, people_.users(), authenticator_, kLimits}};
  std::unique_ptr<Caller> caller_;
};

}  // namespace

void fuzz(ByteView input) {
  Conversation conversation;
  Frame request;
  while (take_frame(input, kLimits.payload_bytes_max, request) == FrameState::kComplete) {
    if (request.tag == static_cast<std::uint8_t>(Command::kAuth)) {
      conversation.attempt(request);
    } else if (request.tag == kNewPassword) {
      conversation.give_new_password();
    } else {
      conversation.connect(request.payload);
    }
  }
}
