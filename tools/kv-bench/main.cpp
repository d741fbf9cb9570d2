// kv-bench: see README.md. Exit codes: 0 all answered as they should be, 1 wrong replies, 2 usage, 3 no connection.
#include <csignal>
#include <cstdio>
#include <variant>

#include "kv-bench/options.hpp"
#include "kv-bench/report.hpp"
#include "kv-bench/run.hpp"

namespace {

constexpr int kExitWrongReplies = 1;
constexpr int kExitNoConnection = 3;

void end_run_on(int signal) {
  struct sigaction action {};
  action.sa_handler = [](int) { kv::bench::end_run(); };
  sigaction(signal, &action, nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace kv::bench;
  const auto parsed = parse_options(argc, argv);
  if (const int* exit_code = std::get_if<int>(&parsed)) return *exit_code;
  const Options& options = std::get<Options>(parsed);

  end_run_on(SIGINT);
  end_run_on(SIGTERM);
  const auto outcome = run(options);
  if (const auto* failure = std::get_if<Failure>(&outcome)) {
    std::fprintf(stderr, "kv-bench: %s\n", failure->message.c_str());
    return failure->kind == Failure::Kind::kReply ? kExitWrongReplies : kExitNoConnection;
  }
  const auto& measurement = std::get<Measurement>(outcome);
  std::fputs((options.json ? json_report(options, measurement) : text_report(options, measurement)).c_str(), stdout);
  return measurement.tally.errors.total() + measurement.tally.unanswered == 0 ? 0 : kExitWrongReplies;
}
