#include "kv/admin/http_listener.hpp"

#include <algorithm>
#include <exception>
#include <optional>
#include <pthread.h>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "kv/base/asio_types.hpp"
#include "kv/observability/log.hpp"

#include "admin/connection.hpp"

namespace kv::admin {
namespace {

using asio::ip::tcp;

// After a failed accept (most often: no file descriptor is left) before the next try.
constexpr std::chrono::milliseconds kAcceptRetry{100};

std::string with_port(const std::string& host, std::uint16_t port) {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace

struct HttpListener::State {
  State(Pages what, const Clock& time, const HttpOptions& how) : pages(std::move(what)), clock(time), options(how) {}

  Result<void> listen(const std::string& host, std::uint16_t port);
  Awaitable<void> accept_forever();
  void serve(Socket socket);
  bool make_room();

  const Pages pages;
  const Clock& clock;
  const HttpOptions options;
  std::vector<Connection*> connected;  // before `io`, whose end ends them; used by its thread only
  asio::io_context io{1};
  asio::basic_socket_acceptor<tcp, Executor> acceptor{io};
  Timer retry{io};
  std::string address;
  std::thread thread;
};

Result<void> HttpListener::State::listen(const std::string& host, std::uint16_t port) {
  error_code error;
  const auto found = tcp::resolver(io).resolve(host, std::to_string(port), tcp::resolver::passive, error);
  if (!error) {
    const tcp::endpoint endpoint = found.begin()->endpoint();
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  }
  if (error) {
    return Error{Errc::kArgument,
                 "cannot listen for --admin-bind on " + with_port(host, port) + ": " + error.message()};
  }
  const tcp::endpoint bound = acceptor.local_endpoint();
  address = with_port(bound.address().to_string(), bound.port());
  return {};
}

Awaitable<void> HttpListener::State::accept_forever() {
  while (true) {
    auto [error, socket] = co_await acceptor.async_accept(io.get_executor(), kAwait);
    if (!error) {
      serve(std::move(socket));
    } else if (error != asio::error::connection_aborted) {
      retry.expires_after(kAcceptRetry);
      co_await retry.async_wait(kAwait);
    }
  }
}

void HttpListener::State::serve(Socket socket) {
  if (connected.size() >= options.connections_max && !make_room()) return;  // closed without a word
  const auto connection = std::make_shared<Connection>(std::move(socket), pages, clock, options);
  connected.push_back(connection.get());
  asio::co_spawn(io, connection->run(), [this, connection](const std::exception_ptr& fault) {
    std::erase(connected, connection.get());
    if (!fault) return;
    try {
      std::rethrow_exception(fault);
    } catch (const std::exception& error) {
      log::error("an admin page failed", {{"error", error.what()}});
    }
  });
}

// Closes the connection that has been idle longest: who keeps many open without a request must not keep a probe out.
// False where none is idle.
bool HttpListener::State::make_room() {
  const auto found = std::ranges::min_element(connected, {}, [](const Connection* connection) {
    return connection->idle_since().value_or(SteadyClock::time_point::max());
  });
  if (found == connected.end() || !(*found)->idle_since()) return false;
  (*found)->cut_off();
  connected.erase(found);
  return true;
}

HttpListener::HttpListener(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<HttpListener>> HttpListener::open(const std::string& host, std::uint16_t port, Pages pages,
                                                         const Clock& clock, const HttpOptions& options) {
  auto state = std::make_unique<State>(std::move(pages), clock, options);
  if (auto listening = state->listen(host, port); !listening) return listening.error();
  asio::co_spawn(state->io, state->accept_forever(), asio::detached);
  state->thread = std::thread([&io = state->io] {
    pthread_setname_np(pthread_self(), "kv-admin");
    io.run();
  });
  return std::unique_ptr<HttpListener>(new HttpListener(std::move(state)));
}

HttpListener::~HttpListener() {
  state_->io.stop();
  state_->thread.join();
}

const std::string& HttpListener::address() const {
  return state_->address;
}

}  // namespace kv::admin
