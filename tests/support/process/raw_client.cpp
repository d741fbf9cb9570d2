#include "support/process/raw_client.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "kv/base/limits.hpp"
#include "kv/base/utf8.hpp"
#include "kv/protocol/frame.hpp"

#include "support/process/wait.hpp"

namespace kv::test {
namespace {

using Outcome = security::TlsChannel::Outcome;

[[noreturn]] void fail(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

template <typename T>
void set_option(int fd, int level, int name, const T& value) {
  if (setsockopt(fd, level, name, &value, sizeof(value)) != 0) fail("setsockopt");
}

// Waits for `events`, at most until the deadline, and returns which came.
short wait_for(int fd, short events) {
  pollfd poll_fd{fd, events, 0};
  const auto timeout = std::chrono::duration_cast<std::chrono::milliseconds>(kDeadline).count();
  const int ready = poll(&poll_fd, 1, static_cast<int>(timeout));
  if (ready < 0) fail("poll");
  if (ready == 0) throw std::runtime_error("the server does nothing");
  return poll_fd.revents;
}

// What every error of the protocol has to look like.
void check_error_text(const Reply& reply) {
  const bool known = protocol::find_errc(reply.status, reply.word()).has_value();
  if (known && reply.payload.size() > reply.word().size() + 1 && is_utf8(reply.payload)) return;
  throw std::runtime_error("not an error of the protocol: " + reply.payload);
}

}  // namespace

RawClient::RawClient(std::uint16_t port, int receive_buffer_bytes, const std::string& from)
    : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  if (fd_ < 0) fail("socket");
  if (receive_buffer_bytes != 0) set_option(fd_, SOL_SOCKET, SO_RCVBUF, receive_buffer_bytes);
  set_option(fd_, IPPROTO_TCP, TCP_NODELAY, 1);
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr.s_addr = inet_addr(from.c_str());
  if (!from.empty() && bind(fd_, reinterpret_cast<const sockaddr*>(&own), sizeof(own)) != 0) fail("bind");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    const int error = errno;
    close();
    throw std::system_error(error, std::generic_category(), "connect");
  }
}

RawClient::RawClient(RawClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      tls_(std::move(other.tls_)),
      received_(std::move(other.received_)),
      taken_(std::exchange(other.taken_, 0)) {}

RawClient& RawClient::operator=(RawClient&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(tls_, other.tls_);
  std::swap(received_, other.received_);
  std::swap(taken_, other.taken_);
  return *this;
}

void RawClient::encrypt(const std::shared_ptr<const security::TlsContext>& context, const std::string& server_name) {
  tls_ = context->connect(fd_, server_name);
  Outcome outcome;
  while ((outcome = tls_->handshake()) != Outcome::kDone) {
    if (outcome == Outcome::kFailed) throw std::runtime_error("no TLS: " + tls_->failure());
    wait_for(fd_, outcome == Outcome::kWantsRead ? POLLIN : POLLOUT);
  }
}

void RawClient::send(ByteView bytes) {
  while (!bytes.empty()) {
    bytes.remove_prefix(send_some(bytes));
    if (!bytes.empty()) wait_for(fd_, POLLOUT);
  }
}

void RawClient::send_bytewise(ByteView bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) send(bytes.substr(i, 1));
}

std::size_t RawClient::send_some(ByteView bytes) {
  if (tls_ != nullptr) {
    const auto [size, outcome] = tls_->write(bytes);
    if (outcome == Outcome::kFailed) throw std::runtime_error("can't write: " + tls_->failure());
    return size;
  }
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
  fail("send");
}

// Reads what is there; false at the end of the stream.
bool RawClient::read_more(bool wait) {
  if (wait && (tls_ == nullptr || !tls_->is_readable())) wait_for(fd_, POLLIN);
  if (taken_ > received_.size() / 2) received_.erase(0, std::exchange(taken_, 0));
  char chunk[256 << 10];
  if (tls_ != nullptr) {
    const auto [size, outcome] = tls_->read(chunk, sizeof(chunk));
    if (outcome == Outcome::kFailed) throw std::runtime_error("can't read: " + tls_->failure());
    received_.append(chunk, size);
    return outcome != Outcome::kEnded;
  }
  const ssize_t got = recv(fd_, chunk, sizeof(chunk), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
  if (got < 0) fail("recv");
  received_.append(chunk, static_cast<std::size_t>(got));
  return got > 0;
}

bool RawClient::take_reply(Reply& reply) {
  ByteView rest = ByteView(received_).substr(taken_);
  protocol::Frame frame;
  if (protocol::take_frame(rest, kPayloadBytesCeiling, frame) != protocol::FrameState::kComplete) return false;
  reply = {static_cast<protocol::Status>(frame.tag), std::string(frame.payload)};
  if (reply.is_error()) check_error_text(reply);
  taken_ = received_.size() - rest.size();
  return true;
}

Reply RawClient::receive() {
  Reply reply;
  while (!take_reply(reply)) {
    if (!read_more(true)) throw std::runtime_error("the server closed the connection instead of answering");
  }
  return reply;
}

std::vector<Reply> RawClient::receive(std::size_t count) {
  std::vector<Reply> replies;
  while (replies.size() < count) replies.push_back(receive());
  return replies;
}

Reply RawClient::call(ByteView request) {
  send(request);
  return receive();
}

std::vector<Reply> RawClient::pipeline(ByteView requests, std::size_t count) {
  std::vector<Reply> replies;
  pipeline(requests, count, [&](Reply reply) { replies.push_back(std::move(reply)); });
  return replies;
}

void RawClient::pipeline(ByteView requests, std::size_t count, const std::function<void(Reply)>& on_reply) {
  while (count != 0) {
    if (Reply reply; take_reply(reply)) {
      on_reply(std::move(reply));
      --count;
      continue;
    }
    const short ready = wait_for(fd_, static_cast<short>(requests.empty() ? POLLIN : POLLIN | POLLOUT));
    if ((ready & POLLOUT) != 0) requests.remove_prefix(send_some(requests));
    if ((ready & ~POLLOUT) != 0 && !read_more(false)) {
      throw std::runtime_error("the server closed the connection within a pipeline");
    }
  }
}

bool RawClient::is_quiet() {
  read_more(false);
  return taken_ == received_.size();
}

std::string RawClient::receive_until_eof() {
  while (read_more(true)) {
  }
  return received_.substr(std::exchange(taken_, received_.size()));
}

void RawClient::half_close() {
  if (tls_ != nullptr) tls_->close();
  if (shutdown(fd_, SHUT_WR) != 0) fail("shutdown");
}

void RawClient::reset() {
  set_option(fd_, SOL_SOCKET, SO_LINGER, linger{1, 0});
  close();
}

void RawClient::close() {
  tls_.reset();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace kv::test
