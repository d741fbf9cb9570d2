#include "support/process/server_process.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <signal.h>
#include <stdexcept>
#include <utility>

#include <gtest/gtest.h>

namespace kv::test {
namespace {

// The last line of a server that comes up: it has named all its addresses by then.
constexpr const char* kUp = "kv-server is up";

CommandLine listening_command(ServerOptions options) {
  options.args.insert(options.args.begin(), {"--bind", "127.0.0.1:0"});
  return server_command(std::move(options.args), std::move(options.environment));
}

std::string log_file_of(const std::vector<std::string>& args) {
  const auto flag = std::ranges::find(args, "--log-file");
  return flag == args.end() ? "" : *std::next(flag);
}

// The port in the first `listening on ADDRESS:PORT` of the log that goes on with `rest`; 0 as long as there is none.
// The admin listener's doesn't count.
std::uint16_t find_port(ByteView log, ByteView rest = "") {
  constexpr ByteView kMark = "listening on 127.0.0.1:";
  for (std::size_t mark; (mark = log.find(kMark)) != ByteView::npos;) {
    const bool is_admin = log.substr(0, mark).ends_with("admin ");
    log.remove_prefix(mark + kMark.size());
    if (is_admin) continue;
    const std::size_t end = log.find_first_not_of("0123456789");
    if (end == ByteView::npos) return 0;
    if (log.substr(end).starts_with(rest))
      return static_cast<std::uint16_t>(std::stoul(std::string(log.substr(0, end))));
  }
  return 0;
}

}  // namespace

CommandLine server_command(std::vector<std::string> args, std::vector<std::string> environment) {
  args.insert(args.begin(), KV_SERVER_BINARY);
  return {std::move(args), std::move(environment), {}};
}

ServerProcess::ServerProcess(ServerOptions options)
    : log_file_(log_file_of(options.args)), child_(listening_command(std::move(options))) {
  const bool settled = eventually([&] {
    const bool running = child_.running();  // asked first, so that the log of a server that has ended is all there
    const std::string text = log();
    if (text.find(kUp) != std::string::npos) port_ = find_port(text);
    return port_ != 0 || !running;
  });
  if (port_ != 0) return;
  throw std::runtime_error((settled ? "kv-server ended. Its log:\n" : "kv-server doesn't come up. Its log:\n") + log());
}

ServerProcess::~ServerProcess() {
  if (ended_as_asked_) return;
  if (!child_.running()) {
    ADD_FAILURE() << "kv-server ended without being asked to. Its log:\n" << log();
    return;
  }
  child_.signal(SIGTERM);
  if (!eventually([&] { return !child_.running(); })) {
    ADD_FAILURE() << "kv-server doesn't end after SIGTERM. Its log:\n" << log();
    return;
  }
  const Exit exit = child_.wait_exit();
  EXPECT_EQ(exit.exit_code, 0) << "signal " << exit.signal << ". The log of kv-server:\n" << log();
}

std::string ServerProcess::log() const {
  std::string text = child_.stderr_text() + child_.stdout_text();
  if (log_file_.empty()) return text;
  std::ifstream file(log_file_);
  return text.append(std::istreambuf_iterator<char>(file), {});
}

bool ServerProcess::says(const std::string& text) const {
  return eventually([&] { return log().find(text) != std::string::npos; });
}

std::uint16_t ServerProcess::tls_port() const {
  return find_port(log(), " tls=true");
}

Exit ServerProcess::wait_exit(std::chrono::milliseconds deadline) {
  const Exit exit = child_.wait_exit(deadline);
  ended_as_asked_ = true;
  return exit;
}

void ServerProcess::kill() {
  child_.kill();
  ended_as_asked_ = true;
}

Run run_server(const std::vector<std::string>& args, const std::vector<std::string>& environment) {
  return run(server_command(args, environment));
}

}  // namespace kv::test
