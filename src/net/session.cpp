#include "net/session.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <poll.h>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

#include "kv/observability/log.hpp"
#include "kv/protocol/command.hpp"

namespace kv::net {

using observability::Counter;
using protocol::FrameState;
using protocol::Weight;

namespace {

// To announce fewer frames together than this gains nothing, and each of them can be timed for itself.
constexpr std::size_t kGroupFramesMin = 4;

// Counts what goes on in one place for as long as it lives.
class UnderWay {
 public:
  explicit UnderWay(std::atomic<std::size_t>& count) : count_(count) { ++count_; }
  ~UnderWay() { --count_; }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

 private:
  std::atomic<std::size_t>& count_;
};

}  // namespace

Session::Session(Poller& poller, CommitLine& commits, Announced& announced, int descriptor, protocol::Peer peer,
                 Tls tls, const SessionContext& context, SteadyClock::time_point now)
    : poller_(poller),
      socket_(poller, descriptor),
      commits_(commits),
      announced_(announced),
      context_(context),
      peer_(std::move(peer)),
      tls_(std::move(tls)),
      input_(kInputBytesIdle),
      trace_(context.tracer),
      began_(now),
      awaited_since_(now),
      coarse_now_(now),
      last_active_(now) {}

Awaitable<void> Session::run() {
  if (tls_ != nullptr && !co_await handshake()) co_return;
  caller_ = context_.handler.connect(std::move(peer_));
  trace_.accepted(peer(), began_);
  while (true) {
    switch (next_step()) {
      case Step::kRead: {
        trace_.end();
        if (stopping_ && !socket_.is_readable()) {
          finishing_ = true;
          break;
        }
        if (const std::size_t growth = growth_for_frame(); growth != 0) [[unlikely]] {
          if (!co_await grow_input(growth)) {
            refuse_frame();
            break;
          }
        }
        const asio::mutable_buffer room = make_room_to_read();
        activity_ = Activity::kReading;
        const auto [error, size] = co_await socket_.async_read_some(room, kAwait);
        finish_read(error, size, size == room.size());
        if (poller_.is_amid_sweep() && announce_single()) co_await poller_.async_hold(kAwait);
        break;
      }
      case Step::kWrite:
        if (!commits_.may_pass(lsn_)) {
          co_await commit();
        } else if (poller_.is_amid_sweep() && output_.size() <= kOutputBytesUsual) {
          co_await poller_.async_hold(kAwait);
        }
        if (!broken_ && !write_at_once()) co_await write();
        break;
      case Step::kAwaitRoom:
        co_await await_room();
        break;
      case Step::kRunHeavy:
        co_await run_heavy();
        break;
      case Step::kWait:
        co_await wait_for_pending();
        break;
      case Step::kLinger:
        co_await linger();
        co_return;
      case Step::kClose:
        co_return;
    }
    activity_ = Activity::kRunning;
  }
}

Awaitable<void> Session::run_refused(const Error& reason) {
  context_.handler.refuse(reason, output_.buffer());
  finishing_ = true;
  return run();
}

// False when there is nobody to be served.
Awaitable<bool> Session::handshake() {
  using Outcome = security::TlsChannel::Outcome;
  std::unique_ptr<security::TlsChannel> channel = tls_->accept(socket_.native_handle());
  const Outcome outcome = co_await shake_hands(*channel);
  activity_ = Activity::kRunning;
  if (broken_ || stopping_) co_return false;
  if (outcome == Outcome::kFailed) {
    context_.counters.add(Counter::kHandshakesFailed);
    log::debug("a TLS handshake failed", {{"peer", peer_.address}, {"reason", channel->failure()}});
    co_await linger();  // so that it hears why
    co_return false;
  }
  peer_.is_encrypted = true;
  peer_.certificate_name = channel->peer_common_name();
  socket_.use(std::move(channel));
  awaited_since_ = last_active_ = SteadyClock::now();
  co_return true;
}

// The steps run beside the I/O threads, as one takes up to a millisecond of calculating. What is neither kDone nor
// kFailed was cut off.
Awaitable<security::TlsChannel::Outcome> Session::shake_hands(security::TlsChannel& channel) {
  using Outcome = security::TlsChannel::Outcome;
  using Ready = PolledSocket::Ready;
  const UnderWay counted(context_.handshakes);
  Outcome outcome = Outcome::kWantsRead;
  while (!broken_ && !stopping_ && (outcome == Outcome::kWantsRead || outcome == Outcome::kWantsWrite)) {
    activity_ = Activity::kHandshaking;
    const Ready what = outcome == Outcome::kWantsRead ? Ready::kToRead : Ready::kToWrite;
    const auto [error, size] = co_await socket_.async_wait(what, kAwait);
    if (error) break;
    const auto here = SteadyClock::now();
    co_await run_beside(*context_.handshake_work, [&] { outcome = channel.handshake(); });
    awaited_since_ += SteadyClock::now() - here;  // which was not the peer's time
  }
  co_return outcome;
}

// Runs frames until something has to be awaited, and says what.
Session::Step Session::next_step() {
  if (broken_) return Step::kClose;
  std::optional<UnixMillis> now;  // one point in time for all that is run here
  observability::Stopwatch stopwatch;
  while (may_run_frames()) {
    const Group group = look_ahead();
    if (group.frames.empty()) {
      if (group.next == FrameState::kIncomplete) return step_without_frame();
      context_.handler.refuse({Errc::kTooLarge, "the payload is over the limit"}, output_.buffer());
      finishing_ = true;
      break;
    }
    if (!now) {
      now = context_.clock.now();
      stopwatch.start();
      trace_.begin(peer());
    }
    if (group.frames.size() > 1) context_.handler.prefetch({group.frames.data(), group.frames.size()});
    if (const auto step = run_group(group, *now, stopwatch)) return output_.empty() ? *step : Step::kWrite;
  }
  if (!output_.empty()) return Step::kWrite;
  return pending_ != nullptr ? Step::kWait : Step::kLinger;
}

// False when nothing was done yet, as it would take too long here.
inline bool Session::take(const protocol::Frame& frame, protocol::Handled&& handled) {
  last_command_ = frame.tag;
  lsn_ = std::max(lsn_, handled.lsn);
  if (!handled.is_whole()) [[unlikely]] {
    if (handled.is_heavy) return false;
    pending_ = std::move(handled.pending);
    if (handled.tail != nullptr) output_.add_tail(std::move(handled.tail));
  }
  if (caller_->ends()) finishing_ = true;
  return true;
}

// Says what has to be awaited before the rest of the group can be run, if there is a rest.
std::optional<Session::Step> Session::run_group(const Group& group, UnixMillis now,
                                                observability::Stopwatch& stopwatch) {
  std::optional<Step> step;
  std::size_t done = 0;
  while (done < group.frames.size() && may_run_frames()) {
    const protocol::Frame& frame = group.frames[done];
    if (!commits_.has_room() && context_.handler.may_write(frame)) {
      step = Step::kAwaitRoom;
      break;
    }
    const auto since = trace_.now();
    const std::size_t replied_before = output_.buffer().size();
    if (group.weight == Weight::kHeavy ||
        !take(frame, context_.handler.handle(frame, *caller_, now, Weight::kLight, output_.buffer()))) {
      heavy_frame_ = frame;
      step = Step::kRunHeavy;
      break;
    }
    if (trace_.is_on()) [[unlikely]] {
      trace_.ran(context_.handler.name(frame), since, output_.buffer().view().substr(replied_before));
    }
    input_.consume(protocol::kHeaderBytes + frame.payload.size());
    ++done;
  }
  if (done != 0) context_.handler.timed({group.frames.data(), done}, *caller_, stopwatch.lap());
  return step;
}

bool Session::may_run_frames() const {
  return !finishing_ && pending_ == nullptr &&
         (output_.size() < kReplyBacklogFloor || output_.size() < reply_backlog_max());
}

std::size_t Session::reply_backlog_max() const {
  return context_.handler.is_short_of_memory() ? kReplyBacklogFloor : context_.limits.reply_backlog_max();
}

std::size_t Session::payload_bytes_max() const {
  const std::size_t payload_bytes_max = context_.options.payload_bytes_max;
  return caller_->is_admitted() ? payload_bytes_max : std::min(payload_bytes_max, kUnauthenticatedPayloadBytesMax);
}

// Finds the whole frames that come next, as many as make a group.
Session::Group Session::look_ahead() const {
  Group group;
  ByteView rest = input_.view();
  const std::size_t bytes_max = payload_bytes_max();
  while (group.frames.size() < group.frames.capacity()) {
    // Taken where it stays: to copy it right after it was written would have to wait for that.
    protocol::Frame& frame = group.frames.emplace_back();
    group.next = protocol::take_frame(rest, bytes_max, frame);
    const bool is_whole = group.next == FrameState::kComplete;
    const Weight weight = is_whole ? context_.handler.weigh(frame) : Weight::kBrief;
    if (!is_whole || (weight != Weight::kBrief && group.frames.size() > 1)) {
      group.frames.pop_back();
      break;
    }
    group.weight = weight;
    if (weight != Weight::kBrief) break;
  }
  if (group.frames.size() > 1 && group.frames.size() < kGroupFramesMin) group.frames.resize(1);
  return group;
}

// What comes next when the input holds no whole frame.
Session::Step Session::step_without_frame() const {
  if (!output_.empty()) return Step::kWrite;
  return input_ended_ ? Step::kClose : Step::kRead;
}

// By how much the buffer has to grow past what every session may have, where it is full of the beginning of a larger
// frame: by as much as has already arrived.
std::size_t Session::growth_for_frame() const {
  if (input_.size() < input_.capacity()) return 0;
  if (input_.size() < kInputBytesUsual && !context_.handler.is_short_of_memory()) return 0;
  return std::min(protocol::bytes_missing(input_.view()), input_.size());
}

// False where there is no room. It grows at once where there is, and so is counted before others ask. What is evicted
// is in proportion, so that many bytes are no work for an I/O thread.
Awaitable<bool> Session::grow_input(std::size_t bytes) {
  const std::size_t size = input_.size() + bytes;
  bool has_grown = false;
  const auto grow = [&] {
    const bool is_large = size > kBufferBytesUsual;
    if (is_large ? !context_.handler.make_room(bytes) : context_.handler.is_short_of_memory()) return;
    input_.reserve(size);
    has_grown = true;
  };
  if (bytes <= kTransferBytesMax) {
    grow();
  } else {
    co_await run_beside(context_.heavy_work, grow);
  }
  co_return has_grown;
}

// REQUIRES: the input holds the beginning of a frame, and nothing else.
void Session::refuse_frame() {
  context_.handler.refuse({Errc::kOutOfMemory, "over the memory limit, and no room for a request of this size"},
                          output_.buffer());
  unwanted_ = protocol::bytes_missing(input_.view());
  input_.clear();
}

// The buffer grows to kInputBytesUsual once a read has filled it, as there is likely to be more then.
asio::mutable_buffer Session::make_room_to_read() {
  input_.compact();
  const bool is_usual = input_.capacity() < kInputBytesUsual;
  if (is_usual && (input_.writable() == 0 || (filled_ && !context_.handler.is_short_of_memory()))) {
    input_.reserve(kInputBytesUsual);
  } else if (input_.empty() && input_.capacity() > kInputBytesUsual) {
    input_.shrink_to(kInputBytesUsual);
  }
  const std::size_t room = std::min(input_.writable(), kTransferBytesMax);
  return {input_.prepare(room), room};
}

void Session::finish_read(error_code error, std::size_t size, bool filled) {
  activity_ = Activity::kRunning;
  filled_ = filled;
  if (error == asio::error::operation_aborted && !broken_) {
    if (!stopping_) give_memory_back();
    return;
  }
  if (error == asio::error::eof) {
    input_ended_ = true;
  } else if (error) {
    broken_ = true;
  }
  input_.commit(size);
  if (unwanted_ != 0) [[unlikely]] {
    const std::size_t dropped = std::min(unwanted_, input_.size());
    input_.consume(dropped);
    unwanted_ -= dropped;
  }
  last_active_ = coarse_now_;
  context_.counters.add(Counter::kBytesReceived, size);
}

// A brief request that has come alone waits for the other sessions', so that all are fetched together, as those of one
// session are that has several. False where that isn't what has come.
bool Session::announce_single() {
  ByteView rest = input_.view();
  protocol::Frame frame;
  if (protocol::take_frame(rest, payload_bytes_max(), frame) != FrameState::kComplete || !rest.empty()) return false;
  if (context_.handler.weigh(frame) != Weight::kBrief) return false;
  announced_.add(frame);
  return true;
}

// Waits until the log holds what the replies tell of.
Awaitable<void> Session::commit() {
  activity_ = Activity::kCommitting;
  const auto since = trace_.now();
  const auto [error] = co_await commits_.async_pass(lsn_, kAwait);
  trace_.waited("log wait", since);
  if (error) broken_ = true;
}

Awaitable<void> Session::await_room() {
  activity_ = Activity::kCommitting;
  const auto [error] = co_await commits_.async_room(kAwait);
  if (error) broken_ = true;
}

// Sends what the kernel takes. An operation of Asio's would do just that first too, but would complete by way of its
// queue, with one more look at epoll on the way. False when there is something left to write.
bool Session::write_at_once() {
  error_code error;
  const std::size_t size = socket_.write_some(output_.front(kTransferBytesMax), error);
  if (error == asio::error::would_block) return false;
  finish_write(error, size);
  return output_.empty();
}

Awaitable<void> Session::write() {
  activity_ = Activity::kWriting;
  last_active_ = coarse_now_;
  while (!output_.empty()) {
    const auto [error, size] = co_await socket_.async_write_some(output_.front(kTransferBytesMax), kAwait);
    finish_write(error, size);
    if (!output_.empty()) write_at_once();
  }
}

void Session::finish_write(error_code error, std::size_t size) {
  if (error) {
    broken_ = true;
    output_.clear();
    return;
  }
  output_.consume(size);
  context_.counters.add(Counter::kBytesSent, size);
  // Whatever it did until now, waiting for its peer begins here.
  last_active_ = coarse_now_;
  if (!output_.empty()) return;
  if (output_.buffer().capacity() > kOutputBytesUsual) output_.buffer().shrink_to(kOutputBytesUsual);
}

Awaitable<void> Session::run_heavy() {
  protocol::Handled handled;
  const auto since = trace_.now();
  co_await run_beside(context_.heavy_work, [&] {
    observability::Stopwatch stopwatch;
    stopwatch.start();
    handled = context_.handler.handle(heavy_frame_, *caller_, context_.clock.now(), Weight::kHeavy, output_.buffer());
    context_.handler.timed({&heavy_frame_, 1}, *caller_, stopwatch.lap());
  });
  take(heavy_frame_, std::move(handled));
  if (trace_.is_on()) trace_.ran(context_.handler.name(heavy_frame_), since, output_.buffer().view());
  input_.consume(protocol::kHeaderBytes + heavy_frame_.payload.size());
}

template <typename Work>
Awaitable<void> Session::run_beside(asio::thread_pool& threads, Work work) {
  activity_ = Activity::kHeavy;
  bool done = false;
  std::exception_ptr fault;
  asio::post(threads, [this, self = shared_from_this(), &work, &done, &fault]() mutable {
    try {
      // Of a connection that was cut off while this stood in line nobody wants the result, and shut-down waits for it.
      if (!broken_) work();
    } catch (...) {
      fault = std::current_exception();
    }
    // The session goes along, so that its end is on its own thread whoever of the two is first.
    asio::post(socket_.get_executor(), [self = std::move(self), &done] {
      done = true;
      self->wake();
    });
  });
  while (!done) co_await sleep(std::chrono::hours(1));
  if (fault) std::rethrow_exception(fault);
}

Awaitable<void> Session::wait_for_pending() {
  activity_ = Activity::kWaiting;
  woken_ = false;
  const auto since = trace_.now();
  // A wake that comes late, when the wait has ended for another reason, must not end the next one.
  pending_->notify([weak = weak_from_this(), wait = ++waits_, executor = socket_.get_executor()] {
    asio::post(executor, [weak, wait] {
      if (const auto self = weak.lock(); self != nullptr && self->waits_ == wait) self->wake();
    });
  });
  if (!stopping_ && !woken_) co_await sleep(pending_->time_left());
  if (broken_) co_return;
  trace_.waited(last_command_ == static_cast<std::uint8_t>(protocol::Command::kAcquire) ? "lock wait" : "wait", since);
  const bool withdrawn = stopping_ || (pending_->ends_with_peer() && peer_is_gone());
  lsn_ = std::max(lsn_, withdrawn ? pending_->withdraw(output_.buffer()) : pending_->complete(output_.buffer()));
  if (!commits_.may_pass(lsn_)) co_await commit();
  if (!broken_) co_await write();
  if (broken_ && !withdrawn) pending_->undeliverable();
  pending_.reset();
  ++waits_;
}

Awaitable<void> Session::linger() {
  socket_.shutdown_send();
  linger_until_ = SteadyClock::now() + kLingerMax;
  activity_ = Activity::kLingering;
  input_.clear();
  input_.reserve(kInputBytesIdle);
  while (!input_ended_) {
    auto [error, size] = co_await socket_.async_read_some(asio::buffer(input_.prepare(0), input_.capacity()), kAwait);
    if (error || SteadyClock::now() >= linger_until_) co_return;
  }
}

Awaitable<void> Session::sleep(SteadyClock::duration at_most) {
  Timer timer(socket_.get_executor(), at_most);
  sleeping_ = &timer;
  co_await timer.async_wait(kAwait);
  sleeping_ = nullptr;
}

void Session::wake() {
  woken_ = true;
  if (sleeping_ != nullptr) sleeping_->cancel();
}

bool Session::peer_is_gone() {
  pollfd watched{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&watched, 1, 0) > 0;
}

void Session::give_memory_back() {
  output_.buffer().shrink_to(0);
  if (input_.capacity() > kInputBytesIdle) input_.shrink_to(kInputBytesIdle);
}

}  // namespace kv::net
