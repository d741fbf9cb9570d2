// kv-wal: see README.md.
#include <cstdio>
#include <variant>

#include "kv-wal/dump.hpp"
#include "kv-wal/options.hpp"
#include "kv-wal/repair.hpp"
#include "kv-wal/verify.hpp"

namespace {

using namespace kv::wal;

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

ExitCode run(const Options& options, const Output& output) {
  kv::storage::FileSystem& files = kv::storage::posix_file_system();
  return std::visit(Overloaded{
                        [&](const Verify& chosen) { return verify(files, chosen.paths, output); },
                        [&](const Dump& chosen) { return dump(files, chosen.path, output); },
                        [&](const Repair& chosen) { return repair(files, chosen.path, chosen.truncate_at, output); },
                    },
                    options);
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = parse_options(argc, argv);
  if (const auto* code = std::get_if<ExitCode>(&parsed)) return static_cast<int>(*code);

  const auto out = [](kv::ByteView line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
  };
  const auto err = [](kv::ByteView line) {
    std::fflush(stdout);
    std::fprintf(stderr, "kv-wal: %.*s\n", static_cast<int>(line.size()), line.data());
  };
  ExitCode code = run(std::get<Options>(parsed), {out, err});
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    err("the output can't be written");
    code = ExitCode::kFailed;
  }
  return static_cast<int>(code);
}
