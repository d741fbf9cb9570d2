// A blocking HTTP client that sends any bytes and understands replies of a known length, nothing more.
//
// Every call throws std::runtime_error when the peer does what the call doesn't allow for, or nothing for a minute.
#pragma once

#include <cstdint>
#include <string>

#include "kv/base/bytes.hpp"

namespace kv::test {

struct HttpReply {
  int status = 0;
  std::string header;  // with the status line
  std::string body;

  // The value of a header field, by its name as it was sent; empty where there is none.
  std::string field(const std::string& name) const;
};

class HttpClient {
 public:
  // Connects to 127.0.0.1. `receive_buffer_bytes` (0: the system's own choice) is how much the kernel takes in while
  // nobody reads.
  explicit HttpClient(std::uint16_t port, int receive_buffer_bytes = 0);
  ~HttpClient();
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&&) = delete;

  // Sends all of `bytes`, as far as the peer still takes them.
  void send(ByteView bytes);
  // Reads one reply; `has_body` is false for that to a HEAD.
  HttpReply receive(bool has_body = true);
  // GET, and its reply; the connection stays.
  HttpReply get(const std::string& path);
  // Waits until the peer closes or resets the connection, and returns what came before that.
  std::string receive_to_the_end();

 private:
  bool read_more();

  int fd_ = -1;
  std::string received_;
};

// GET on a connection of its own.
HttpReply http_get(std::uint16_t port, const std::string& path);

// The port in the line `admin listening on 127.0.0.1:PORT` of a log; 0 where it isn't there yet.
std::uint16_t admin_port(const std::string& log);

}  // namespace kv::test
