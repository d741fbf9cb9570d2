// Whole conversations: a stream of requests is carried out on a small engine while time goes on, and each gets exactly
// one well-formed reply, at once or when its wait is over.
#include <memory>
#include <vector>

#include "kv/command/dispatcher.hpp"
#include "kv/protocol/command.hpp"
#include "kv/protocol/frame.hpp"
#include "kv/protocol/status.hpp"

#include "fuzz/fuzz.hpp"

namespace {

using namespace kv;
using namespace kv::protocol;

constexpr Limits kLimits{.payload_bytes_max = 4096, .key_bytes_max = 100};

class NoServer final : public command::Administration {
 public:
  command::ServerState state() const override { return {}; }
  command::PersistenceState persistence() const override { return {.enabled = true}; }
  std::vector<ConnectionInfo> connections() const override { return {{.id = 1, .address = "127.0.0.1:1"}}; }
  bool close_connection(std::uint64_t id) override { return id == 1; }
  std::vector<command::Setting> settings() const override { return {{.name = "a", .values = {"1"}}}; }
  Result<void> change_settings(std::span<const command::SettingChange>, const command::Asker&) override { return {}; }
  // A backup is done at once, a snapshot when nobody asks any more.
  void take_snapshot(const std::string& backup_folder, std::function<void(Result<UnixMillis>)> done) override {
    if (!backup_folder.empty()) done(Error{Errc::kInternal, backup_folder});
  }
};

void check_one_reply(ByteView out) {
  Frame reply;
  KV_ASSERT(take_frame(out, kLimits.payload_bytes_max, reply) == FrameState::kComplete && out.empty());
  const auto status = static_cast<Status>(reply.tag);
  KV_ASSERT(status <= Status::kInvalid);
  KV_ASSERT(status != Status::kNull || reply.payload.empty());
  if (status == Status::kError || status == Status::kInvalid) {
    KV_ASSERT(find_errc(status, reply.payload.substr(0, reply.payload.find(' '))));
  }
}

}  // namespace

void fuzz(ByteView input) {
  ManualClock clock;
  engine::Engine engine({.shards = 2});
  static observability::Counters counters;
  NoServer server;
  security::Users users(command::command_infos());
  security::Authenticator authenticator(users, clock);
  command::Dispatcher dispatcher({engine, clock, counters, server, users, authenticator, kLimits});

  const auto caller = dispatcher.connect({});
  std::vector<std::unique_ptr<PendingReply>> waiting;
  Frame request;
  while (take_frame(input, kLimits.payload_bytes_max, request) == FrameState::kComplete) {
    // Checking a password takes longer than all else that an input can ask for.
    if (request.tag == static_cast<std::uint8_t>(Command::kAuth)) continue;
    dispatcher.weigh(request);
    dispatcher.prefetch({&request, 1});
    ByteBuffer out;
    if (auto pending = dispatcher.handle(request, *caller, clock.now(), Weight::kHeavy, out).pending) {
      KV_ASSERT(out.empty());
      waiting.push_back(std::move(pending));
    } else {
      check_one_reply(out.view());
    }
    clock.advance(request.payload.size());
  }
  engine.hand_over_expired(clock.now());
  for (const auto& pending : waiting) {
    ByteBuffer out;
    pending->complete(out);
    check_one_reply(out.view());
    pending->undeliverable();
  }
}
