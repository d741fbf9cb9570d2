// From a request frame to its reply: finds the command's row, decodes the payload by the row's shape, runs its
// function.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "kv/base/clock.hpp"
#include "kv/command/administration.hpp"
#include "kv/engine/engine.hpp"
#include "kv/engine/memory_limit.hpp"
#include "kv/observability/counters.hpp"
#include "kv/protocol/request.hpp"
#include "kv/protocol/request_handler.hpp"
#include "kv/security/authenticator.hpp"
#include "kv/security/users.hpp"

namespace kv::command {

// What commands work with. All of it must outlive the Dispatcher and its pending replies.
struct Services {
  engine::Engine& engine;
  const Clock& clock;
  observability::Counters& counters;
  Administration& administration;
  security::Users& users;
  security::Authenticator& authenticator;
  protocol::Limits limits;
  const std::atomic<bool>* read_only = nullptr;  // while it is true, commands that may change keys get READONLY
  engine::MemoryLimit* memory = nullptr;         // where memory is limited: commands that need some get OOM without
};

struct Context;

class Dispatcher final : public protocol::RequestHandler {
 public:
  // Of a small payload limit follows one for keys: no key is taken that would fit no reply to SCAN.
  explicit Dispatcher(const Services& services);

  std::unique_ptr<protocol::Caller> connect(protocol::Peer peer) override;
  // What handle() goes by before it has looked at any data: only a frame that weighs little is run as kLight.
  static protocol::Weight weigh(const protocol::Frame& frame);
  bool may_write(const protocol::Frame& frame) const override;
  ByteView name(const protocol::Frame& frame) const override;
  protocol::Handled handle(const protocol::Frame& frame, protocol::Caller& caller, UnixMillis now,
                           protocol::Weight weight, ByteBuffer& out) override;
  void refuse(const Error& error, ByteBuffer& out) override;
  void prefetch(std::span<const protocol::Frame> frames) override;

 private:
  Result<void> run(const protocol::Frame& frame, Context& context) const;
  bool is_read_only() const;

  const Services services_;
};

// The command table as the rules of users know it.
security::CommandInfos command_infos();

// The command table as JSON: an array of {"byte", "name", "fields", "flags", "category"}, for tools and tests.
std::string commands_as_json();

}  // namespace kv::command
