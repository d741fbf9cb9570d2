// One connection of the admin listener: a coroutine on the listener's thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "kv/admin/http_listener.hpp"
#include "kv/admin/page.hpp"
#include "kv/base/asio_types.hpp"
#include "kv/base/clock.hpp"

#include "admin/exchange.hpp"

namespace kv::admin {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // The references must outlive run().
  Connection(Socket socket, const Pages& pages, const Clock& clock, const HttpOptions& options);

  // Replies to one request after the other, until the peer has enough, breaks the rules, or is too slow.
  Awaitable<void> run();

  // Since when its peer could have begun a request and hasn't; nothing while one is under way.
  std::optional<SteadyClock::time_point> idle_since() const { return idle_since_; }
  // Closes it, wherever run() is, which then ends.
  void cut_off();

 private:
  enum class Arrival { kWhole, kGone, kTooLate };
  // Waits until input_ begins with a whole request, and makes reply_.
  Awaitable<Arrival> receive();
  // False when the peer doesn't take it.
  Awaitable<bool> send();
  // Sees to it that the peer gets the last reply: a socket that is closed while there is input to read is reset.
  Awaitable<void> close();

  // What is awaited from now on ends when so much time has passed; then is_late().
  void allow(std::chrono::milliseconds time);
  bool is_late() const { return SteadyClock::now() >= timer_.expiry(); }

  Socket socket_;
  Timer timer_;
  const Pages& pages_;
  const Clock& clock_;
  const HttpOptions& options_;
  std::string input_;
  std::array<char, 2048> piece_;  // as it was read
  Reply reply_;
  bool is_first_ = true;  // no request has come yet
  std::optional<SteadyClock::time_point> idle_since_ = SteadyClock::now();
};

}  // namespace kv::admin
