#include "net/polled_socket.hpp"

#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/container/static_vector.hpp>

namespace kv::net {
namespace {

error_code last_error() {
  return {errno, boost::system::system_category()};
}

bool has_to_wait(error_code error) {
  return error == asio::error::would_block || error == asio::error::try_again || error == asio::error::interrupted;
}

// `waiting` is what the operation may wait for. TLS that wants the other is in a state that no good peer brings about.
error_code error_of(security::TlsChannel::Outcome outcome, security::TlsChannel::Outcome waiting) {
  using Outcome = security::TlsChannel::Outcome;
  if (outcome == Outcome::kDone) return {};
  if (outcome == waiting) return asio::error::would_block;
  return outcome == Outcome::kEnded ? asio::error::make_error_code(asio::error::eof)
                                    : asio::error::make_error_code(asio::error::connection_aborted);
}

std::size_t send_all(int descriptor, std::span<const asio::const_buffer> pieces, error_code& error) {
  boost::container::static_vector<iovec, PolledSocket::kPiecesMax> parts;
  for (const asio::const_buffer& piece : pieces) {
    parts.push_back({const_cast<void*>(piece.data()), piece.size()});
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t size = ::sendmsg(descriptor, &message, MSG_NOSIGNAL);
  error = size >= 0 ? error_code() : last_error();
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

}  // namespace

PolledSocket::~PolledSocket() {
  if (tls_ != nullptr) tls_->close();
  poller_.forget(*this);
  ::close(descriptor_);  // which ends the watch, too
}

std::size_t PolledSocket::write_some(std::span<const asio::const_buffer> pieces, error_code& error) {
  const std::size_t size = tls_ != nullptr      ? send_through_tls(pieces, error)
                           : pieces.size() == 1 ? send(pieces.front(), error)
                                                : send_all(descriptor_, pieces, error);
  if (has_to_wait(error)) error = asio::error::would_block;
  return size;
}

std::size_t PolledSocket::receive(asio::mutable_buffer buffer, error_code& error) {
  if (tls_ != nullptr) {
    const auto [size, outcome] = tls_->read(static_cast<char*>(buffer.data()), buffer.size());
    error = error_of(outcome, security::TlsChannel::Outcome::kWantsRead);
    return size;
  }
  const ssize_t size = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
  error = size > 0 ? error_code() : size == 0 ? asio::error::make_error_code(asio::error::eof) : last_error();
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

std::size_t PolledSocket::send(asio::const_buffer buffer, error_code& error) {
  if (tls_ != nullptr) {
    const auto [size, outcome] = tls_->write({static_cast<const char*>(buffer.data()), buffer.size()});
    error = error_of(outcome, security::TlsChannel::Outcome::kWantsWrite);
    return size;
  }
  const ssize_t size = ::send(descriptor_, buffer.data(), buffer.size(), MSG_NOSIGNAL);
  error = size >= 0 ? error_code() : last_error();
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

// Each piece is a record of its own, or several. What fails after some have been sent fails again.
std::size_t PolledSocket::send_through_tls(std::span<const asio::const_buffer> pieces, error_code& error) {
  std::size_t total = 0;
  for (const asio::const_buffer& piece : pieces) {
    const std::size_t size = send(piece, error);
    total += size;
    if (size < piece.size()) break;
  }
  if (total != 0) error = {};
  return total;
}

void PolledSocket::begin(Transfer& transfer, std::uint32_t event) {
  if (&transfer == &reading_ && tls_ != nullptr && tls_->has_pending()) {
    error_code error;
    const std::size_t size = receive(transfer.buffer, error);
    if (!has_to_wait(error)) return end_later(transfer, error, size);
  }
  if ((watched_ & event) != 0) return;
  if (const error_code error = watch_for(watched_ | event)) end_later(transfer, error);
}

// One operation at most is completed at a time, as that may destroy this object; the other one's turn comes with the
// next sweep. An error or a hang-up makes every operation ready: it finds out what it is. What nobody waits for is not
// watched any more.
void PolledSocket::ready(std::uint32_t events) {
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  for (const bool is_read : {true, false}) {
    Transfer& transfer = is_read ? reading_ : writing_;
    const std::uint32_t event = is_read ? EPOLLIN : EPOLLOUT;
    if (transfer.operation == nullptr || (!broken && (events & event) == 0)) continue;
    error_code error;
    std::size_t size = 0;
    if (transfer.buffer.size() != 0) size = is_read ? receive(transfer.buffer, error) : send(transfer.buffer, error);
    if (has_to_wait(error)) continue;
    return transfer.operation.release()->complete(error, size);
  }
  const std::uint32_t wanted =
      (reading_.operation != nullptr ? EPOLLIN : 0U) | (writing_.operation != nullptr ? EPOLLOUT : 0U);
  if (wanted != watched_) watch_for(wanted);
}

error_code PolledSocket::watch_for(std::uint32_t events) {
  const error_code error = poller_.watch(descriptor_, *this, watched_, events);
  if (!error) watched_ = events;
  return error;
}

void PolledSocket::cancel() {
  end_later(reading_, asio::error::operation_aborted);
  end_later(writing_, asio::error::operation_aborted);
}

void PolledSocket::end_later(Transfer& transfer, error_code error, std::size_t size) {
  if (transfer.operation == nullptr) return;
  asio::post(get_executor(), [operation = std::move(transfer.operation), error, size]() mutable {
    operation.release()->complete(error, size);
  });
}

void PolledSocket::shutdown_send() {
  if (tls_ != nullptr) tls_->close();
  ::shutdown(descriptor_, SHUT_WR);
}

bool PolledSocket::is_readable() {
  if (tls_ != nullptr) return tls_->is_readable();
  pollfd watched{descriptor_, POLLIN, 0};
  return ::poll(&watched, 1, 0) > 0;
}

}  // namespace kv::net
