// A blocking TCP client that sends any bytes and understands response frames, nothing more.
//
// Every call throws std::runtime_error when the peer does what the call doesn't allow for, or nothing before kDeadline;
// GoogleTest turns that into a failure of the test, and std::async carries it over from another thread. One thread uses
// a client at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kv/base/bytes.hpp"
#include "kv/security/tls_context.hpp"

#include "support/process/reply.hpp"
#include "support/process/server_process.hpp"

namespace kv::test {

class RawClient {
 public:
  // Connects to 127.0.0.1. `receive_buffer_bytes` (0: the system's own choice) is how much the kernel takes in while
  // nobody reads; `from` (empty: the same) the address of its own side, another one of the loopback.
  explicit RawClient(std::uint16_t port, int receive_buffer_bytes = 0, const std::string& from = {});
  explicit RawClient(const ServerProcess& server) : RawClient(server.port()) {}
  ~RawClient() { close(); }
  RawClient(RawClient&& other) noexcept;
  RawClient& operator=(RawClient&& other) noexcept;

  // Speaks TLS from now on; throws std::runtime_error, with the reason, when the handshake fails.
  void encrypt(const std::shared_ptr<const security::TlsContext>& context, const std::string& server_name);

  // Sends all of `bytes`.
  void send(ByteView bytes);
  // The same, each byte in a packet of its own.
  void send_bytewise(ByteView bytes);
  // Sends as much as goes without waiting for longer than the kernel needs, and returns how much that was.
  std::size_t send_some(ByteView bytes);

  // Reads exactly one response. The text of an error must be a word of the protocol, a space and a sentence.
  Reply receive();
  std::vector<Reply> receive(std::size_t count);
  // Sends a request and reads its response.
  Reply call(ByteView request);
  // Sends requests and reads `replies` responses, both at once, so that neither side has to hold a long pipeline.
  std::vector<Reply> pipeline(ByteView requests, std::size_t replies);
  // The same, and each response is handed over as it comes: nothing is lost when the connection breaks in between.
  void pipeline(ByteView requests, std::size_t replies, const std::function<void(Reply)>& on_reply);
  // True when nothing has come that was not received yet.
  bool is_quiet();
  // Reads until the server closes its side, in an orderly way: a reset throws.
  std::string receive_until_eof();

  // Says to TLS that nothing more is sent, but leaves the sending side of TCP open. REQUIRES: it speaks TLS.
  void end_tls() { tls_->close(); }
  // Closes the sending side: the server sees the end of the input.
  void half_close();
  // Closes with a reset, which throws away whatever is on its way.
  void reset();
  void close();
  int fd() const { return fd_; }

 private:
  bool read_more(bool wait);
  bool take_reply(Reply& reply);

  int fd_ = -1;
  std::unique_ptr<security::TlsChannel> tls_;  // nullptr: it speaks plainly
  std::string received_;
  std::size_t taken_ = 0;  // of received_
};

}  // namespace kv::test
