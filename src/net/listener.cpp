#include "net/listener.hpp"

#include <optional>
#include <utility>

#include <boost/asio/ip/v6_only.hpp>

#include "kv/observability/log.hpp"

#include "net/endpoint_text.hpp"
#include "net/io_thread.hpp"

namespace kv::net {
namespace {

using asio::ip::tcp;

// After a failed accept (most often: no file descriptor is left) before the next try.
constexpr std::chrono::milliseconds kAcceptRetry{100};

Error cannot_listen(const std::string& address, error_code error) {
  return {Errc::kArgument, "cannot listen on " + address + ": " + error.message()};
}

}  // namespace

Result<void> Listener::bind(const std::string& host, std::uint16_t port) {
  error_code error;
  const auto fail = [&] { return cannot_listen(with_port(host, port), error); };
  tcp::resolver resolver(acceptor_.get_executor());
  const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, error);
  if (error) return fail();
  const tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor_.open(endpoint.protocol(), error);
  if (error) return fail();
  // An IPv6 address means just that, so that 0.0.0.0 and [::] can both be bound.
  if (endpoint.protocol() == tcp::v6()) acceptor_.set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  // An address whose last connections have only just ended may be taken all the same. Not without need: while nobody
  // listens, others who say so may take the same one.
  if (error == asio::error::address_in_use) {
    acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
  }
  if (error) return fail();
  return {};
}

Result<void> Listener::listen() {
  error_code error;
  acceptor_.listen(asio::socket_base::max_listen_connections, error);
  // Connections inherit it, and let the next server have the address.
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (error) return cannot_listen(address(), error);
  return {};
}

std::string Listener::address() const {
  return endpoint_text(acceptor_.local_endpoint());
}

Awaitable<void> Listener::run(std::function<IoThread&()> next_thread, std::function<void(Socket, IoThread&)> take) {
  // One line when accepting fails and one when it goes on again: what is to be said doesn't change in between.
  std::optional<SteadyClock::time_point> failing_since;
  while (true) {
    IoThread& thread = next_thread();
    auto [error, socket] = co_await acceptor_.async_accept(thread.io().get_executor(), kAwait);
    // A connection that came just before the end is not taken any more: the threads may have counted theirs already.
    if (!acceptor_.is_open()) co_return;
    if (!error) {
      if (failing_since) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(SteadyClock::now() - *failing_since);
        log::info("accepting connections again", {{"after_seconds", seconds.count()}});
        failing_since.reset();
      }
      take(std::move(socket), thread);
    } else if (error != asio::error::operation_aborted && error != asio::error::connection_aborted) {
      if (!failing_since) {
        log::warn("cannot accept a connection, trying again until it works", {{"error", error.message()}});
        failing_since = SteadyClock::now();
      }
      retry_.expires_after(kAcceptRetry);
      co_await retry_.async_wait(kAwait);
    }
  }
}

void Listener::close() {
  error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
}

}  // namespace kv::net
