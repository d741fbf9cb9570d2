#include "kv-cli/scan.hpp"

#include "kv/base/utf8.hpp"
#include "kv/client/reply.hpp"

namespace kv::cli {

void Scan::send(client::Connection& connection) {
  store_big_endian(payload_.data(), cursor_);
  connection.send(protocol::Command::kScan, payload_);
}

Outcome<std::vector<std::string>> Scan::receive(client::Connection& connection) {
  const auto reply = accepted(connection.receive());
  if (!reply) return reply.error();
  client::PayloadReader reader(reply->payload);
  cursor_ = reader.take<std::uint64_t>();
  std::vector<std::string> keys;
  for (auto left = reader.take<std::uint32_t>(); left > 0 && reader.good(); --left) {
    keys.emplace_back(reader.take_key());
    if (!is_utf8(keys.back())) return not_understood();
  }
  if (!reader.done()) return not_understood();
  ended_ = cursor_ == 0;
  return keys;
}

}  // namespace kv::cli
