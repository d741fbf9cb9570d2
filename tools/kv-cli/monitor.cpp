#include "kv-cli/monitor.hpp"

#include <limits>

#include <boost/json.hpp>

#include "kv/client/payload.hpp"
#include "kv/client/value_text.hpp"
#include "kv/protocol/command.hpp"

#include "kv-cli/utc.hpp"

namespace kv::cli {
namespace {

namespace json = boost::json;

ByteView text_of(const json::value& value) {
  return value.as_string();
}

// 2026-01-31T12:00:00.123Z 7 127.0.0.1:50000 app GET app:1
std::string line_of(const json::object& request) {
  std::string line =
      print_utc(request.at("time_ms").to_number<UnixMillis>()) + ' ' + json::serialize(request.at("connection")) + ' ' +
      client::print_key(text_of(request.at("address"))) + ' ' + client::print_key(text_of(request.at("user"))) + ' ';
  line += text_of(request.at("command"));
  const json::value* key = request.if_contains("key");
  // It is printable as it comes.
  if (key != nullptr) line.append(1, ' ').append(text_of(*key));
  const json::value* keys = request.if_contains("keys");
  if (keys != nullptr && keys->to_number<std::uint64_t>() != 1) line += " (" + json::serialize(*keys) + " keys)";
  return line;
}

}  // namespace

std::optional<std::string> monitor_lines(ByteView document, std::uint64_t& left, OutputForm form) {
  try {
    const json::value answer = json::parse(document);
    std::string lines;
    if (const auto dropped = answer.at("dropped").to_number<std::uint64_t>(); dropped != 0) {
      const std::string number = std::to_string(dropped);
      lines += form == OutputForm::kJson ? "{\"dropped\":" + number + "}\n" : "(" + number + " more were dropped)\n";
    }
    for (const json::value& request : answer.at("commands").as_array()) {
      if (left == 0) break;
      --left;
      lines += (form == OutputForm::kJson ? json::serialize(request) : line_of(request.as_object())) + '\n';
    }
    return lines;
  } catch (const std::exception&) {
    return {};
  }
}

Outcome<void> print_monitor(client::Connection& connection, const MonitorOptions& options, OutputForm form,
                            std::FILE* out) {
  const std::string wait = client::Payload().u64(kMonitorWait.count()).bytes();
  std::uint64_t left = options.count == 0 ? std::numeric_limits<std::uint64_t>::max() : options.count;
  while (left != 0) {
    const auto reply = accepted(connection.call(protocol::Command::kMonitor, wait));
    if (!reply) return reply.error();
    const auto lines = monitor_lines(reply->payload, left, form);
    if (!lines) return not_understood();
    const bool written = std::fwrite(lines->data(), 1, lines->size(), out) == lines->size() && std::fflush(out) == 0;
    if (!written) return usage("can't write to stdout");
  }
  return {};
}

}  // namespace kv::cli
