#include "net/session_trace.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "kv/protocol/frame.hpp"
#include "kv/protocol/status.hpp"

namespace kv::net {
namespace {

using observability::Span;
using observability::UnixNanos;

// The names are those of OpenTelemetry's semantic conventions, where they have one.
void note_peer(Span& span, const protocol::Peer& peer) {
  span.note("client.address", peer.address).note("kv.connection.id", static_cast<std::int64_t>(peer.id));
}

// The word of an error, which is the first of its payload; empty where it isn't one.
std::string error_word(ByteView reply) {
  if (reply.size() < protocol::kHeaderBytes) return {};
  const auto status = static_cast<protocol::Status>(reply[0]);
  if (status != protocol::Status::kError && status != protocol::Status::kInvalid) return {};
  const ByteView payload = reply.substr(protocol::kHeaderBytes);
  return std::string(payload.substr(0, payload.find(' ')));
}

}  // namespace

void SessionTrace::trace_accepted(const protocol::Peer& peer, SteadyClock::time_point began) {
  const auto trace = tracer_->sample("accept");
  if (trace == nullptr) return;
  const auto took = std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now() - began);
  trace->root().begin -= std::min(trace->root().begin, static_cast<UnixNanos>(took.count()));
  note_peer(trace->root(), peer);
  if (peer.is_encrypted) trace->add("TLS handshake", trace->root().begin);
}

void SessionTrace::begin_batch(const protocol::Peer& peer) {
  trace_ = tracer_->sample("batch");
  requests_ = 0;
  if (trace_ != nullptr) note_peer(trace_->root(), peer);
}

void SessionTrace::end_batch() {
  trace_->root().note("kv.requests", requests_);
  trace_.reset();
}

void SessionTrace::ran(ByteView command, UnixNanos since, ByteView reply) {
  ++requests_;
  trace_->add(command, since).error = error_word(reply);
}

}  // namespace kv::net
