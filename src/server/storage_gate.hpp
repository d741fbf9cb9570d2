// Plugs the storage into the gate at which replies wait.
#pragma once

#include <functional>
#include <utility>

#include "kv/net/commit_gate.hpp"
#include "kv/storage/storage.hpp"

namespace kv::server {

class StorageGate final : public net::CommitGate {
 public:
  explicit StorageGate(storage::Storage& storage) : storage_(storage) {}

  State state(Lsn lsn) const override {
    if (lsn <= storage_.committed()) return State::kPassed;
    return storage_.has_failed() ? State::kFailed : State::kPending;
  }
  bool has_room() const override { return storage_.has_room(); }
  void hurry() override { storage_.hurry(); }
  void add_listener(std::function<void()> changed) override { storage_.add_listener(std::move(changed)); }

 private:
  storage::Storage& storage_;
};

}  // namespace kv::server
