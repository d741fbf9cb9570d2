// A request from frame to reply, without the network: what decoding, dispatch and encoding add to the engine.
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "kv/base/byte_buffer.hpp"
#include "kv/base/clock.hpp"
#include "kv/command/dispatcher.hpp"
#include "kv/protocol/command.hpp"
#include "kv/value/build.hpp"

namespace {

using kv::ByteBuffer;
using kv::protocol::Command;
using kv::protocol::Frame;

class NoAdministration final : public kv::command::Administration {
 public:
  kv::command::ServerState state() const override { return {}; }
  kv::command::PersistenceState persistence() const override { return {}; }
  std::vector<kv::protocol::ConnectionInfo> connections() const override { return {}; }
  bool close_connection(std::uint64_t) override { return false; }
  std::vector<kv::command::Setting> settings() const override { return {}; }
  kv::Result<void> change_settings(std::span<const kv::command::SettingChange>, const kv::command::Asker&) override {
    return {};
  }
  void take_snapshot(const std::string&, std::function<void(kv::Result<kv::UnixMillis>)>) override {}
};

// A dispatcher on an engine of `kKeys` keys, and a payload of the command for each of a random sequence of keys.
class Fixture {
 public:
  static constexpr std::uint64_t kKeys = 100'000;

  explicit Fixture(Command command) : command_(static_cast<std::uint8_t>(command)) {
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      handle({static_cast<std::uint8_t>(Command::kSet), set_payload(i)});
    }
    std::mt19937_64 random(1);
    for (std::string& payload : payloads_) {
      const std::uint64_t number = random() % kKeys;
      payload = command == Command::kSet ? set_payload(number) : key(number);
    }
  }

  void handle_next() { handle({command_, payloads_[++at_ % payloads_.size()]}); }

 private:
  static std::string key(std::uint64_t number) {
    std::string digits = std::to_string(number);
    return "key:" + std::string(12 - digits.size(), '0') + digits;
  }
  static std::string set_payload(std::uint64_t number) {
    std::string payload;
    kv::append_big_endian<std::uint16_t>(payload, 16);
    payload += key(number);
    kv::append_big_endian<std::uint64_t>(payload, 0);
    return payload + kv::value::encode_bytes(std::string(32, 'v'));
  }
  void handle(const Frame& frame) {
    reply_.clear();
    dispatcher_.handle(frame, *caller_, now_, kv::protocol::Weight::kLight, reply_);
  }

  std::uint8_t command_;
  kv::SystemClock clock_;
  kv::UnixMillis now_ = clock_.now();
  kv::engine::Engine engine_{kv::engine::Engine::Options{}};
  kv::observability::Counters counters_;
  NoAdministration administration_;
  kv::security::Users users_{kv::command::command_infos()};
  kv::security::Authenticator authenticator_{users_, clock_};
  kv::command::Dispatcher dispatcher_{{engine_, clock_, counters_, administration_, users_, authenticator_, {}}};
  std::unique_ptr<kv::protocol::Caller> caller_ = dispatcher_.connect({});
  std::vector<std::string> payloads_ = std::vector<std::string>(1U << 16);
  std::size_t at_ = 0;
  ByteBuffer reply_;
};

void run(benchmark::State& state, Command command) {
  Fixture fixture(command);
  for (auto _ : state) fixture.handle_next();
  state.SetItemsProcessed(state.iterations());
}
void BM_HandlePing(benchmark::State& state) {
  run(state, Command::kPing);
}
void BM_HandleGet(benchmark::State& state) {
  run(state, Command::kGet);
}
void BM_HandleSet(benchmark::State& state) {
  run(state, Command::kSet);
}
BENCHMARK(BM_HandlePing);
BENCHMARK(BM_HandleGet);
BENCHMARK(BM_HandleSet);

}  // namespace

BENCHMARK_MAIN();
