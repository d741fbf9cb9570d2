// The real kv-server as a child process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "support/process/child_process.hpp"

namespace kv::test {

struct ServerOptions {
  std::vector<std::string> args;         // `--bind 127.0.0.1:0` is added; a `--log-file` is part of log()
  std::vector<std::string> environment;  // see CommandLine
};

// kv-server on a free port of 127.0.0.1; constructed, it listens.
//
// The destructor sends SIGTERM and expects exit code 0, so that every test also checks that the server ends cleanly and
// that a sanitizer had nothing to say. A server that ends without being asked to fails the test, with its log.
class ServerProcess {
 public:
  ServerProcess() : ServerProcess(ServerOptions{}) {}
  explicit ServerProcess(std::vector<std::string> args) : ServerProcess(ServerOptions{std::move(args), {}}) {}
  // Throws std::runtime_error, with the log, when the server ends or isn't up before the deadline.
  explicit ServerProcess(ServerOptions options);
  ~ServerProcess();

  // The port of the first address it listens on.
  std::uint16_t port() const { return port_; }
  // The port of the first address on which it speaks TLS; 0 when there is none.
  std::uint16_t tls_port() const;
  // Everything it has written so far, to stdout or stderr. What it logs appears a moment after it has happened.
  std::string log() const;
  // Waits until its log has `text`; false past the deadline.
  bool says(const std::string& text) const;

  pid_t pid() const { return child_.pid(); }
  bool running() { return child_.running(); }
  void signal(int number) const { child_.signal(number); }
  // Waits until it has ended, which is then no failure. Throws std::runtime_error, with the log, past the deadline.
  Exit wait_exit(std::chrono::milliseconds deadline = kDeadline);
  // Ends it at once (SIGKILL), for tests that leave it no way to end cleanly.
  void kill();

  std::size_t rss_bytes() const { return child_.rss_bytes(); }
  std::size_t peak_rss_bytes() const { return child_.peak_rss_bytes(); }
  std::size_t open_fds() const { return child_.open_fds(); }

 private:
  const std::string log_file_;  // empty: it logs to stderr
  ChildProcess child_;
  std::uint16_t port_ = 0;
  bool ended_as_asked_ = false;
};

// kv-server with exactly these arguments, for whoever watches it come up.
CommandLine server_command(std::vector<std::string> args, std::vector<std::string> environment = {});
// Runs kv-server with exactly these arguments to its end.
Run run_server(const std::vector<std::string>& args, const std::vector<std::string>& environment = {});

}  // namespace kv::test
