// What tests of the log, of snapshots and of recovery compare: what an engine holds, what it was told to hold, and how
// it came to that.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "kv/base/clock.hpp"
#include "kv/engine/engine.hpp"
#include "kv/engine/mutation.hpp"

#include "support/storage/snapshot_files.hpp"

namespace kv::storage::test {

// Everything that a walk shows, expired or not.
Entries entries_of(const engine::Engine& engine);

// A Mutation that owns its bytes.
struct Change {
  using Kind = engine::Mutation::Kind;
  Kind kind = Kind::kPut;
  std::string key;
  StoredEntry entry;
  std::uint64_t token = 0;

  explicit Change(const engine::Mutation& mutation);
};
using Changes = std::vector<Change>;

// What records mean, said once more and in the simplest way.
void apply(const Changes& record, Entries& entries);
// What the first `count` records make of nothing.
Entries entries_after(std::span<const Changes> records, std::size_t count);

// Keeps each record and hands it on. Thread-safe.
class ForwardingSink final : public engine::MutationSink {
 public:
  // To `next` from here on; its numbers have to go on after `kept` records, and what was kept beyond them is forgotten.
  void forward_to(engine::MutationSink& next, std::size_t kept);

  Lsn record(std::span<const engine::Mutation> mutations) noexcept override;
  bool reads_depend_on_log() const override { return next_->reads_depend_on_log(); }
  bool accepts_upkeep() const override { return next_->accepts_upkeep(); }

  // REQUIRES: no other thread records meanwhile.
  const std::vector<Changes>& records() const { return records_; }

 private:
  std::mutex mutex_;
  engine::MutationSink* next_ = nullptr;
  std::vector<Changes> records_;
};

// A clock that stands still, and lets something happen whenever it is asked: so a test of one thread has changes come
// between the steps of a snapshot.
class EventfulClock final : public Clock {
 public:
  UnixMillis now() const override {
    if (on_look) on_look();
    return kCreated;
  }
  std::function<void()> on_look;
};

// A PUT of Bytes. Good as long as the arguments are.
engine::Mutation put_of(ByteView key, ByteView data, UnixMillis deadline = 0);
engine::Mutation delete_of(ByteView key);
engine::Mutation clear();

// Puts Bytes through the engine's own call.
void put(engine::Engine& engine, ByteView key, ByteView data, UnixMillis deadline = 0);

}  // namespace kv::storage::test
