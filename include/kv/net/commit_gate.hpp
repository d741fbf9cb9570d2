// The seam between sessions and the log: a reply may leave only once the log holds what it tells of. net asks; the
// server plugs the log in, or nothing where data is kept in memory alone.
#pragma once

#include <functional>

#include "kv/base/lsn.hpp"

namespace kv::net {

class CommitGate {
 public:
  virtual ~CommitGate() = default;

  enum class State {
    kPassed,   // a reply that depends on this record may leave
    kPending,  // not yet
    kFailed,   // whether the record will be there after a restart is not known, and never will be
  };
  // Thread-safe and cheap. kPassed and kFailed are final for an LSN.
  virtual State state(Lsn lsn) const = 0;

  // Whether another request may be run: false while the log's queue is full. Thread-safe and cheap.
  virtual bool has_room() const = 0;

  // Somebody waits, so what is queued should be written now. Where that is quick it is, before this returns.
  // Thread-safe.
  virtual void hurry() = 0;

  // `changed` is called, from any thread, after the state of some LSN or has_room() has changed. It must not block.
  // REQUIRES: called before any session runs; `changed` stays callable until the gate is gone.
  virtual void add_listener(std::function<void()> changed) = 0;
};

}  // namespace kv::net
