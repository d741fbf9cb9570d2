#include "kv-bench/report.hpp"

#include <cstdarg>
#include <cstdio>
#include <utility>

#include <boost/json.hpp>

namespace kv::bench {

namespace {

constexpr std::pair<const char*, double> kPercentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99_9", 99.9}};

double to_us(std::uint64_t ns) {
  return static_cast<double>(ns) / 1000;
}

double per(double amount, std::uint64_t count) {
  return count == 0 ? 0 : amount / static_cast<double>(count);
}

double ops_per_second(std::uint64_t operations, double seconds) {
  return seconds > 0 ? static_cast<double>(operations) / seconds : 0;
}

[[gnu::format(printf, 2, 3)]] void print(std::string& out, const char* format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof(line), format, arguments);
  va_end(arguments);
  out += line;
}

void print_latency(std::string& out, const char* name, const Histogram& latency) {
  if (latency.count() == 0) return;
  print(out, "%s latency in µs: mean %.1f", name, latency.mean() / 1000);
  for (const auto& [label, percent] : kPercentiles) {
    print(out, ", p%g %.1f", percent, to_us(latency.percentile(percent)));
  }
  print(out, ", max %.1f\n", to_us(latency.max()));
}

boost::json::object operations_json(std::uint64_t answered, const Histogram& latency, double seconds) {
  boost::json::object latency_us{{"mean", latency.mean() / 1000}, {"min", to_us(latency.min())}};
  for (const auto& [label, percent] : kPercentiles) latency_us[label] = to_us(latency.percentile(percent));
  latency_us["max"] = to_us(latency.max());
  return {{"operations", answered},
          {"ops_per_second", ops_per_second(answered, seconds)},
          {"latency_us", std::move(latency_us)}};
}

boost::json::object options_json(const Options& options) {
  return {{"host", options.host},
          {"port", options.port},
          {"proto", proto_name(options.proto)},
          {"tls", options.tls.is_on},
          {"get_share", options.get_share},
          {"connections", options.connections},
          {"pipeline", options.pipeline},
          {"threads", options.threads},
          {"keys", options.sizes.keys},
          {"key_bytes", options.sizes.key_bytes},
          {"value_bytes", options.sizes.value_bytes},
          {"ttl_ms", options.ttl_ms},
          {"rate", options.rate},
          {"warmup_seconds", options.warmup_s},
          {"seed", options.seed},
          {"preload", options.preload},
          {"verify", options.verify}};
}

}  // namespace

std::string text_report(const Options& options, const Measurement& measurement) {
  const Tally& tally = measurement.tally;
  const std::uint64_t operations = measurement.operations();
  std::string out;
  print(out, "%s at %s port %u: %zu connections, pipeline %zu, %zu thread%s, ", proto_name(options.proto),
        options.host.c_str(), options.port, options.connections, options.pipeline, options.threads,
        options.threads == 1 ? "" : "s");
  if (options.rate > 0) print(out, "open loop of %.0f op/s, ", options.rate);
  print(out, "%llu keys of %zu bytes, values of %zu, seed %llu\n", static_cast<unsigned long long>(options.sizes.keys),
        options.sizes.key_bytes, options.sizes.value_bytes, static_cast<unsigned long long>(options.seed));
  print_latency(out, "GET", tally.latency_ns[0]);
  print_latency(out, "SET", tally.latency_ns[1]);
  print(out, "%llu operations in %.3f s, %.0f op/s; hits %llu, misses %llu, errors %llu, unanswered %llu\n",
        static_cast<unsigned long long>(operations), measurement.seconds,
        ops_per_second(operations, measurement.seconds), static_cast<unsigned long long>(tally.hits),
        static_cast<unsigned long long>(tally.misses), static_cast<unsigned long long>(tally.errors.total()),
        static_cast<unsigned long long>(tally.unanswered));
  for (const auto& [kind, count] : tally.errors.by_kind()) {
    print(out, "error %s: %llu times\n", kind.c_str(), static_cast<unsigned long long>(count));
  }
  if (!tally.errors.first().empty()) print(out, "first error: %s\n", tally.errors.first().c_str());
  print(out, "CPU time per operation: client %.3f µs", per(to_us(measurement.client_cpu_ns), operations));
  if (measurement.server_cpu_ns) print(out, ", server %.3f µs", per(to_us(*measurement.server_cpu_ns), operations));
  return out + "\n";
}

std::string json_report(const Options& options, const Measurement& measurement) {
  const Tally& tally = measurement.tally;
  const std::uint64_t operations = measurement.operations();
  boost::json::object kinds;
  for (const auto& [kind, count] : tally.errors.by_kind()) kinds[kind] = count;
  Histogram all = tally.latency_ns[0];
  all.merge(tally.latency_ns[1]);
  boost::json::object report = operations_json(operations, all, measurement.seconds);
  report["seconds"] = measurement.seconds;
  report["get"] = operations_json(tally.answered[0], tally.latency_ns[0], measurement.seconds);
  report["set"] = operations_json(tally.answered[1], tally.latency_ns[1], measurement.seconds);
  report["hits"] = tally.hits;
  report["misses"] = tally.misses;
  report["unanswered"] = tally.unanswered;
  report["errors"] = tally.errors.total();
  report["errors_by_kind"] = std::move(kinds);
  report["first_error"] = tally.errors.first();
  report["client_cpu_us_per_op"] = per(to_us(measurement.client_cpu_ns), operations);
  report["server_cpu_us_per_op"] = nullptr;
  if (measurement.server_cpu_ns) report["server_cpu_us_per_op"] = per(to_us(*measurement.server_cpu_ns), operations);
  report["options"] = options_json(options);
  return boost::json::serialize(report) + "\n";
}

}  // namespace kv::bench
