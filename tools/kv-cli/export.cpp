#include "kv-cli/export.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

#include "kv/client/json.hpp"
#include "kv/client/payload.hpp"
#include "kv/client/value_text.hpp"

#include "kv-cli/scan.hpp"

namespace kv::cli {
namespace {

using protocol::Command;
using protocol::Status;

constexpr std::uint32_t kPageKeys = 1'000;

class Exporter {
 public:
  Exporter(client::Connection& connection, const ExportOptions& options, std::FILE* out)
      : connection_(connection),
        options_(options),
        out_(out),
        scan_(client::Payload().u64(0).u32(kPageKeys).key(options.pattern).bytes()) {}

  Outcome<void> run();

 private:
  std::optional<Failure> write_entry(ByteView key);
  bool append_value(ByteView payload);

  client::Connection& connection_;
  const ExportOptions& options_;
  std::FILE* out_;
  Scan scan_;
  std::string line_;
};

// A page's values and ttls are asked for in one go, with the next page behind them. GET and TTL of a key are two
// commands rather than one MGET, because only they tell an absent key from a Null.
Outcome<void> Exporter::run() {
  scan_.send(connection_);
  while (!scan_.ended()) {
    const auto keys = scan_.receive(connection_);
    if (!keys) return keys.error();
    for (const std::string& key : *keys) {
      connection_.send(Command::kGet, key);
      connection_.send(Command::kTtl, key);
    }
    if (!scan_.ended()) scan_.send(connection_);
    for (const std::string& key : *keys) {
      if (auto failure = write_entry(key)) return *std::move(failure);
    }
  }
  if (std::fflush(out_) == 0) return {};
  return usage("can't write: " + std::generic_category().message(errno));
}

std::optional<Failure> Exporter::write_entry(ByteView key) {
  const auto value = accepted(connection_.receive());
  if (!value) return value.error();
  const auto ttl = accepted(connection_.receive());
  if (!ttl) return ttl.error();
  if (value->status == Status::kNull || ttl->status == Status::kNull) return {};  // it is gone by now

  line_ = R"({"key":)";
  client::append_quoted(key, line_);
  line_ += R"(,"value":)";
  if (!append_value(value->payload)) return not_understood();
  client::PayloadReader reader(ttl->payload);
  const auto ttl_ms = static_cast<std::int64_t>(reader.take<std::uint64_t>());
  if (!reader.done()) return not_understood();
  line_ += R"(,"ttl":)";
  line_ += ttl_ms < 0 ? "null" : std::to_string(std::max<std::int64_t>(ttl_ms, 1));  // import takes 0 for no expiry
  line_ += "}\n";
  if (std::fwrite(line_.data(), 1, line_.size(), out_) == line_.size()) return {};
  return usage("can't write: " + std::generic_category().message(errno));
}

bool Exporter::append_value(ByteView payload) {
  client::PayloadReader reader(payload);
  const value::ValueView value = reader.take_value();
  if (!reader.done()) return false;
  if (options_.typed) {
    client::append_quoted(client::print_value(value), line_);
  } else {
    client::append_json(value, line_);
  }
  return true;
}

}  // namespace

Outcome<void> export_keys(client::Connection& connection, const ExportOptions& options, std::FILE* out) {
  return Exporter(connection, options, out).run();
}

}  // namespace kv::cli
