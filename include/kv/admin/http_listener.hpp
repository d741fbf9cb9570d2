// The admin listener: serves pages by HTTP/1.1 on one address, from a thread of its own. So it answers whatever the I/O
// threads are at, and nobody who asks it holds up a session.
//
// It serves GET and HEAD, and takes no bodies. Connections stay open from one request to the next, and may be sent
// several requests at once. Whoever is slow, in asking or in taking the reply, is cut off. Where no more may be
// connected, whoever has been idle longest makes room for one more.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kv/admin/page.hpp"
#include "kv/base/clock.hpp"
#include "kv/base/limits.hpp"
#include "kv/base/result.hpp"

namespace kv::admin {

struct HttpOptions {
  std::size_t connections_max = kAdminConnectionsMax;
  std::chrono::milliseconds idle_timeout = kAdminIdleMax;
  std::chrono::milliseconds request_timeout = kAdminRequestMax;  // of a connection's first request, from its accept
  std::chrono::milliseconds reply_timeout = kAdminReplyMax;
};

class HttpListener {
 public:
  // Listens on HOST (a name or address, IPv6 without brackets) and port (0: a free one), and serves from now on until
  // it is destroyed, which cuts off whoever is connected. `clock`, which must live as long, dates the replies. Fails
  // with a sentence that names the address.
  static Result<std::unique_ptr<HttpListener>> open(const std::string& host, std::uint16_t port, Pages pages,
                                                    const Clock& clock, const HttpOptions& options = {});
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  // HOST:PORT, IPv6 in brackets, with the port that was really bound. Thread-safe.
  const std::string& address() const;

 private:
  struct State;
  explicit HttpListener(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kv::admin
