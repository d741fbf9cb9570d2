// The command line of kv-bench.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <variant>

#include "kv-bench/login.hpp"
#include "kv-bench/worker.hpp"
#include "tls/tls_options.hpp"

namespace kv::bench {

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 6380;
  tools::TlsOptions tls;
  Login login;
  Proto proto = Proto::kKv;
  double get_share = 1;  // of the requests; what is not a GET is a SET
  std::size_t connections = 50;
  std::size_t pipeline = 1;
  std::size_t threads = 1;
  Keyspace::Sizes sizes{.keys = 1'000'000, .key_bytes = 16, .value_bytes = 32};
  std::uint64_t ttl_ms = 0;
  double duration_s = 10;
  std::optional<std::uint64_t> requests;  // counted requests, instead of a duration
  double warmup_s = 1;
  double rate = 0;  // operations a second, all connections together; 0: closed loop
  double timeout_s = 10;
  std::uint64_t seed = 0;
  pid_t server_pid = 0;  // 0: not told
  bool preload = false;
  bool verify = false;
  bool json = false;
};

const char* proto_name(Proto proto);

// The options, or the exit code with which the process should end: 0 after --help and --version, 2 after a message on
// stderr that says what is wrong.
std::variant<Options, int> parse_options(int argc, char** argv);

}  // namespace kv::bench
