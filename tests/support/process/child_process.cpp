#include "support/process/child_process.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace kv::test {
namespace {

// A file in memory: unlike a pipe it never fills up, so nobody has to read it while the program runs.
int memory_file(ByteView content = {}) {
  const int fd = memfd_create("kv-test", MFD_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "memfd_create");
  for (std::size_t at = 0; at < content.size();) {
    const ssize_t put = pwrite(fd, content.data() + at, content.size() - at, static_cast<off_t>(at));
    if (put < 0) throw std::system_error(errno, std::generic_category(), "pwrite");
    at += static_cast<std::size_t>(put);
  }
  return fd;
}

std::string read_all(int fd) {
  std::string text;
  char chunk[16 << 10];
  ssize_t got = 0;
  while ((got = pread(fd, chunk, sizeof(chunk), static_cast<off_t>(text.size()))) > 0) {
    text.append(chunk, static_cast<std::size_t>(got));
  }
  return text;
}

std::vector<std::string> own_environment_without_kv() {
  std::vector<std::string> kept;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!ByteView(*variable).starts_with("KV_")) kept.emplace_back(*variable);
  }
  return kept;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

ChildProcess::ChildProcess(CommandLine command)
    : in_fd_(memory_file(command.input)), out_fd_(memory_file()), err_fd_(memory_file()) {
  std::vector<std::string> environment = own_environment_without_kv();
  environment.insert(environment.end(), command.environment.begin(), command.environment.end());
  const std::vector<char*> argv = pointers_to(command.argv);
  const std::vector<char*> envp = pointers_to(environment);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ > 0) return;

  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  dup2(in_fd_, STDIN_FILENO);
  dup2(out_fd_, STDOUT_FILENO);
  dup2(err_fd_, STDERR_FILENO);
  execve(argv[0], argv.data(), envp.data());
  _exit(127);
}

ChildProcess::~ChildProcess() {
  kill();
  for (const int fd : {in_fd_, out_fd_, err_fd_}) close(fd);
}

std::string ChildProcess::stdout_text() const {
  return read_all(out_fd_);
}
std::string ChildProcess::stderr_text() const {
  return read_all(err_fd_);
}

bool ChildProcess::reap(int flags) {
  if (reaped_) return true;
  int status = 0;
  if (waitpid(pid_, &status, flags) != pid_) return false;
  reaped_ = true;
  if (WIFEXITED(status)) exit_ = {WEXITSTATUS(status), 0};
  if (WIFSIGNALED(status)) exit_ = {-1, WTERMSIG(status)};
  return true;
}

bool ChildProcess::running() {
  return !reap(WNOHANG);
}

void ChildProcess::signal(int number) const {
  if (!reaped_) ::kill(pid_, number);
}

Exit ChildProcess::wait_exit(std::chrono::milliseconds deadline) {
  if (!eventually([&] { return !running(); }, deadline)) {
    throw std::runtime_error("the program still runs. Its output:\n" + stderr_text() + stdout_text());
  }
  return exit_;
}

void ChildProcess::kill() {
  signal(SIGKILL);
  reap(0);
}

std::size_t ChildProcess::rss_bytes() const {
  return status_bytes("VmRSS:");
}
std::size_t ChildProcess::peak_rss_bytes() const {
  return status_bytes("VmHWM:");
}

std::size_t ChildProcess::status_bytes(const std::string& field) const {
  std::ifstream lines("/proc/" + std::to_string(pid_) + "/status");
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(field)) return std::stoull(line.substr(field.size())) << 10;  // said in KiB
  }
  throw std::runtime_error("the program has ended. Its output:\n" + stderr_text() + stdout_text());
}

std::size_t ChildProcess::open_fds() const {
  const std::filesystem::directory_iterator folder("/proc/" + std::to_string(pid_) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(folder), end(folder)));
}

Run run(CommandLine command) {
  ChildProcess child(std::move(command));
  const Exit exit = child.wait_exit();
  return {exit, child.stdout_text(), child.stderr_text()};
}

}  // namespace kv::test
