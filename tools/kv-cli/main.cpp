// kv-cli: see README.md.
#include <cstdio>
#include <variant>

#include "kv-cli/options.hpp"
#include "kv-cli/run.hpp"

int main(int argc, char** argv) {
  using namespace kv::cli;
  const auto parsed = parse_options(argc, argv);
  if (const auto* code = std::get_if<ExitCode>(&parsed)) return static_cast<int>(*code);

  const auto done = run(std::get<Options>(parsed));
  if (done) return static_cast<int>(ExitCode::kDone);
  std::fflush(stdout);
  std::fprintf(stderr, "kv-cli: %s\n", done.error().message.c_str());
  return static_cast<int>(done.error().code);
}
