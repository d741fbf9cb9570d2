// kv-server: parses its options, builds the server and runs it.
// Exit codes: 0 ended as asked, 1 could not start or failed, 2 bad usage.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>
#include <variant>

#include "kv/command/dispatcher.hpp"
#include "kv/observability/log.hpp"

#include "server/file_limit.hpp"
#include "server/options.hpp"
#include "server/secrets.hpp"
#include "server/server.hpp"

namespace {

int fail(const std::string& sentence) {
  std::fprintf(stderr, "kv-server: %s\n", sentence.c_str());
  return 1;
}

int serve(kv::server::Options options) {
  kv::server::block_signals();
  kv::server::raise_file_limit();
  if (auto started = kv::log::start(options.log); !started) return fail(started.error().message);
  for (const std::string& warning : options.warnings) kv::log::warn(warning);
  const auto end = [](const kv::Error& error) {
    kv::log::stop();
    return fail(error.message);
  };
  auto users = kv::server::open_users(options.access);
  if (!users) return end(users.error());
  auto storage = kv::server::open_storage(options);
  if (!storage) return end(storage.error());
  kv::server::Server server(options, *std::move(storage), *std::move(users));
  if (auto bound = server.bind(); !bound) return end(bound.error());
  if (auto recovered = server.recover(); !recovered) return end(recovered.error());
  if (auto listening = server.listen(); !listening) return end(listening.error());
  const bool ended = server.run();
  kv::log::stop();
  if (!ended) std::_Exit(0);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    auto outcome = kv::server::parse_options(argc, argv, kv::server::kv_environment());
    kv::server::wipe_secrets(argc, argv);
    if (const auto* exit = std::get_if<kv::server::Exit>(&outcome)) {
      std::fputs(exit->text.c_str(), exit->stream == kv::server::Exit::Stream::kOut ? stdout : stderr);
      return exit->code;
    }
    auto& options = std::get<kv::server::Options>(outcome);
    if (options.print_commands) {
      std::puts(kv::command::commands_as_json().c_str());
      return 0;
    }
    return serve(std::move(options));
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}
