// The ceiling that kv-server is measured against: its own commands and engine behind raw epoll, without sessions,
// limits, timeouts or threads. What kv-server costs above this is what its net room costs.
//
//   kv-epoll-engine [PORT]   binds 127.0.0.1; port 0 (the default) picks a free one, and it prints which; SIGTERM and
//                            SIGINT end it. A command that has to wait closes its connection.
#include <array>
#include <span>
#include <vector>

#include "kv/base/byte_buffer.hpp"
#include "kv/base/clock.hpp"
#include "kv/command/administration.hpp"
#include "kv/command/dispatcher.hpp"
#include "kv/engine/engine.hpp"
#include "kv/engine/sweeper.hpp"
#include "kv/observability/counters.hpp"
#include "kv/protocol/frame.hpp"

#include "epoll_server.hpp"

namespace {

using kv::ByteBuffer;
using kv::ByteView;

class Commands : public kv::command::Administration {
 public:
  struct Session {
    ByteBuffer partial;  // the beginning of a request whose end has not come yet
  };

  bool answer(Session& session, ByteView input, ByteBuffer& replies) {
    if (session.partial.empty()) {
      if (!run_whole(input, replies)) return false;
      session.partial.append(input);
      return true;
    }
    session.partial.append(input);
    ByteView all = session.partial.view();
    if (!run_whole(all, replies)) return false;
    session.partial.consume(session.partial.size() - all.size());
    return true;
  }

  kv::command::ServerState state() const override { return {}; }
  kv::command::PersistenceState persistence() const override { return {}; }
  std::vector<kv::protocol::ConnectionInfo> connections() const override { return {}; }
  bool close_connection(std::uint64_t) override { return false; }
  std::vector<kv::command::Setting> settings() const override { return {}; }
  kv::Result<void> change_settings(std::span<const kv::command::SettingChange>, const kv::command::Asker&) override {
    return {};
  }
  void take_snapshot(const std::string&, std::function<void(kv::Result<kv::UnixMillis>)>) override {}

 private:
  static constexpr std::size_t kPrefetchFramesMax = 16;

  // Runs the whole requests at the front of `input` and moves it past them.
  bool run_whole(ByteView& input, ByteBuffer& replies) {
    const kv::UnixMillis now = clock_.now();
    std::array<kv::protocol::Frame, kPrefetchFramesMax> frames;
    for (std::size_t count = frames.size(); count == frames.size();) {
      count = 0;
      while (count < frames.size() && take(input, frames[count])) ++count;
      if (count > 1) dispatcher_.prefetch({frames.data(), count});
      for (const kv::protocol::Frame& frame : std::span(frames).first(count)) {
        const auto handled = dispatcher_.handle(frame, *caller_, now, kv::protocol::Weight::kHeavy, replies);
        if (handled.pending != nullptr) return false;
        if (handled.tail != nullptr) replies.append(handled.tail->bytes());
      }
    }
    return true;
  }

  bool take(ByteView& input, kv::protocol::Frame& frame) const {
    return kv::protocol::take_frame(input, limits_.payload_bytes_max, frame) == kv::protocol::FrameState::kComplete;
  }

  const kv::protocol::Limits limits_;
  kv::SystemClock clock_;
  kv::observability::Counters counters_;
  kv::engine::Engine engine_{{}};
  kv::engine::Sweeper sweeper_{engine_, clock_};
  kv::security::Users users_{kv::command::command_infos()};
  kv::security::Authenticator authenticator_{users_, clock_};
  kv::command::Dispatcher dispatcher_{{.engine = engine_,
                                       .clock = clock_,
                                       .counters = counters_,
                                       .administration = *this,
                                       .users = users_,
                                       .authenticator = authenticator_,
                                       .limits = limits_}};
  std::unique_ptr<kv::protocol::Caller> caller_ = dispatcher_.connect({});
};

}  // namespace

int main(int argc, char** argv) {
  using namespace kv::bench;
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  const int signals = stop_signals();
  Commands commands;
  EpollServer(commands, listen_on(number_argument<std::uint16_t>(arguments, 1, 0)), signals).run();
}
