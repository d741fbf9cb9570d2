#include "server/option_rows.hpp"

#include <type_traits>
#include <utility>

#include "server/option_kinds.hpp"

namespace kv::server {
namespace {

Error bad(std::string message) {
  return Error{Errc::kArgument, std::move(message)};
}

template <typename Kind, typename T>
Result<void> assign(const Kind& kind, T& target, const Values& values, bool) {
  if (values.size() != 1) return bad("takes one value, not " + std::to_string(values.size()));
  const auto value = kind.parse(values.front());
  if (value.has_error()) return value.error();
  target = static_cast<T>(*value);
  return {};
}

template <typename Kind, typename T>
Result<void> assign(const Kind& kind, std::vector<T>& target, const Values& values, bool may_be_empty) {
  if (values.empty() && !may_be_empty) return bad("the list is empty");
  target.clear();
  for (const std::string& text : values) {
    const auto value = kind.parse(text);
    if (value.has_error()) return value.error();
    target.push_back(*value);
  }
  return {};
}

template <typename Kind, typename T>
Values format(const Kind& kind, const T& value) {
  return {kind.format(static_cast<typename Kind::Value>(value))};
}

template <typename Kind, typename T>
Values format(const Kind& kind, const std::vector<T>& list) {
  Values all;
  for (const T& value : list) all.push_back(kind.format(value));
  return all;
}

template <typename T>
constexpr bool kIsVector = false;
template <typename T>
constexpr bool kIsVector<std::vector<T>> = true;

// The row of the member of Options that `member` returns a reference to.
template <typename Kind, typename Member>
Row row(Row head, Kind kind, Member member) {
  head.list = kIsVector<std::remove_reference_t<std::invoke_result_t<Member, Options&>>>;
  head.quoted = Kind::kQuoted;
  head.placeholder = kind.placeholder;
  head.allowed = kind.allowed();
  head.is_switch = std::is_same_v<Kind, Switch>;
  // A list may be given as what it is without being given.
  Options defaults;
  const bool may_be_empty = format(kind, member(defaults)).empty();
  head.set = [=, guards = head.guards](Options& options, const Values& values) -> Result<void> {
    if (guards && values == Values{""}) return bad("is empty; leave it out to let everybody in");
    return assign(kind, member(options), values, may_be_empty);
  };
  head.get = [=](const Options& options) { return format(kind, member(options)); };
  return head;
}

std::vector<Row> make_rows() {
  using std::chrono::microseconds;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  const std::string network = "Network";
  const std::string admin = "Health";
  const std::string tls = "TLS";
  const std::string data = "Data and threads";
  const std::string disk = "Data on disk";
  const std::string users = "Users";
  const std::string logging = "Log";
  return {
      row(
          {.name = "bind",
           .letter = "b",
           .group = network,
           .help = "Where to listen: a name or an address, and a port. An IPv6 address goes in brackets, as in "
                   "[::1]:6380; port 0 picks a free one, and the log says which. May be given several times. none "
                   "leaves TLS as the only way in."},
          HostPortOrNone{}, [](auto& o) -> auto& { return o.binds; }),
      row(
          {.name = "max-connections",
           .group = network,
           .help = "Clients at a time. One more is told BUSY and closed.",
           .live = true},
          Whole{1, kConnectionsMax}, [](auto& o) -> auto& { return o.connections_max; }),
      row(
          {.name = "request-timeout",
           .group = network,
           .help = "Close a connection that has begun a request and then sends nothing for this long.",
           .live = true},
          Duration{milliseconds(1), kTimeoutMax}, [](auto& o) -> auto& { return o.request_timeout; }),
      row(
          {.name = "idle-timeout",
           .group = network,
           .help = "Close a connection that sends no request for this long.",
           .live = true},
          Duration{milliseconds(1), kTimeoutMax}, [](auto& o) -> auto& { return o.idle_timeout; }),
      row(
          {.name = "reply-timeout",
           .group = network,
           .help = "Close a connection that takes nothing of the replies that wait for it for this long.",
           .live = true},
          Duration{milliseconds(1), kTimeoutMax}, [](auto& o) -> auto& { return o.reply_timeout; }),
      row(
          {.name = "reply-backlog",
           .group = network,
           .help = "Run no further request of a connection that lets replies of so many bytes lie, until it has read "
                   "them.",
           .live = true},
          Size{kReplyBacklogFloor, kReplyBacklogCeiling}, [](auto& o) -> auto& { return o.reply_backlog_max; }),
      row(
          {.name = "tcp-keepalive",
           .group = network,
           .help = "Ask a silent peer's machine after this long whether it is still there, so that a connection whose "
                   "peer has vanished ends. Whole seconds.",
           .live = true},
          Duration{seconds(1), kTcpKeepaliveMax}, [](auto& o) -> auto& { return o.tcp_keepalive; }),
      row(
          {.name = "max-payload",
           .group = network,
           .help = "The largest payload of a request or a reply. A larger request is answered with TOOLARGE and its "
                   "connection closed."},
          Size{kPayloadBytesFloor, kPayloadBytesCeiling}, [](auto& o) -> auto& { return o.payload_bytes_max; }),
      row(
          {.name = "max-key-bytes", .group = network, .help = "The longest key, in bytes."}, Whole{1, kKeyBytesMax},
          [](auto& o) -> auto& { return o.key_bytes_max; }),
      row(
          {.name = "admin-bind",
           .group = admin,
           .help = "Where to serve the server's health and metrics by HTTP: /livez, /readyz, /healthz and /metrics. It "
                   "asks nobody who they are, so it is best on loopback, as in 127.0.0.1:6381. An address as for "
                   "--bind, or none."},
          HostPortOrNone{}, [](auto& o) -> auto& { return o.admin_bind; }),
      row(
          {.name = "tls-bind",
           .group = tls,
           .help = "Where to listen for connections that speak TLS 1.2 or 1.3, as with --bind. May be given several "
                   "times."},
          HostPort{}, [](auto& o) -> auto& { return o.tls.binds; }),
      row(
          {.name = "tls-cert",
           .group = tls,
           .help = "The server's certificate (PEM), and after it those that lead to its authority. This file and the "
                   "next two are read again on SIGHUP, and within seconds when they change."},
          Path{}, [](auto& o) -> auto& { return o.tls.files.certificate; }),
      row(
          {.name = "tls-key", .group = tls, .help = "Its private key (PEM), without a passphrase."}, Path{},
          [](auto& o) -> auto& { return o.tls.files.key; }),
      row(
          {.name = "tls-ca", .group = tls, .help = "The authorities (PEM) that may vouch for clients."}, Path{},
          [](auto& o) -> auto& { return o.tls.files.authorities; }),
      row(
          {.name = "tls-client-auth",
           .group = tls,
           .help =
               "Whether clients show a certificate. optional: they may. require: one without is not let in. One of"},
          Choice{security::kClientAuthNames, "MODE"}, [](auto& o) -> auto& { return o.tls.client_auth; }),
      row(
          {.name = "shards",
           .letter = "s",
           .group = data,
           .help = "Parts that the keys are spread over. Each has a lock of its own, so more of them let more threads "
                   "write at once."},
          Whole{1, kShardsMax}, [](auto& o) -> auto& { return o.shards; }),
      row(
          {.name = "threads",
           .letter = "t",
           .group = data,
           .help = "Threads that serve connections. Unless given, one for each processor."},
          Whole{1, kThreadsMax}, [](auto& o) -> auto& { return o.threads; }),
      row(
          {.name = "max-memory",
           .group = data,
           .help =
               "The most memory that the process takes, for data, buffers and all else. Over it --eviction says what "
               "goes. auto: three quarters of what its cgroup, or else the machine, has.",
           .live = true,
           .limited = true},
          MemorySize{kMemoryBytesMin, kMemoryBytesMax}, [](auto& o) -> auto& { return o.memory_bytes_max; }),
      row(
          {.name = "eviction",
           .group = data,
           .help =
               "Which entries make room over --max-memory. noeviction: none, and writes are answered with OOM. sieve: "
               "those that were not read since they were last considered. lru, lfu: those used longest ago, or least "
               "often. ttl: those with the nearest deadline. random: any. With volatile-, only those that have a "
               "deadline. Locks stay. One of",
           .live = true,
           .limited = true},
          Choice{engine::kEvictionNames, "POLICY"}, [](auto& o) -> auto& { return o.eviction; }),
      row(
          {.name = "data-dir",
           .group = disk,
           .help =
               "Keep the data in this folder, so that it outlives the process: a log of every change, and snapshots "
               "that make the log short. It is created if need be, and one server at a time may use it. Without it "
               "the data is in memory alone."},
          Path{"DIR"}, [](auto& o) -> auto& { return o.persistence.storage.directory; }),
      row(
          {.name = "fsync",
           .group = disk,
           .help =
               "What a write is safe from once it is answered. always: from a power cut too. interval: from the end "
               "of the process; a power cut may take the last --fsync-interval-ms. never: likewise, and how much a "
               "power cut takes is up to the system. One of"},
          Choice{storage::kFsyncNames, "POLICY"}, [](auto& o) -> auto& { return o.persistence.storage.fsync; }),
      row(
          {.name = "fsync-interval-ms",
           .group = disk,
           .help = "With --fsync interval, how often the log is forced to disk, in milliseconds."},
          Count<milliseconds>{milliseconds(1), kFsyncIntervalMax},
          [](auto& o) -> auto& { return o.persistence.storage.fsync_interval; }),
      row(
          {.name = "snapshot-interval-secs",
           .group = disk,
           .help = "Take a snapshot this many seconds after the last one, if anything has changed. 0 for never."},
          Count<seconds>{seconds(0), kSnapshotIntervalMax},
          [](auto& o) -> auto& { return o.persistence.storage.snapshot_interval; }),
      row(
          {.name = "snapshot-ops-threshold",
           .group = disk,
           .help = "Take a snapshot after this many changes. 0 for never."},
          Whole{0, kSnapshotChangesMax}, [](auto& o) -> auto& { return o.persistence.storage.snapshot_changes; }),
      row(
          {.name = "snapshot-wal-bytes",
           .group = disk,
           .help = "Take a snapshot when the log has grown by this much. 0 for never."},
          Size{0, kSnapshotWalBytesMax}, [](auto& o) -> auto& { return o.persistence.storage.snapshot_wal_bytes; }),
      row(
          {.name = "wal-segment-bytes",
           .group = disk,
           .help = "How long a file of the log gets before the next one is begun."},
          Size{kWalSegmentBytesMin, kWalSegmentBytesMax},
          [](auto& o) -> auto& { return o.persistence.storage.wal_segment_bytes; }),
      row(
          {.name = "snapshot-compression",
           .group = disk,
           .help = "How hard zstd tries to make snapshots small. 0 for no compression."},
          Whole{0, kSnapshotCompressionMax},
          [](auto& o) -> auto& { return o.persistence.storage.snapshot_compression; }),
      row(
          {.name = "disable-persistence",
           .group = disk,
           .help = "Keep nothing on disk and read nothing from it, even with --data-dir."},
          Switch{}, [](auto& o) -> auto& { return o.persistence.disabled; }),
      row(
          {.name = "restore",
           .group = disk,
           .help = "Before starting, fill the data directory, which must be empty, from this backup."},
          Path{"DIR"}, [](auto& o) -> auto& { return o.persistence.restore_from; }),
      row(
          {.name = "password",
           .group = users,
           .help = "Let in only who authenticates with this password; it is that of the user `default`. The process "
                   "list shows it until the server has read it, so better give KV_PASSWORD or --password-file.",
           .secret = true,
           .guards = true},
          Password{}, [](auto& o) -> auto& { return o.access.password; }),
      row(
          {.name = "password-file",
           .group = users,
           .help = "The same, with the password in the first line of this file. SIGHUP reads it again.",
           .guards = true},
          Path{}, [](auto& o) -> auto& { return o.access.password_file; }),
      row(
          {.name = "acl-file",
           .group = users,
           .help = "Let in the users of this file, each with its own passwords and rules. SIGHUP reads it again.",
           .guards = true},
          Path{}, [](auto& o) -> auto& { return o.access.acl_file; }),
      row(
          {.name = "log-level",
           .letter = "l",
           .group = logging,
           .help = "The least serious lines to log.",
           .live = true},
          Choice{log::kLevelNames, "LEVEL"}, [](auto& o) -> auto& { return o.log.level; }),
      row(
          {.name = "log-format", .group = logging, .help = "Lines for people, or one JSON object a line."},
          Choice{log::kFormatNames, "FORMAT"}, [](auto& o) -> auto& { return o.log.format; }),
      row(
          {.name = "log-file",
           .group = logging,
           .help = "Append the log to this file instead of writing it to stderr. SIGHUP opens it anew, for logrotate."},
          Path{}, [](auto& o) -> auto& { return o.log.file; }),
      row(
          {.name = "otlp-endpoint",
           .group = logging,
           .help =
               "Send traces of some of the requests to this collector, by OpenTelemetry's protocol (OTLP over HTTP, "
               "in JSON). Without a path in it, /v1/traces. It has no user, password or query."},
          TraceEndpoint{}, [](auto& o) -> auto& { return o.trace_endpoint; }),
      row(
          {.name = "otlp-sampling-ratio",
           .group = logging,
           .help = "How many of the batches of requests, and of the connections, are traced."},
          Share{}, [](auto& o) -> auto& { return o.trace_ratio; }),
      row(
          {.name = "slowlog-us",
           .group = logging,
           .help = "Keep for SLOWLOG what takes longer than so many microseconds to carry out. 0 for nothing.",
           .live = true},
          Count<microseconds>{microseconds(0), kSlowlogThresholdMax},
          [](auto& o) -> auto& { return o.slowlog_threshold; }),
      row(
          {.name = "slowlog-length",
           .group = logging,
           .help = "How many requests SLOWLOG keeps; then the oldest gives way.",
           .live = true},
          Whole{1, kSlowlogLengthMax}, [](auto& o) -> auto& { return o.slowlog_length; }),
  };
}

}  // namespace

const std::vector<Row>& option_rows() {
  static const std::vector<Row> rows = make_rows();
  return rows;
}

std::string variable_of(const std::string& name) {
  std::string variable = "KV_";
  for (const char c : name) {
    variable += c == '-' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return variable;
}

}  // namespace kv::server
