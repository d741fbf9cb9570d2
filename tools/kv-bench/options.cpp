#include "kv-bench/options.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

#include <CLI/CLI.hpp>

#include "kv/base/arguments.hpp"
#include "kv/security/password.hpp"

namespace kv::bench {

namespace {

constexpr std::size_t kValueBytesMax = 512U << 20;
constexpr std::uint64_t kMemcachedTtlMsMax = 30ULL * 86'400'000;

const std::map<std::string, Proto> kProtos{
    {"kv", Proto::kKv}, {"resp", Proto::kResp}, {"memcached", Proto::kMemcached}};

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

// From the file, or else from KV_PASSWORD, which says it no longer then.
void read_password(const std::string& file, Login& login) {
  if (!file.empty()) {
    auto password = security::load_password(file);
    if (!password) throw CLI::ValidationError(password.error().message);
    login.password = *std::move(password);
  } else if (char* const variable = std::getenv("KV_PASSWORD"); variable != nullptr) {
    login.password = variable;
    security::wipe(variable, login.password.size());
  }
  if (!login.user.empty() && login.password.empty()) {
    throw CLI::ValidationError("--user needs --password-file or KV_PASSWORD");
  }
}

// What no single option can tell; empty when all is well.
std::string complaint(const Options& options) {
  const Keyspace::Sizes& sizes = options.sizes;
  const std::size_t key_bytes_max = options.proto == Proto::kMemcached ? 250 : 65'535;
  if (sizes.key_bytes < Keyspace::digits_of(sizes.keys)) return "--key-size is too small for so many --keys";
  if (sizes.value_bytes > kValueBytesMax) return "--value-size is over 512 MiB";
  if (sizes.key_bytes > key_bytes_max) return "--key-size is over what the protocol allows";
  if (options.threads > options.connections) return "--threads is over --connections";
  if (options.proto == Proto::kMemcached && options.ttl_ms > kMemcachedTtlMsMax) return "--ttl is over 30 days";
  if (options.proto != Proto::kKv && !options.login.password.empty()) return "only --proto kv can authenticate";
  if (options.requests && *options.requests < options.threads) return "--requests is under --threads";
  return {};
}

}  // namespace

const char* proto_name(Proto proto) {
  for (const auto& [name, value] : kProtos) {
    if (value == proto) return name.c_str();
  }
  return "";
}

std::variant<Options, int> parse_options(int argc, char** argv) {
  Options options;
  std::string proto = proto_name(options.proto);
  std::string op = "get";
  double mix = 0.9;
  std::string password_file;
  options.seed = random_seed();

  CLI::App app("Load for kv-server and its peers: throughput, latency and CPU time of GET and SET.", "kv-bench");
  app.set_help_flag("--help", "Print this help");
  app.option_defaults()->always_capture_default()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.add_option("-h,--host", options.host, "Where the server is");
  app.add_option("-p,--port", options.port, "Its port")->check(CLI::Range(1, 65'535));
  app.add_option("--user", options.login.user, "Whom to authenticate as; the password is in the file or KV_PASSWORD");
  app.add_option("--password-file", password_file, "The file whose first line is the password");
  app.add_option("--proto", proto, "What it speaks; resp is redis")->check(CLI::IsMember(kProtos));
  app.add_option("--op", op, "What to ask")->check(CLI::IsMember({"get", "set", "mixed"}));
  app.add_option("--mix", mix, "With --op mixed: the share of GETs")->check(CLI::Range(0.0, 1.0));
  app.add_option("-c,--connections", options.connections, "Connections")->check(CLI::Range(1, 60'000));
  app.add_option("-P,--pipeline", options.pipeline, "Requests sent at once on a connection")
      ->check(CLI::Range(1, 65'536));
  app.add_option("-t,--threads", options.threads, "Client threads")->check(CLI::Range(1, 256));
  app.add_option("--keys", options.sizes.keys, "How many keys, chosen uniformly")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32));
  app.add_option("--key-size", options.sizes.key_bytes, "Bytes of a key")->transform(CLI::AsSizeValue(false));
  app.add_option("--value-size", options.sizes.value_bytes, "Bytes of a value")->transform(CLI::AsSizeValue(false));
  app.add_option("--ttl", options.ttl_ms, "Milliseconds to live that SET gives; 0: for ever");
  app.add_flag("--preload", options.preload, "First SET every key once");
  app.add_option("-d,--duration", options.duration_s, "Seconds to measure")->check(CLI::Range(0.0, 1e6));
  app.add_option("-n,--requests", options.requests, "Requests to measure, instead of --duration");
  app.add_option("--warmup", options.warmup_s, "Seconds of load before the measurement")->check(CLI::Range(0.0, 1e6));
  app.add_option("--rate", options.rate, "Open loop: operations a second; 0: closed loop")->check(CLI::Range(0.0, 1e9));
  app.add_option("--timeout", options.timeout_s, "Seconds to wait for a connection or for any reply")
      ->check(CLI::Range(0.001, 1e5));
  app.add_option("--seed", options.seed, "Of the random choice of keys")->default_str("random");
  app.add_flag("--verify", options.verify, "Compare each value that a GET brings with what a SET gave");
  app.add_option("--server-pid", options.server_pid, "Report the CPU time of this process too")
      ->check(CLI::PositiveNumber)
      ->default_str("");
  tools::add_tls_options(app, options.tls);
  app.add_flag("--json", options.json, "Print the report as JSON");
  try {
    app.parse(argc, argv);
    options.proto = kProtos.at(proto);
    options.get_share = op == "get" ? 1 : op == "set" ? 0 : mix;
    read_password(password_file, options.login);
    if (const std::string wrong = complaint(options); !wrong.empty()) throw CLI::ValidationError(wrong);
  } catch (const CLI::ExtrasError&) {
    std::fprintf(stderr, "kv-bench: %s; see kv-bench --help\n", describe_unknown(app.remaining()).c_str());
    return 2;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return options;
}

}  // namespace kv::bench
