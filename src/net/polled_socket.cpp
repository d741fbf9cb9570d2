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

std::size_t receive(int descriptor, asio::mutable_buffer buffer, error_code& error) {
  const ssize_t size = ::recv(descriptor, buffer.data(), buffer.size(), 0);
  error = size > 0 ? error_code() : size == 0 ? asio::error::make_error_code(asio::error::eof) : last_error();
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

std::size_t send(int descriptor, asio::const_buffer buffer, error_code& error) {
  const ssize_t size = ::send(descriptor, buffer.data(), buffer.size(), MSG_NOSIGNAL);
  error = size >= 0 ? error_code() : last_error();
  return size > 0 ? static_cast<std::size_t>(size) : 0;
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
  poller_.forget(*this);
  ::close(descriptor_);  // which ends the watch, too
}

std::size_t PolledSocket::write_some(std::span<const asio::const_buffer> pieces, error_code& error) {
  const std::size_t size =
      pieces.size() == 1 ? send(descriptor_, pieces.front(), error) : send_all(descriptor_, pieces, error);
  if (has_to_wait(error)) error = asio::error::would_block;
  return size;
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
    const std::size_t size =
        is_read ? receive(descriptor_, transfer.buffer, error) : send(descriptor_, transfer.buffer, error);
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

void PolledSocket::end_later(Transfer& transfer, error_code error) {
  if (transfer.operation == nullptr) return;
  asio::post(get_executor(),
             [operation = std::move(transfer.operation), error]() mutable { operation.release()->complete(error, 0); });
}

void PolledSocket::shutdown_send() {
  ::shutdown(descriptor_, SHUT_WR);
}

bool PolledSocket::is_readable() const {
  pollfd watched{descriptor_, POLLIN, 0};
  return ::poll(&watched, 1, 0) > 0;
}

}  // namespace kv::net
