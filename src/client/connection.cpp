#include "kv/client/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "kv/base/assert.hpp"
#include "kv/base/result.hpp"
#include "kv/protocol/frame.hpp"

#include "client/dial.hpp"

namespace kv::client {
namespace {

using Outcome = security::TlsChannel::Outcome;

constexpr std::chrono::milliseconds kPollMax{std::numeric_limits<int>::max()};
constexpr std::size_t kReadBytes = 64U << 10;
constexpr std::size_t kUnsentBytesEager = 64U << 10;  // past it send() doesn't wait for receive() to write

std::string reason(int error) {
  return std::generic_category().message(error);
}

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

bool is_reply_status(std::uint8_t tag) {
  return tag <= static_cast<std::uint8_t>(protocol::Status::kInvalid);
}

}  // namespace

void throw_exception_from_error(const NetError& error, const boost::source_location&) {
  throw BadResultAccess(error.message);
}

NetResult<Connection> Connection::open(const std::string& host, std::uint16_t port, const ConnectionOptions& options) {
  const auto deadline = std::chrono::steady_clock::now() + options.connect_timeout;
  const NetResult<int> socket = dial(host, port, options.connect_timeout);
  if (!socket) return socket.error();
  Connection connection(*socket, options.request_timeout);
  if (options.tls == nullptr) return connection;
  connection.tls_ = options.tls->connect(*socket, options.tls_server_name.empty() ? host : options.tls_server_name);
  const NetResult<void> shaken = connection.shake_hands(deadline);
  if (shaken) return connection;
  const std::string where = host + " port " + std::to_string(port);
  return NetError{NetErrc::kUnreachable, "no TLS with " + where + ": " + shaken.error().message};
}

NetResult<void> Connection::shake_hands(std::chrono::steady_clock::time_point deadline) {
  while (true) {
    const Outcome outcome = tls_->handshake();
    if (outcome == Outcome::kDone) return {};
    if (outcome == Outcome::kFailed) return NetError{NetErrc::kUnreachable, tls_->failure()};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const short event = outcome == Outcome::kWantsRead ? POLLIN : POLLOUT;
    pollfd waiting{socket_, event, 0};
    const int ready = left.count() <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(std::min(left, kPollMax).count()));
    if (ready == 0) return NetError{NetErrc::kUnreachable, "the server doesn't answer as one that speaks it"};
  }
}

Connection::Connection(Connection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      request_timeout_(other.request_timeout_),
      tls_(std::move(other.tls_)),
      in_(std::move(other.in_)),
      out_(std::move(other.out_)),
      in_flight_(other.in_flight_),
      failure_(std::move(other.failure_)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(socket_, other.socket_);  // the other one closes it
  std::swap(tls_, other.tls_);
  request_timeout_ = other.request_timeout_;
  in_ = std::move(other.in_);
  out_ = std::move(other.out_);
  in_flight_ = other.in_flight_;
  failure_ = std::move(other.failure_);
  return *this;
}

Connection::~Connection() {
  if (tls_ != nullptr) tls_->close();
  if (socket_ >= 0) ::close(socket_);
}

NetResult<Reply> Connection::call(protocol::Command command, ByteView payload) {
  KV_ASSERT(in_flight_ == 0);
  send(command, payload);
  return receive();
}

void Connection::send(protocol::Command command, ByteView payload) {
  KV_ASSERT(payload.size() <= std::numeric_limits<std::uint32_t>::max());
  ++in_flight_;
  if (failure_) return;
  char* to = out_.prepare(protocol::kHeaderBytes);
  protocol::encode_header(static_cast<std::uint8_t>(command), static_cast<std::uint32_t>(payload.size()), to);
  out_.commit(protocol::kHeaderBytes);
  out_.append(payload);
  if (out_.size() >= kUnsentBytesEager) write_some();
}

NetResult<Reply> Connection::receive() {
  KV_ASSERT(in_flight_ > 0);
  Reply reply;
  while (!take_reply(reply)) {
    if (failure_) return *failure_;
    wait_and_move();
  }
  --in_flight_;
  return reply;
}

bool Connection::take_reply(Reply& reply) {
  ByteView input = in_.view();
  // Something else than a kv-server is told by its first byte: the length after it may claim gigabytes.
  if (!input.empty() && !is_reply_status(static_cast<std::uint8_t>(input[0]))) {
    fail(NetErrc::kGarbage, "the answer is none of a kv-server");
    return false;
  }
  protocol::Frame frame;
  if (protocol::take_frame(input, std::numeric_limits<std::uint32_t>::max(), frame) !=
      protocol::FrameState::kComplete) {
    return false;
  }
  reply.status = static_cast<protocol::Status>(frame.tag);
  reply.payload = frame.payload;
  in_.consume(in_.size() - input.size());
  return true;
}

// Waits until something can be written or read, and does it. Reading goes on while there is something left to write, so
// that a server which writes before it reads on can't lock both sides up.
void Connection::wait_and_move() {
  pollfd waiting{socket_, POLLIN, 0};
  if (!out_.empty()) waiting.events |= POLLOUT;
  const int timeout =
      request_timeout_.count() == 0 ? -1 : static_cast<int>(std::min(request_timeout_, kPollMax).count());
  const int ready = ::poll(&waiting, 1, timeout);
  if (ready == 0) return fail(NetErrc::kTimedOut, "no answer within " + std::to_string(timeout) + " ms");
  if (ready < 0) {
    if (errno != EINTR) fail(NetErrc::kClosed, reason(errno));
    return;
  }
  if ((waiting.revents & POLLOUT) != 0) write_some();
  if ((waiting.revents & ~POLLOUT) != 0) read_some();
}

void Connection::write_some() {
  while (tls_ != nullptr && !out_.empty()) {
    const auto [size, outcome] = tls_->write(out_.view());
    if (outcome == Outcome::kFailed) out_.clear();  // reading tells
    if (outcome != Outcome::kDone) return;
    out_.consume(size);
  }
  while (!out_.empty()) {
    const ssize_t sent = ::send(socket_, out_.view().data(), out_.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      // A server that refused a request may have closed, but its last answer is still to be read: reading tells.
      if (!would_block(errno)) out_.clear();
      return;
    }
    out_.consume(static_cast<std::size_t>(sent));
  }
}

void Connection::read_some() {
  if (tls_ != nullptr) return read_some_of_tls();
  const ssize_t got = ::recv(socket_, in_.prepare(kReadBytes), kReadBytes, 0);
  if (got < 0) {
    if (!would_block(errno)) fail(NetErrc::kClosed, "the connection broke: " + reason(errno));
    return;
  }
  if (got == 0) return fail(NetErrc::kClosed, "the server closed the connection before it had answered");
  in_.commit(static_cast<std::size_t>(got));
}

// All that is there: what TLS has taken off the socket, no poll() tells of.
void Connection::read_some_of_tls() {
  do {
    const auto [size, outcome] = tls_->read(in_.prepare(kReadBytes), kReadBytes);
    in_.commit(size);
    if (outcome == Outcome::kWantsRead) return;
    if (outcome == Outcome::kFailed) return fail(NetErrc::kClosed, "the connection broke: " + tls_->failure());
    if (outcome == Outcome::kEnded) {
      return fail(NetErrc::kClosed, "the server closed the connection before it had answered");
    }
  } while (tls_->has_pending());
}

void Connection::fail(NetErrc code, std::string message) {
  failure_ = NetError{code, std::move(message)};
}

}  // namespace kv::client
