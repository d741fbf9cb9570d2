// OpenTelemetry's protocol, the part that sends traces: what is said, and to whom.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "kv/base/result.hpp"
#include "kv/observability/trace.hpp"

namespace kv::observability {

// Who tells: the same in every request.
struct OtlpResource {
  std::string version;
  std::string instance;  // of this process, different from all others
};

// The body of a request, an ExportTraceServiceRequest in the protocol's JSON mapping: ids in hex, 64-bit integers as
// strings (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding). What isn't UTF-8 must not be in it.
std::string otlp_json(const OtlpResource& resource, const std::vector<Spans>& traces);

struct Url {
  std::string host;  // an IPv6 address without its brackets
  std::string port;
  std::string target;
};
// Of http://HOST[:PORT][/PATH], without a user, a query or a fragment. Fails with kArgument, and a sentence that has
// nothing of the text in it.
Result<Url> parse_http_url(std::string_view text);

// How many spans the collector did not take, by its answer, an ExportTraceServiceResponse in JSON; 0 where that doesn't
// say, or isn't one.
std::uint64_t rejected_spans(std::string_view answer);

// POSTs `body` as JSON, and returns the answer's body, or "" where that is long or not there in time. Fails with
// kInternal, and a sentence that says what went wrong, where the answer isn't 2xx or its head isn't there in time, or
// before the caller gives up.
Result<std::string> post_json(const Url& url, std::string body, std::chrono::milliseconds time_max,
                              const std::stop_token& give_up);

}  // namespace kv::observability
