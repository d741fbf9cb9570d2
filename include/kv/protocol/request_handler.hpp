// The seam between sessions and commands: net calls it, command answers. Neither knows the other.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "kv/base/byte_buffer.hpp"
#include "kv/base/clock.hpp"
#include "kv/base/lsn.hpp"
#include "kv/base/result.hpp"
#include "kv/protocol/caller.hpp"
#include "kv/protocol/frame.hpp"

namespace kv::protocol {

// A reply that is not there yet: its command waits for something that another connection, or time, brings about.
// Used by one session; only the wake function that it was given is called from other threads.
class PendingReply {
 public:
  // Leaves whatever it waited in; what it had been granted but never said passes on.
  virtual ~PendingReply() = default;

  // `wake` is called once, from any thread, when the wait is over; at once when it already is. It must not block and
  // must stay callable until this object is gone. It is not called after the destructor has begun.
  virtual void notify(std::function<void()> wake) = 0;

  // Whether the wait ends when the peer stops sending: what it waits for would be lost on a peer that leaves. Otherwise
  // it goes on, and the peer still gets its answer. Always the same.
  virtual bool ends_with_peer() const = 0;

  // How long to wait at most, from now.
  virtual std::chrono::milliseconds time_left() const = 0;

  // Ends the wait, however it stands, and appends the reply. Either this or withdraw() is called, once. Both return the
  // last record in the log that the reply depends on.
  virtual Lsn complete(ByteBuffer& out) = 0;

  // Ends the wait without taking anything, not even what has already been granted, and appends the reply that says so:
  // the peer has stopped sending, where the wait ends with it, or the server shuts down.
  virtual Lsn withdraw(ByteBuffer& out) = 0;

  // After complete(): the reply did not reach its peer, so whatever it granted passes on to the next in line.
  virtual void undeliverable() = 0;
};

// The end of a reply that is too large to be copied: bytes that stay what they are, wherever they are, while this
// lives. Used by one session; may be destroyed by any thread.
class ReplyTail {
 public:
  virtual ~ReplyTail() = default;
  // Never empty.
  virtual ByteView bytes() const = 0;
};

enum class Weight {
  kBrief,  // run it where the session runs; it is so quick that reading a clock for it would be felt
  kLight,  // run it where the session runs
  kHeavy,  // may take long: run it beside the I/O threads
};

// What became of a request.
struct Handled {
  std::unique_ptr<PendingReply> pending = nullptr;  // set where the reply is still to come
  Lsn lsn = kNoLsn;                                 // the last record in the log that the reply depends on
  std::unique_ptr<ReplyTail> tail = nullptr;        // set where these bytes go after what was appended
  bool is_heavy = false;                            // nothing was done: it is to be handled as kHeavy

  // Done, and all of its reply appended.
  bool is_whole() const { return pending == nullptr && tail == nullptr && !is_heavy; }
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;

  // A connection begins: what the handler keeps of it. Thread-safe.
  virtual std::unique_ptr<Caller> connect(Peer peer) = 0;

  // Whether the frame may take so long that it would delay other sessions. Cheap; thread-safe.
  virtual Weight weigh(const Frame& frame) const = 0;

  // Whether the frame may change data, and so needs room in the log. Cheap; thread-safe.
  virtual bool may_write(const Frame& frame) const = 0;

  // What the frame's command is called, for people; good for ever. Thread-safe.
  virtual ByteView name(const Frame& frame) const = 0;

  // Carries out one request of `caller`, which connect() made, and appends its reply to `out`; or returns a
  // PendingReply, and appends nothing yet. The reply is to be sent only once the log is as safe up to Handled::lsn as
  // its policy promises. Thread-safe. `now` may be the time of the batch that the frame came in. `weight` says where it
  // runs, as kLight or kHeavy: of a frame that weighs little the reply may turn out to be large, and then this has to
  // be called again, elsewhere. Never throws on what a peer sent.
  virtual Handled handle(const Frame& frame, Caller& caller, UnixMillis now, Weight weight, ByteBuffer& out) = 0;

  // These frames of `caller` were handled one after the other, in `time` together; they are still readable. It is the
  // time that was spent on them here: from the frame in the input to the reply in the output, and not what a reply
  // waits for after that (another's lock, the log, a peer that reads). Thread-safe.
  virtual void timed(std::span<const Frame> frames, const Caller& caller, std::chrono::nanoseconds time) = 0;

  // Finds room for `bytes` more of a large request that is still to come in full. False where there is none: then it is
  // to be refused. Takes as long as making so much room takes. Thread-safe; never throws.
  virtual bool make_room(std::size_t bytes) = 0;

  // Whether memory is so short that peers which hold some without going on are to be cut off soon. Cheap; thread-safe.
  virtual bool is_short_of_memory() const = 0;

  // Appends the reply to a frame that was refused before it was read in full.
  virtual void refuse(const Error& error, ByteBuffer& out) = 0;

  // A hint that these frames are about to be handled, in this order. Thread-safe.
  virtual void prefetch(std::span<const Frame> frames) = 0;
};

}  // namespace kv::protocol
