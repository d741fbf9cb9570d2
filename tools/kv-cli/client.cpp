#include "kv-cli/client.hpp"

#include <cstdint>
#include <string>
#include <utility>

#include "kv/base/limits.hpp"
#include "kv/base/utf8.hpp"
#include "kv/client/payload.hpp"

#include "kv-cli/whole_number.hpp"

namespace kv::cli {
namespace {

using protocol::ClientCall;

constexpr CommandRow kList{protocol::Command::kClient, "client", {}, Answer::kDocument, ""};
constexpr CommandRow kKill{protocol::Command::kClient, "client", {}, Answer::kBool, ""};
constexpr CommandRow kSetName{protocol::Command::kClient, "client", {}, Answer::kNothing, ""};

Call call_of(const CommandRow& row, ClientCall call, client::Payload arguments = {}) {
  const char byte = static_cast<char>(call);
  return {&row, client::Payload().raw({&byte, 1}).raw(arguments.bytes()).bytes(), row.answer, 0};
}

}  // namespace

CLI::App* add_client(CLI::App& app) {
  CLI::App* client = app.add_subcommand("client", "List the server's connections, cut one off, or name one's own");
  client->require_subcommand(1)->fallthrough()->ignore_case();
  client->add_subcommand("list", "Print every connection: who it is, what it does, what memory it holds");
  client->add_subcommand("kill", "Cut a connection off; false: there is none with this id")
      ->add_option("ID", "The connection's id, as list prints it")
      ->required()
      ->check(whole_number_from(0));
  client->add_subcommand("setname", "Name the connection, for the list; with \"\", take its name away")
      ->add_option("NAME", "Up to 255 bytes of UTF-8")
      ->required();
  return client;
}

Outcome<Call> read_client(const CLI::App& client) {
  const CLI::App& call = *client.get_subcommands().front();
  if (call.get_name() == "list") return call_of(kList, ClientCall::kList);
  if (call.get_name() == "kill") {
    return call_of(kKill, ClientCall::kKill, client::Payload().u64(call.get_option("ID")->as<std::uint64_t>()));
  }
  const std::string name = read_word(call.get_option("NAME")->as<std::string>());
  if (!is_utf8(name) || name.size() > kClientNameBytesMax) return usage("a name is up to 255 bytes of UTF-8");
  return call_of(kSetName, ClientCall::kSetName, client::Payload().raw(name));
}

}  // namespace kv::cli
