#include "admin/connection.hpp"

#include <utility>

#include <boost/asio/buffer.hpp>

#include "kv/base/bytes.hpp"
#include "kv/base/limits.hpp"

namespace kv::admin {

Connection::Connection(Socket socket, const Pages& pages, const Clock& clock, const HttpOptions& options)
    : socket_(std::move(socket)), timer_(socket_.get_executor()), pages_(pages), clock_(clock), options_(options) {}

Awaitable<void> Connection::run() {
  do {
    const Arrival arrival = co_await receive();
    if (arrival == Arrival::kGone) co_return;
    if (arrival == Arrival::kTooLate) reply_ = timeout_reply(clock_.now());
    if (!co_await send()) co_return;
  } while (reply_.keep_alive);
  co_await close();
}

// Who has sent nothing of a request may take its time, but for the first one: nobody connects for nothing.
Awaitable<Connection::Arrival> Connection::receive() {
  bool has_begun = is_first_ || !input_.empty();
  allow(has_begun ? options_.request_timeout : options_.idle_timeout);
  is_first_ = false;
  if (input_.empty()) idle_since_ = SteadyClock::now();
  while (true) {
    if (auto reply = reply_to(input_, pages_, clock_.now())) {
      input_.erase(0, reply->taken);
      reply_ = *std::move(reply);
      co_return Arrival::kWhole;
    }
    const auto [error, size] = co_await socket_.async_read_some(asio::buffer(piece_), kAwait);
    idle_since_.reset();
    if (is_late()) co_return input_.empty() && size == 0 ? Arrival::kGone : Arrival::kTooLate;
    if (error) co_return Arrival::kGone;
    input_.append(piece_.data(), size);
    if (!std::exchange(has_begun, true)) allow(options_.request_timeout);
  }
}

Awaitable<bool> Connection::send() {
  allow(options_.reply_timeout);
  for (ByteView left = reply_.bytes; !left.empty();) {
    const auto [error, size] = co_await socket_.async_write_some(asio::buffer(left.data(), left.size()), kAwait);
    left.remove_prefix(size);
    if (error || (is_late() && !left.empty())) co_return false;
  }
  co_return true;
}

Awaitable<void> Connection::close() {
  allow(kLingerMax);
  error_code ended;
  socket_.shutdown(Socket::shutdown_send, ended);
  while (!ended && !is_late()) {
    const auto [error, size] = co_await socket_.async_read_some(asio::buffer(piece_), kAwait);
    ended = error;
  }
}

void Connection::cut_off() {
  error_code ignored;
  socket_.close(ignored);
}

// A wait that was over just before it was replaced finds that it isn't the current one. What is awaited may have ended
// just before it is cancelled; so whoever awaits several things, one after the other, looks at is_late() in between.
void Connection::allow(std::chrono::milliseconds time) {
  timer_.expires_after(time);
  timer_.async_wait([weak = weak_from_this()](const error_code& cancelled) {
    const auto self = weak.lock();
    if (cancelled || self == nullptr || !self->is_late()) return;
    error_code ignored;
    self->socket_.cancel(ignored);
  });
}

}  // namespace kv::admin
