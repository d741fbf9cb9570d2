#include "kv-bench/worker.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <string>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <utility>

#include "kv/base/byte_buffer.hpp"

#include "kv-bench/kv_codec.hpp"
#include "kv-bench/memcached_codec.hpp"
#include "kv-bench/resp_codec.hpp"

namespace kv::bench {

namespace {

constexpr std::size_t kReadBytes = 64U << 10;
constexpr std::uint64_t kWaitNsMax = 100'000'000;  // how often the loop looks at its time limits, at least

struct Connection {
  explicit Connection(Stream connected) : stream(std::move(connected)) {}

  bool busy() const { return replied < batch.size(); }

  Stream stream;
  std::vector<Request> slots;      // room for a batch
  std::span<const Request> batch;  // the requests under way
  std::size_t sent = 0;            // how many of them were sent whole
  std::size_t sent_of_next = 0;    // and how many bytes of the one after
  std::size_t replied = 0;
  std::uint64_t since_ns = 0;  // what their latency counts from
  bool counted = false;
  std::uint64_t next_turn = 0;  // open loop: the number of this connection's next batch
  ByteBuffer partial;           // the beginning of a reply whose end has not come yet
};

template <Codec C>
class CodecWorker final : public Worker {
 public:
  CodecWorker(const Setup& setup, std::vector<Stream> streams)
      : setup_(setup),
        keyspace_(setup.sizes),
        requests_({C::get(keyspace_.key(0)), C::set(keyspace_.key(0), keyspace_.value(0), setup.ttl_ms)}, keyspace_),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        input_(kReadBytes) {
    connections_.reserve(streams.size());
    for (Stream& stream : streams) connections_.emplace_back(std::move(stream));
    for (Connection& connection : connections_) watch(connection);
  }

  std::optional<Failure> run(const Phase& phase, Tally& tally) override {
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);  // an open loop's batch is due at its time, not 50 µs later
    begin(phase, tally);
    while (!failure_ && (issuing_ || busy_ != 0)) {
      std::array<epoll_event, 256> events;
      const int ready = wait(events);
      for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(ready))) handle(event);
      now_ = monotonic_ns();
      send_what_is_due();
      check_time();
    }
    return failure_;
  }

 private:
  // --- time

  void begin(const Phase& phase, Tally& tally) {
    phase_ = phase;
    tally_ = &tally;
    now_ = last_progress_ns_ = monotonic_ns();
    issuing_ = true;
    turn_ = 0;
    for (std::size_t index = 0; index < connections_.size(); ++index) {
      Connection& connection = connections_[index];
      connection.slots.resize(phase.pipeline);
      connection.next_turn = index;
      if (!open_loop()) send_batch(connection, now_);
    }
  }

  bool open_loop() const { return phase_.batch_interval_ns > 0; }

  std::uint64_t due_ns(std::uint64_t turn) const {
    return phase_.start_ns + static_cast<std::uint64_t>(static_cast<double>(turn) * phase_.batch_interval_ns);
  }

  int wait(std::array<epoll_event, 256>& events) {
    std::uint64_t until = std::min(now_ + kWaitNsMax, phase_.stop_ns);
    if (until <= now_) until = now_ + kWaitNsMax;  // past stop_ns, waiting for the last replies
    if (issuing_ && open_loop()) until = std::clamp(due_ns(turn_), now_, until);
    const std::uint64_t left = until - now_;
    const timespec timeout{static_cast<time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
    const int ready = epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    if (ready < 0 && errno != EINTR) fail(Failure::Kind::kConnection, std::string("epoll: ") + std::strerror(errno));
    return std::max(ready, 0);
  }

  // Open loop: turns go round the connections in order. One that is still busy catches up in finish_batch().
  void send_what_is_due() {
    if (!open_loop()) return;
    for (; issuing_ && due_ns(turn_) <= now_ && due_ns(turn_) < phase_.stop_ns; ++turn_) {
      Connection& connection = connections_[turn_ % connections_.size()];
      if (!connection.busy()) take_turn(connection);
    }
  }

  void take_turn(Connection& connection) {
    send_batch(connection, due_ns(std::exchange(connection.next_turn, connection.next_turn + connections_.size())));
  }

  void check_time() {
    if (setup_.ended->load(std::memory_order_relaxed)) phase_.stop_ns = std::min(phase_.stop_ns, now_);
    if (now_ >= phase_.stop_ns) issuing_ = false;
    if (busy_ == 0) return;
    if (now_ >= phase_.stop_ns) {
      if (now_ - phase_.stop_ns > setup_.timeout_ns) give_up();
    } else if (now_ > last_progress_ns_ + setup_.timeout_ns) {
      fail(Failure::Kind::kConnection, "no reply for " + std::to_string(setup_.timeout_ns / 1'000'000) + " ms");
    }
  }

  // What was not answered in time has taken at least as long as it has been waiting.
  void give_up() {
    for (const Connection& connection : connections_) {
      if (!connection.busy()) continue;
      for (const Request& request : connection.batch.subspan(connection.replied))
        abandon(request.op, connection.since_ns);
      for (std::uint64_t turn = connection.next_turn; turn < turn_; turn += connections_.size()) {
        for (const Request& request : connection.batch) abandon(request.op, due_ns(turn));
      }
    }
    busy_ = 0;
  }

  void abandon(Op op, std::uint64_t since_ns) {
    if (since_ns < phase_.warm_ns) return;
    ++tally_->unanswered;
    tally_->latency_ns[static_cast<std::size_t>(op)].record(now_ - since_ns);
  }

  // --- requests

  void send_batch(Connection& connection, std::uint64_t since_ns) {
    connection.counted = since_ns >= phase_.warm_ns;
    const std::size_t size = phase_.source.fill(std::span(connection.slots).first(phase_.pipeline), connection.counted);
    connection.batch = std::span(connection.slots).first(size);
    connection.sent = connection.sent_of_next = connection.replied = 0;
    connection.since_ns = since_ns;
    if (size == 0) {
      issuing_ = false;
      return;
    }
    if (busy_++ == 0) last_progress_ns_ = now_;
    send_rest(connection);
  }

  void send_rest(Connection& connection) {
    while (connection.sent < connection.batch.size()) {
      ByteView bytes = requests_.build(connection.batch.subspan(connection.sent));
      bytes.remove_prefix(connection.sent_of_next);
      const auto [size, outcome] = connection.stream.send(bytes);
      if (outcome == Stream::Outcome::kFailed) return lose(connection.stream.failure());
      // An EPOLLOUT tells when there is room again. Where the peer has gone, its last words are still to be read.
      if (outcome != Stream::Outcome::kDone) return;
      connection.sent_of_next += size;
      while (connection.sent < connection.batch.size() &&
             connection.sent_of_next >= requests_.size_of(connection.batch[connection.sent].op)) {
        connection.sent_of_next -= requests_.size_of(connection.batch[connection.sent].op);
        ++connection.sent;
      }
    }
  }

  void finish_batch(Connection& connection) {
    --busy_;
    if (now_ >= phase_.stop_ns && !open_loop()) issuing_ = false;
    if (!open_loop()) {
      if (issuing_) send_batch(connection, now_);
    } else if (connection.next_turn < turn_) {
      take_turn(connection);
    }
  }

  // --- replies

  // Edge-triggered: a connection is reported once for what has come, so it is read until nothing is left. A short read
  // says as much, except where the peer has closed: that is told once as well, and shows only in a further read.
  void watch(Connection& connection) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &connection;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.stream.fd(), &event) != 0) {
      fail(Failure::Kind::kConnection, std::string("epoll: ") + std::strerror(errno));
    }
  }

  void handle(const epoll_event& event) {
    Connection& connection = *static_cast<Connection*>(event.data.ptr);
    if (failure_) return;
    if ((event.events & EPOLLOUT) != 0 && connection.sent < connection.batch.size()) send_rest(connection);
    if ((event.events & ~std::uint32_t{EPOLLOUT}) != 0) read(connection, (event.events & ~(EPOLLIN | EPOLLOUT)) != 0);
  }

  void read(Connection& connection, bool closing) {
    // Whole replies, the usual case, are read into one buffer that stays in the cache.
    ByteBuffer& input = connection.partial.empty() ? input_ : connection.partial;
    while (!failure_) {
      char* const to = input.prepare(kReadBytes);
      const std::size_t room = input.writable();
      const auto [size, outcome] = connection.stream.receive(to, room);
      if (outcome == Stream::Outcome::kWantsRead) break;
      if (outcome == Stream::Outcome::kEnded) return lose("the server closed it");
      if (outcome == Stream::Outcome::kFailed) return lose(connection.stream.failure());
      input.commit(size);
      take_replies(connection, input);
      if (size < room && !closing && !connection.stream.is_encrypted()) break;
    }
    if (&input == &input_ && !input.empty()) {
      connection.partial.append(input.view());
      input.clear();
    }
  }

  void take_replies(Connection& connection, ByteBuffer& input) {
    now_ = monotonic_ns();
    ByteView bytes = input.view();
    std::array<std::uint64_t, 2> taken{};
    while (connection.busy() && !bytes.empty()) {
      const Request& request = connection.batch[connection.replied];
      const Reply reply = C::take_reply(request.op, bytes);
      if (reply.kind == ReplyKind::kIncomplete) break;
      if (reply.kind == ReplyKind::kMalformed) return fail_on(bytes);
      judge(connection, request, reply);
      bytes.remove_prefix(reply.bytes);
      ++connection.replied;
      ++taken[static_cast<std::size_t>(request.op)];
    }
    if (!connection.busy() && !bytes.empty()) return fail_on_unasked(bytes);
    input.consume(input.size() - bytes.size());
    const std::uint64_t replies = taken[0] + taken[1];
    if (replies == 0) return;
    record(connection, taken);
    replies_.store(replies_.load(std::memory_order_relaxed) + replies, std::memory_order_relaxed);
    if (!connection.busy()) finish_batch(connection);
  }

  void record(const Connection& connection, const std::array<std::uint64_t, 2>& taken) {
    last_progress_ns_ = now_;
    if (!connection.counted) return;
    tally_->last_reply_ns = now_;
    for (std::size_t op = 0; op < taken.size(); ++op) {
      tally_->answered[op] += taken[op];
      tally_->latency_ns[op].record(now_ - connection.since_ns, taken[op]);
    }
  }

  // Errors count from the first request on, the rest after the warm-up.
  void judge(const Connection& connection, const Request& request, const Reply& reply) {
    if (reply.kind == ReplyKind::kRefused) {
      tally_->errors.add(reply.text.substr(0, reply.text.find(' ')), reply.text);
    } else if (request.op == Op::kGet) {
      const bool hit = reply.kind == ReplyKind::kDone;
      if (connection.counted) ++(hit ? tally_->hits : tally_->misses);
      if (hit && setup_.verify && !keyspace_.is_value_of(request.key, reply.text)) {
        tally_->errors.add("wrong-value", "the value of " + keyspace_.key(request.key) + " was " +
                                              std::string(reply.text.substr(0, 100)));
      }
    }
  }

  // --- failures

  void fail(Failure::Kind kind, std::string message) {
    if (!failure_) failure_ = Failure{kind, std::move(message)};
  }
  void fail_on(ByteView bytes) {
    ErrorCounts quoted;
    quoted.add("", bytes.substr(0, 40));
    fail(Failure::Kind::kReply, "not a reply to what was asked: " + quoted.first());
  }
  void fail_on_unasked(ByteView bytes) {
    const Reply reply = C::take_reply(Op::kGet, bytes);
    if (reply.kind != ReplyKind::kRefused) return fail_on(bytes);
    tally_->errors.add("", reply.text);
    lose("the server refused it");
  }
  void lose(const std::string& why) {
    std::string message = "connection lost: " + why;
    if (!tally_->errors.first().empty()) message += ", having said: " + tally_->errors.first();
    fail(Failure::Kind::kConnection, std::move(message));
  }

  const Setup setup_;
  Keyspace keyspace_;
  RequestBatch requests_;
  FileDescriptor epoll_;
  ByteBuffer input_;
  std::vector<Connection> connections_;

  Phase phase_{RequestSource::load(0, 0)};
  Tally* tally_ = nullptr;
  std::optional<Failure> failure_;
  std::uint64_t now_ = 0;
  std::uint64_t last_progress_ns_ = 0;
  std::uint64_t turn_ = 0;  // open loop: the number of the next batch of this thread
  std::size_t busy_ = 0;    // connections that wait for replies
  bool issuing_ = false;    // there is more to send
};

}  // namespace

std::unique_ptr<Worker> make_worker(const Worker::Setup& setup, std::vector<Stream> streams) {
  switch (setup.proto) {
    case Proto::kResp:
      return std::make_unique<CodecWorker<RespCodec>>(setup, std::move(streams));
    case Proto::kMemcached:
      return std::make_unique<CodecWorker<MemcachedCodec>>(setup, std::move(streams));
    case Proto::kKv:
      break;
  }
  return std::make_unique<CodecWorker<KvCodec>>(setup, std::move(streams));
}

}  // namespace kv::bench
