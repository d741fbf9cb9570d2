// From a request frame to its reply: finds the command's row, decodes the payload by the row's shape, runs its
// function.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <string>

#include "kv/base/clock.hpp"
#include "kv/command/administration.hpp"
#include "kv/engine/engine.hpp"
#include "kv/engine/memory_limit.hpp"
#include "kv/observability/counters.hpp"
#include "kv/protocol/request.hpp"
#include "kv/protocol/request_handler.hpp"
#include "kv/protocol/status.hpp"
#include "kv/security/authenticator.hpp"
#include "kv/security/users.hpp"

namespace kv::command {

class SlowLog;

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
  SlowLog* slow_log = nullptr;                   // what took long is kept there, and SLOWLOG tells it; nullptr: nothing
};

class Observers;
struct Context;

class Dispatcher final : public protocol::RequestHandler {
 public:
  // Of a small payload limit follows one for keys: no key is taken that would fit no reply to SCAN.
  explicit Dispatcher(const Services& services);
  ~Dispatcher() override;

  std::unique_ptr<protocol::Caller> connect(protocol::Peer peer) override;
  protocol::Weight weigh(const protocol::Frame& frame) const override;
  bool may_write(const protocol::Frame& frame) const override;
  ByteView name(const protocol::Frame& frame) const override;
  protocol::Handled handle(const protocol::Frame& frame, protocol::Caller& caller, UnixMillis now,
                           protocol::Weight weight, ByteBuffer& out) override;
  void timed(std::span<const protocol::Frame> frames, const protocol::Caller& caller,
             std::chrono::nanoseconds time) override;
  bool make_room(std::size_t bytes) override;
  bool is_short_of_memory() const override;
  void refuse(const Error& error, ByteBuffer& out) override;
  void prefetch(std::span<const protocol::Frame> frames) override;

 private:
  Result<void> run(const protocol::Frame& frame, Context& context) const;
  bool is_read_only() const;
  bool may_stay(const protocol::Frame& frame, const ByteBuffer& out) const;
  void count(std::uint8_t command, protocol::Status status);

  // By the size of its payload, what a request with some command byte weighs; between the two it is light.
  struct Scale {
    std::uint32_t brief_below;
    std::uint32_t heavy_from;
  };

  const Services services_;
  std::array<Scale, 256> scales_;
  const std::unique_ptr<Observers> observers_;
};

// The command table as the rules of users know it.
security::CommandInfos command_infos();

// The command table as JSON: an array of {"byte", "name", "fields", "flags", "category"}, for tools and tests.
std::string commands_as_json();

}  // namespace kv::command
