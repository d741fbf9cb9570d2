// A program run by a test: started, watched, and ended by its own pid.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <sys/types.h>
#include <vector>

#include "kv/base/bytes.hpp"

#include "support/process/wait.hpp"

namespace kv::test {

struct CommandLine {
  std::vector<std::string> argv;         // argv[0] is the program's path
  std::vector<std::string> environment;  // "KV_SHARDS=4"; no KV_ variable of the test's own environment is passed on
  std::string input;                     // what it reads from stdin
};

// How a process ended: by its exit code, or by the signal that killed it (and then exit_code is -1).
struct Exit {
  int exit_code = -1;
  int signal = 0;
  bool operator==(const Exit&) const = default;
};

// A running program. Construct it on the main thread: the kernel kills the child when the thread that started it ends,
// so that a crashed test leaves nothing behind. The destructor kills what still runs. Not thread-safe, but for
// output().
class ChildProcess {
 public:
  // Throws std::system_error when there is no process or memory to be had; a program that can't be executed exits 127.
  explicit ChildProcess(CommandLine command);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  // What it has written so far.
  std::string stdout_text() const;
  std::string stderr_text() const;

  // False once it has ended.
  bool running();
  void signal(int number) const;
  // Waits for it to end. Throws std::runtime_error, with its output, past the deadline.
  Exit wait_exit(std::chrono::milliseconds deadline = kDeadline);
  // Ends it at once (SIGKILL).
  void kill();

  // What /proc says of it; throws std::runtime_error once it has ended.
  std::size_t rss_bytes() const;
  std::size_t peak_rss_bytes() const;
  std::size_t open_fds() const;

 private:
  bool reap(int flags);
  std::size_t status_bytes(const std::string& field) const;

  int in_fd_;
  int out_fd_;
  int err_fd_;
  pid_t pid_ = -1;
  bool reaped_ = false;
  Exit exit_;
};

struct Run {
  Exit exit;
  std::string out;
  std::string err;
};

// Runs a program to its end.
Run run(CommandLine command);

}  // namespace kv::test
