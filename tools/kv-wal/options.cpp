#include "kv-wal/options.hpp"

#include <CLI/CLI.hpp>

namespace kv::wal {
namespace {

constexpr const char* kFooter =
    R"(Exit codes: 0 all is good, or just a torn tail, which a server cuts off by itself; 1 damage that a server stops
at; 2 the command line is wrong, or a file can't be read or written.)";

constexpr const char* kRepairFooter =
    R"(What stands from the offset on is kept in FILE.bak and cut off. The records in it are lost to the server, so try
first whether an older snapshot or a backup has them. Stop the server before.)";

}  // namespace

std::variant<Options, ExitCode> parse_options(int argc, const char* const* argv) {
  CLI::App app("Looks at the log of a kv-server, and cuts off what is damaged.", "kv-wal");
  app.set_version_flag("--version", std::string("kv-wal ") + KV_VERSION);
  app.require_subcommand(1);
  app.footer(kFooter);

  Verify to_verify;
  auto* verify = app.add_subcommand("verify", "Read every record, and say whether all is good");
  verify->add_option("PATH", to_verify.paths, "Data directories or segments")->required()->type_name("");

  Dump to_dump;
  auto* dump = app.add_subcommand("dump", "Print every change as a line of JSON");
  dump->add_option("PATH", to_dump.path, "A segment, or a data directory")->required()->type_name("");

  Repair to_repair;
  auto* repair = app.add_subcommand("repair", "Cut a damaged segment off");
  repair->footer(kRepairFooter);
  repair->add_option("FILE", to_repair.path, "The segment")->required()->type_name("");
  repair->add_option("--truncate-at", to_repair.truncate_at, "The offset from which on all is cut: a record's begin")
      ->required()
      ->check(CLI::NonNegativeNumber)
      ->type_name("OFFSET");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? ExitCode::kGood : ExitCode::kFailed;
  }
  if (verify->parsed()) return to_verify;
  if (dump->parsed()) return to_dump;
  return to_repair;
}

}  // namespace kv::wal
