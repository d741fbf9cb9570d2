// An engine with a clock moved by hand, and calls that say in a line what tests
// ask of it.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "kv/base/clock.hpp"
#include "kv/engine/engine.hpp"

namespace kv::test {

using Keys = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

// What a call showed of an entry. Tests store Bytes, so `data` is all of the
// value.
struct Seen {
  std::string data;
  UnixMillis deadline = 0;
  bool is_lock = false;

  friend bool operator==(const Seen&, const Seen&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Seen& seen);
};
Seen seen(const engine::EntryView& view);

// Counts its grants.
class TestWaiter final : public engine::Waiter {
 public:
  void granted() override { ++grants; }
  std::atomic<int> grants{0};
};

// The Call of one expression: it lasts until that one ends.
inline engine::Call& call_at(UnixMillis now, engine::Call&& call = {}) {
  call.now = now;
  return call;
}

class TestEngine {
 public:
  explicit TestEngine(const engine::Engine::Options& options = {.shards = 7}) : engine(options) {}

  void put(ByteView key, ByteView data, UnixMillis deadline = 0);
  // The same with a PreparedValue.
  void put_prepared(ByteView key, ByteView data, UnixMillis deadline = 0);
  // The three others answer whether the key was there.
  bool remove(ByteView key);
  bool set_deadline(ByteView key, UnixMillis deadline);
  bool has(ByteView key) const;
  std::optional<Seen> get(ByteView key) const;
  // What modify() shows, which has to be the same.
  std::optional<Seen> get_exclusively(ByteView key);

  void put_many(const Pairs& pairs, UnixMillis deadline = 0);
  std::vector<std::optional<Seen>> get_many(const Keys& keys) const;
  std::uint32_t remove_many(const Keys& keys);
  // Everything that a walk by steps of `count` shows, which is every entry,
  // expired or not.
  std::map<std::string, Seen> entries(std::size_t count = 100) const;
  // All keys of a scan by steps of `count`, in the order in which they were
  // visited.
  Keys scan(std::size_t count = 100) const;

  // Whether it got the lock.
  bool lock(ByteView key, ByteView owner, std::uint64_t ttl_ms = 1'000);
  // Stands in line. REQUIRES: the key is present.
  void wait(ByteView key, TestWaiter& waiter, ByteView owner, std::uint64_t ttl_ms = 1'000);
  // Who holds the lock; nothing where there is none.
  std::optional<std::string> owner(ByteView key) const;
  void sweep();

  engine::Engine engine;
  UnixMillis now = 1'700'000'000'000;
};

}  // namespace kv::test
