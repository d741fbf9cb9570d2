// The network side of the server: listens, accepts, and runs a session for each connection until it is told to stop.
//
// Each I/O thread runs an io_context of its own. Listeners live on the first thread and hand new connections to all of
// them in turn; from then on a session stays on its thread. What sessions ask for is answered by a RequestHandler.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kv/base/clock.hpp"
#include "kv/base/limits.hpp"
#include "kv/base/result.hpp"
#include "kv/net/commit_gate.hpp"
#include "kv/observability/counters.hpp"
#include "kv/observability/trace.hpp"
#include "kv/protocol/connection_info.hpp"
#include "kv/protocol/request_handler.hpp"
#include "kv/security/tls_identity.hpp"

namespace kv::net {

// The limits that may change while connections are served.
struct NetworkLimits {
  std::size_t connections_max = kConnectionsDefault;
  std::size_t reply_backlog_max = kReplyBacklogDefault;
  std::chrono::milliseconds request_timeout = kRequestTimeoutDefault;  // 0: off
  std::chrono::milliseconds idle_timeout{0};                           // 0: off
  std::chrono::milliseconds reply_timeout = kReplyTimeoutDefault;      // 0: off
  std::chrono::seconds tcp_keepalive = kTcpKeepaliveDefault;           // 0: off; of connections that come from now on
};

struct NetworkOptions : NetworkLimits {
  std::size_t threads = 1;
  std::size_t payload_bytes_max = kPayloadBytesDefault;
  std::chrono::milliseconds authentication_timeout = kAuthenticationMax;  // of whom the handler doesn't admit yet
  std::chrono::milliseconds handshake_timeout = kHandshakeMax;            // that TLS waits for its peer, in all
  std::size_t handshakes_max = kHandshakesMax;  // while there are more they get a tenth of that
};

class Network {
 public:
  // All arguments must outlive stop(). Replies wait at `commit_gate`, and what is done is told to `tracer`, where there
  // are such.
  Network(const NetworkOptions& options, protocol::RequestHandler& handler, const Clock& clock,
          observability::Counters& counters, CommitGate* commit_gate = nullptr,
          observability::Tracer* tracer = nullptr);
  // Stops, if stop() has not been called.
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Takes the address HOST (a name or address, IPv6 without brackets) and port (0: a free one), so that nobody else can
  // have it; whoever connects is still refused. Connections there will speak TLS as `tls`, which must outlive stop(),
  // has it when they come; or plainly, where it is nullptr. Fails with a sentence that names the address. REQUIRES:
  // before listen().
  Result<void> bind(const std::string& host, std::uint16_t port, const security::TlsIdentity* tls = nullptr);
  // Lets connections in at every address that was taken; they wait until start(). Fails with a sentence that names the
  // address that couldn't be had after all. Called once.
  Result<void> listen();

  // Starts the threads, and with them accepting. Called once, after listen().
  void start();

  // Stops accepting, answers what has been received, closes every connection, ends the threads. Returns when all of
  // that is done; what takes longer than kShutdownMax is cut off. Called from none of its own threads. False when a
  // request that was cut off still runs kCutOffMax later: it can't be interrupted, so the process has to end without
  // destroying this object.
  bool stop();

  // HOST:PORT of every listener, with the ports that were really bound.
  std::vector<std::string> listeners() const;
  // The limits from here on. Connections that are over one already go on until it is looked at next: those over
  // connections_max until they end, those that are quiet until the sweep. Thread-safe.
  void set_limits(const NetworkLimits& limits);
  // Connections that are open now. Thread-safe.
  std::size_t connections() const;

  // How long the I/O thread has not come round to its timers that has been silent for longest; 0 before start() and
  // after stop(). Thread-safe.
  std::chrono::milliseconds silence() const;

  // Both ask the I/O threads and wait for their answers, so they are called from none of them. A thread that takes more
  // than kAskThreadMax is left out. Thread-safe. REQUIRES: started.
  //
  // Every connection, in the order of their ids.
  std::vector<protocol::ConnectionInfo> connection_list() const;
  // Cuts a connection off. False where there is none with this id.
  bool close_connection(std::uint64_t id);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kv::net
