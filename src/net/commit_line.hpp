// The sessions of one I/O thread that wait for the log: with replies that may not leave yet, or for room in its queue.
//
// Those with replies stand in line by the record they wait for, and the line is resumed from its front. The thread asks
// the log to hurry once for all sessions that have come to wait in one sweep, and the log wakes the thread once for all
// that may go on: so what it costs to wait is shared, and the more sessions are busy the less each pays.
// Used by its io_context's thread alone, but for changed().
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/async_result.hpp>

#include "kv/base/asio_types.hpp"
#include "kv/base/lsn.hpp"
#include "kv/net/commit_gate.hpp"

#include "net/operation.hpp"

namespace kv::net {

class CommitLine {
 public:
  // `gate` may be nullptr: then nothing ever waits.
  CommitLine(asio::io_context& io, CommitGate* gate);

  // Whether a reply that depends on `lsn` may leave now, or whoever sends it has to wait.
  bool may_pass(Lsn lsn) const {
    return lsn == kNoLsn || gate_ == nullptr || gate_->state(lsn) == CommitGate::State::kPassed;
  }
  bool has_room() const { return gate_ == nullptr || gate_->has_room(); }

  // Completes with no error once a reply that depends on `lsn` may leave; with operation_aborted when it never may.
  template <typename Token>
  auto async_pass(Lsn lsn, Token&& token) {
    return asio::async_initiate<Token, void(error_code)>(
        [this, lsn](auto handler) {
          enter({lsn, OperationOf<decltype(handler), error_code>::make(std::move(handler), io_.get_executor())});
        },
        token);
  }
  // Completes once the log's queue has room.
  template <typename Token>
  auto async_room(Token&& token) {
    return asio::async_initiate<Token, void(error_code)>(
        [this](auto handler) {
          enter_for_room(OperationOf<decltype(handler), error_code>::make(std::move(handler), io_.get_executor()));
        },
        token);
  }

  // Everybody who waits is told operation_aborted.
  void abort();

  // From any thread: something may go on.
  void changed();

 private:
  using Pending = PendingOperation<error_code>;
  struct Place {
    Lsn lsn;
    Pending operation;
  };

  void enter(Place place);
  void enter_for_room(Pending operation);
  void start_waiting();
  void resume();

  asio::io_context& io_;
  CommitGate* const gate_;
  std::deque<Place> line_;  // by lsn
  std::vector<Pending> for_room_;
  bool hurry_posted_ = false;
  std::atomic<bool> is_waiting_{false};  // wants changed() to do something
};

}  // namespace kv::net
