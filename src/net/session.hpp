// A session: one connection, one coroutine, one thread.
//
//            +---------------------------------------------------------------+
//            v                                                               |
//   read what is there -> run every whole frame in it -> wait for the log -> write all replies at once
//                                                        or the sweep's end
//
// next_step() is the logic: it runs frames and says what has to be awaited next. run() only carries that out. Between
// two awaits the session has its thread to itself, so nothing in it needs a lock.
//
//   1. Replies stand in the order of the requests; a frame that waits, or is heavy, holds the later ones back.
//   2. Over --reply-backlog bytes of replies no further frame runs until they are written, so a session holds at most
//      that and one reply, however fast its peer sends and however slowly it reads. A value that it sends from where it
//      stands counts as any other bytes.
//   3. The input buffer grows with the bytes that arrive, never with the length that a header claims; and past what is
//      usual only where the handler finds room. Of a request that found none, what is still to come is dropped.
//   4. No reply leaves before the log holds what it tells of, as safely as its policy promises. Where that can't be
//      known any more the connection closes without one.
//   5. Nothing here takes long, so that a session's neighbours don't wait: one read or write moves kTransferBytesMax at
//      most, then others have their turn; and what takes long runs as heavy.
//   6. What a peer may do depends on who it is, so with TLS none of this begins before the handshake is done.
//   7. A connection that ends with an answer is closed so that no reset eats it: send, shut the sending side, discard
//      input until the peer closes too or kLingerMax has passed.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>

#include <boost/asio/thread_pool.hpp>
#include <boost/container/static_vector.hpp>
#include <boost/intrusive/list.hpp>

#include "kv/base/asio_types.hpp"
#include "kv/base/byte_buffer.hpp"
#include "kv/base/clock.hpp"
#include "kv/net/network.hpp"
#include "kv/observability/counters.hpp"
#include "kv/observability/histogram.hpp"
#include "kv/protocol/connection_info.hpp"
#include "kv/protocol/request_handler.hpp"
#include "kv/security/tls_context.hpp"

#include "net/announced.hpp"
#include "net/commit_line.hpp"
#include "net/live_limits.hpp"
#include "net/polled_socket.hpp"
#include "net/reply_queue.hpp"
#include "net/session_trace.hpp"

namespace kv::net {

// What all sessions share.
struct SessionContext {
  const NetworkOptions& options;  // but for its limits, which may have changed
  const LiveLimits& limits;
  protocol::RequestHandler& handler;
  const Clock& clock;
  observability::Counters& counters;
  asio::thread_pool& heavy_work;
  CommitGate* commit_gate;               // nullptr: replies wait for nothing
  asio::thread_pool* handshake_work;     // nullptr: nobody speaks TLS
  std::atomic<std::size_t>& handshakes;  // that are under way
  observability::Tracer* tracer;         // nullptr: nothing is traced
};

using SessionHook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class Session : public std::enable_shared_from_this<Session>, public SessionHook {
 public:
  using Tls = std::shared_ptr<const security::TlsContext>;

  // Serves the connection on `descriptor`, which it takes over; through TLS where it is given some.
  Session(Poller& poller, CommitLine& commits, Announced& announced, int descriptor, protocol::Peer peer, Tls tls,
          const SessionContext& context, SteadyClock::time_point now);

  // Serves the connection until it ends. The caller keeps this object alive meanwhile.
  Awaitable<void> run();
  // Tells the peer why it is not served, and closes.
  Awaitable<void> run_refused(const Error& reason);

  // From its own thread, while run() is suspended -------------------------------------------------------------------

  // Answer what has been received, then end.
  void stop();
  // End now.
  void abort();
  // Looks at the session's time limits. `now` is the time of the sweep, which is all the precision there is. `deaf` of
  // the time before it is not the peer's: the thread stood still then, or the whole machine.
  void sweep(SteadyClock::time_point now, SteadyClock::duration deaf);
  std::uint64_t id() const { return peer().id; }
  protocol::ConnectionInfo describe() const;
  // Whether it waits for something that is of no use to a peer that goes; then its going has to be noticed.
  bool waits_for_peer() const { return activity_ == Activity::kWaiting && pending_ && pending_->ends_with_peer(); }
  int native_handle() { return socket_.native_handle(); }
  void peer_has_gone() { wake(); }

 private:
  enum class Step { kRead, kWrite, kRunHeavy, kAwaitRoom, kWait, kLinger, kClose };
  enum class Activity { kRunning, kHandshaking, kReading, kCommitting, kWriting, kWaiting, kHeavy, kLingering };

  // Frames that are announced, run and timed together: brief ones, or a single one of another weight. More than these
  // were measured slower: what is fetched first is then displaced again before its turn comes.
  struct Group {
    boost::container::static_vector<protocol::Frame, 16> frames;
    protocol::Weight weight = protocol::Weight::kBrief;
    protocol::FrameState next = protocol::FrameState::kIncomplete;  // what stands where the look ahead ended
  };

  Awaitable<bool> handshake();
  Awaitable<security::TlsChannel::Outcome> shake_hands(security::TlsChannel& channel);
  Step next_step();
  Step step_without_frame() const;
  std::optional<Step> run_group(const Group& group, UnixMillis now, observability::Stopwatch& stopwatch);
  bool take(const protocol::Frame& frame, protocol::Handled&& handled);
  bool may_run_frames() const;
  std::size_t reply_backlog_max() const;
  std::size_t payload_bytes_max() const;
  Group look_ahead() const;
  std::size_t growth_for_frame() const;
  Awaitable<bool> grow_input(std::size_t bytes);
  void refuse_frame();
  asio::mutable_buffer make_room_to_read();
  void finish_read(error_code error, std::size_t size, bool filled);
  bool announce_single();
  Awaitable<void> commit();
  Awaitable<void> await_room();
  bool write_at_once();
  Awaitable<void> write();
  void finish_write(error_code error, std::size_t size);
  Awaitable<void> run_heavy();
  // Runs `work` on one of `threads`, while this session sleeps.
  template <typename Work>
  Awaitable<void> run_beside(asio::thread_pool& threads, Work work);
  Awaitable<void> wait_for_pending();
  Awaitable<void> linger();

  const protocol::Peer& peer() const { return caller_ == nullptr ? peer_ : caller_->peer(); }
  SteadyClock::duration time_before_service() const;
  std::chrono::milliseconds patience(std::chrono::milliseconds limit) const;
  bool peer_is_gone();
  // Sleeps until wake(), at most `at_most`.
  Awaitable<void> sleep(SteadyClock::duration at_most);
  void wake();
  void give_memory_back();

  Poller& poller_;
  PolledSocket socket_;
  CommitLine& commits_;
  Announced& announced_;
  const SessionContext& context_;
  protocol::Peer peer_;                       // until it has a caller
  const Tls tls_;                             // nullptr: it speaks plainly
  std::unique_ptr<protocol::Caller> caller_;  // nullptr: it is not known yet who calls
  ByteBuffer input_;
  ReplyQueue output_;
  SessionTrace trace_;
  protocol::Frame heavy_frame_;
  std::unique_ptr<protocol::PendingReply> pending_;
  Lsn lsn_ = kNoLsn;  // the last record that the replies to be sent depend on
  Timer* sleeping_ = nullptr;
  const SteadyClock::time_point began_;
  SteadyClock::time_point awaited_since_;  // what has to come before it is served: the handshake, then who it is
  SteadyClock::time_point coarse_now_;     // of the last sweep
  SteadyClock::time_point last_active_;
  SteadyClock::time_point linger_until_{};
  std::size_t unwanted_ = 0;  // bytes of a refused frame that are still to come
  std::uint64_t waits_ = 0;   // tells one wait from the next
  Activity activity_ = Activity::kRunning;
  std::uint8_t last_command_ = 0;  // its byte; 0: none yet
  bool filled_ = false;            // the last read took all the room there was
  bool input_ended_ = false;       // the peer has closed its sending side
  bool stopping_ = false;          // the server shuts down
  bool finishing_ = false;         // no further frame is run
  bool woken_ = false;
  std::atomic<bool> broken_ = false;  // the connection is of no more use; heavy requests look at it too
};

}  // namespace kv::net
