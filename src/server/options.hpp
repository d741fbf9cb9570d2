// What the user asked for: the command line, the environment and the configuration file made into one Options.
//
// Every option is one row in option_rows.cpp. Where it is given in more than one place the command line wins over the
// environment, which wins over the file, which wins over the default; but what is given must be valid everywhere. CLI11
// splits the command line and reads the file; the order of the places is ours, because CLI11's own (2.1.2) prefers the
// file to the environment and passes over unknown keys.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "kv/base/limits.hpp"
#include "kv/engine/eviction.hpp"
#include "kv/observability/log.hpp"
#include "kv/security/tls_context.hpp"
#include "kv/storage/options.hpp"

namespace kv::server {

struct Address {
  std::string host;        // a name, an IPv4 address, or an IPv6 address without its brackets
  std::uint16_t port = 0;  // 0: any free one

  bool operator==(const Address&) const = default;
};
// `host:port`, an IPv6 address in brackets.
std::string to_string(const Address& address);

// The processors that this process may run on, at least 1.
std::size_t available_processors();

// What is kept on disk, and how.
struct Persistence {
  storage::Options storage;  // its directory is empty where there is none
  bool disabled = false;     // nothing is kept, even where there is a directory
  std::string restore_from;  // a backup to fill the directory from before starting; empty: none

  bool enabled() const { return !disabled && !storage.directory.empty(); }
};

// Instead of a number of bytes: no limit; one that fits the machine.
inline constexpr std::uint64_t kMemoryUnlimited = 0;
inline constexpr std::uint64_t kMemoryAuto = ~std::uint64_t{0};

// Where and how TLS is spoken.
struct Tls {
  std::vector<Address> binds;  // empty: nowhere
  security::TlsServerFiles files;
  security::ClientAuth client_auth = security::ClientAuth::kNone;

  bool enabled() const { return !binds.empty(); }
};

// Who may come in. At most one of these is given; where none is, everybody may.
struct Access {
  std::string password;  // of the user `default`; empty: none
  std::string password_file;
  std::string acl_file;
};

struct Options {
  // One without a host stands alone and means: nowhere.
  std::vector<Address> binds{{"127.0.0.1", kPortDefault}};
  Address admin_bind;  // without a host: nowhere
  std::size_t shards = kShardsDefault;
  std::size_t threads = available_processors();

  std::size_t payload_bytes_max = kPayloadBytesDefault;
  std::size_t key_bytes_max = kKeyBytesMax;
  std::size_t connections_max = kConnectionsDefault;
  // Of these, zero means that there is no such limit.
  std::chrono::milliseconds request_timeout{kRequestTimeoutDefault};
  std::chrono::milliseconds idle_timeout{0};
  std::chrono::milliseconds reply_timeout = kReplyTimeoutDefault;
  std::size_t reply_backlog_max = kReplyBacklogDefault;
  std::chrono::milliseconds tcp_keepalive{kTcpKeepaliveDefault};  // whole seconds

  std::uint64_t memory_bytes_max = kMemoryUnlimited;  // or kMemoryAuto
  std::size_t eviction = 0;                           // of engine::kEvictionNames

  Persistence persistence;

  Tls tls;
  Access access;

  log::Settings log;
  std::chrono::microseconds slowlog_threshold = kSlowlogThresholdDefault;  // 0: nothing is slow
  std::size_t slowlog_length = kSlowlogLengthDefault;

  std::string trace_endpoint;  // empty: nothing is traced
  double trace_ratio = kTraceRatioDefault;

  bool print_commands = false;        // print the command table instead of serving
  std::vector<std::string> warnings;  // sentences for the log, once it is open
};

// What to print, and where, instead of serving.
struct Exit {
  enum class Stream { kOut, kError };

  int code = 0;
  Stream stream = Stream::kOut;
  std::string text;  // ends in a newline
};
using ParseOutcome = std::variant<Options, Exit>;

inline constexpr int kExitBadUsage = 2;

using Environment = std::map<std::string, std::string>;
// The variables of this process whose names begin with KV_.
Environment kv_environment();

// Makes the options. `environment` is what kv_environment() returns. Reads the configuration file if there is one, and
// does nothing else. A fault is an Exit with kExitBadUsage and one line that names the place and the value.
ParseOutcome parse_options(int argc, const char* const* argv, const Environment& environment);

// A line of a configuration file that sets `name` to `values`, and says where they came from:
//   shards = 512  # from flag
// `list` makes it a list; `quoted` makes the values strings; a `secret` is shown as "***".
struct ConfigLine {
  std::string name;
  std::vector<std::string> values;
  std::string source;
  bool list = false;
  bool quoted = false;
  bool secret = false;
};
std::string to_string(const ConfigLine& line);

}  // namespace kv::server
