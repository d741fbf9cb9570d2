// A RequestHandler that does what its frames say, so that tests of sessions need no commands.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kv/protocol/request_handler.hpp"

#include "support/process/requests.hpp"

namespace kv::test {

// Requests: what the handler shall do.
std::string echo(ByteView payload);                               // OK with the same payload
std::string fill(std::uint32_t size);                             // OK with so many bytes
std::string depend_on(std::uint32_t lsn);                         // OK that depends on this record in the log
std::string write_echo(ByteView payload);                         // as echo(), but it may change data
std::string tail(std::uint32_t size);                             // OK that ends in a tail: see tail_payload()
std::string late_heavy_echo(ByteView payload);                    // as heavy_echo(), which nobody knows before it runs
std::string heavy_echo(ByteView payload);                         // beside the I/O threads, once the gate is open
std::string admit();                                              // OK, and from then on it is admitted
std::string leave();                                              // OK, and then its session ends
std::string wait_for(std::uint32_t milliseconds, ByteView name);  // a PendingReply that ends with its peer
std::string wait_on(std::uint32_t milliseconds, ByteView name);   // one that doesn't
std::string run_action();                                         // see on_action()
std::string fail();                                               // throws
std::string fail_heavily();                                       // throws beside the I/O threads

// What tail(size) is answered: `size` bytes, of which none are alike nearby.
std::string tail_payload(std::uint32_t size);

// What a session did with a PendingReply, and the test's end of it.
class PendingRecord {
 public:
  // "notify", "complete", "withdraw", "undeliverable", "gone", in the order in which they came.
  std::vector<std::string> events() const;
  bool has(ByteView event) const;
  // Ends the wait. REQUIRES: notify() has come.
  void wake();
  // What the test does while complete() runs, on the session's thread.
  void on_complete(std::function<void()> action);
  // So long will the reply of complete() be, instead of "complete".
  void complete_with(std::size_t payload_bytes);

 private:
  friend class ScriptedPending;
  void note(const char* event);

  mutable std::mutex mutex_;
  std::vector<std::string> events_;
  std::function<void()> wake_;
  std::function<void()> on_complete_;
  std::string payload_ = "complete";
};

// A frame that the handler was told the time of.
struct TimedFrame {
  static constexpr std::size_t kPayloadBytesKept = 8;
  std::string payload;  // the beginning of it
  std::uint64_t caller = 0;
  std::size_t together = 0;  // how many were timed together
  std::chrono::nanoseconds time{};
};

class ScriptedHandler final : public protocol::RequestHandler {
 public:
  std::unique_ptr<protocol::Caller> connect(protocol::Peer peer) override;
  bool may_write(const protocol::Frame& frame) const override;
  ByteView name(const protocol::Frame&) const override { return "SCRIPTED"; }
  protocol::Weight weigh(const protocol::Frame& frame) const override;
  protocol::Handled handle(const protocol::Frame& frame, protocol::Caller& caller, UnixMillis now,
                           protocol::Weight weight, ByteBuffer& out) override;
  void timed(std::span<const protocol::Frame> frames, const protocol::Caller& caller,
             std::chrono::nanoseconds time) override;
  bool make_room(std::size_t bytes) override;
  bool is_short_of_memory() const override { return is_short_; }
  void refuse(const Error& error, ByteBuffer& out) override;
  void prefetch(std::span<const protocol::Frame> frames) override;

  // What the replies of PendingReplies depend on.
  void depend_pending_on(Lsn lsn) { pending_lsn_ = lsn; }
  // Heavy requests wait at the gate while it is shut.
  void shut_gate();
  void open_gate();

  // What run_action() runs, on the session's thread. REQUIRES: set before such a request is sent.
  void on_action(std::function<void()> action) { action_ = std::move(action); }

  // So many bytes in all will find room for more of a large request; any number unless set.
  void leave_room_for(std::size_t bytes) { room_ = bytes; }

  void be_short_of_memory(bool is_short) { is_short_ = is_short; }

  // Whether new connections are admitted without more ado; admit() admits the one that sends it.
  void admit_all(bool all) { admits_ = all; }

  // Tails of replies that somebody keeps.
  std::size_t tails() const { return tails_; }
  // The last one that connected; its id is 0 as long as nobody has.
  protocol::Peer last_peer() const;

  // How many requests were begun.
  std::size_t handled() const { return handled_; }
  // The payloads of all frames that were announced, in that order.
  std::vector<std::string> announced() const;
  // All frames that it was told the time of, in that order.
  std::vector<TimedFrame> timed() const;
  // The time that the last request was given.
  UnixMillis last_now() const { return last_now_; }
  // The record of the request of that name; waits until its session waits for it. A wait that is `granted at once` is
  // woken before anybody asks.
  std::shared_ptr<PendingRecord> pending(const std::string& name) const;
  void grant_at_once(const std::string& name) { granted_at_once_ = name; }

 private:
  void pass_gate();

  std::function<void()> action_;
  std::atomic<bool> admits_{true};
  std::atomic<std::size_t> room_{~std::size_t{0}};
  std::atomic<bool> is_short_{false};
  std::atomic<std::size_t> tails_{0};
  std::atomic<std::size_t> handled_{0};
  std::atomic<UnixMillis> last_now_{0};
  mutable std::mutex mutex_;
  std::condition_variable gate_opens_;
  bool gate_is_open_ = true;
  std::string granted_at_once_;
  std::atomic<Lsn> pending_lsn_{kNoLsn};
  protocol::Peer last_peer_;
  std::vector<std::string> announced_;
  std::vector<TimedFrame> timed_;
  std::vector<std::pair<std::string, std::shared_ptr<PendingRecord>>> pending_;
};

}  // namespace kv::test
