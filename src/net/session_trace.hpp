// What a session tells the tracer: one trace for its beginning, and one for each batch of requests that it reads, with
// a step for each request and each wait. Where there is no tracer, or this batch isn't sampled, each call is one look
// at a pointer.
#pragma once

#include <cstdint>
#include <memory>

#include "kv/base/asio_types.hpp"
#include "kv/base/bytes.hpp"
#include "kv/observability/trace.hpp"
#include "kv/protocol/caller.hpp"

namespace kv::net {

class SessionTrace {
 public:
  explicit SessionTrace(observability::Tracer* tracer) : tracer_(tracer) {}
  ~SessionTrace() { end(); }
  SessionTrace(const SessionTrace&) = delete;
  SessionTrace& operator=(const SessionTrace&) = delete;

  // The connection is served from here on; it was accepted at `began`.
  void accepted(const protocol::Peer& peer, SteadyClock::time_point began) {
    if (tracer_ != nullptr) trace_accepted(peer, began);
  }

  // Requests are about to be run. Those until end() make one batch.
  void begin(const protocol::Peer& peer) {
    if (tracer_ != nullptr && trace_ == nullptr) begin_batch(peer);
  }
  // All of them have been answered.
  void end() {
    if (trace_ != nullptr) end_batch();
  }

  bool is_on() const { return trace_ != nullptr; }
  // When a step begins; means nothing where it isn't traced.
  observability::UnixNanos now() const { return is_on() ? observability::Tracer::now() : 0; }
  // A request was run; `reply` is what was appended for it, if anything was. REQUIRES: is_on().
  void ran(ByteView command, observability::UnixNanos since, ByteView reply);
  void waited(ByteView for_what, observability::UnixNanos since) {
    if (trace_ != nullptr) trace_->add(for_what, since);
  }

 private:
  void trace_accepted(const protocol::Peer& peer, SteadyClock::time_point began);
  void begin_batch(const protocol::Peer& peer);
  void end_batch();

  observability::Tracer* const tracer_;  // nullptr: there is none
  std::unique_ptr<observability::Trace> trace_;
  std::int64_t requests_ = 0;
};

}  // namespace kv::net
