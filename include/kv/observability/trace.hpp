// Traces: what was done for some of the requests, step by step, sent to a collector as OpenTelemetry's protocol has it
// (OTLP 1.x over HTTP, in JSON: https://opentelemetry.io/docs/specs/otlp/).
//
// Whoever does a piece of work asks the Tracer for a Trace, and gets one for as large a share of them as is to be
// sampled. It adds the steps, and hands all of them over at its end. A thread of the tracer's sends them; what it can't
// send soon enough is dropped and counted, and nobody ever waits for it. Where there is no Tracer all of this costs one
// look at a pointer.
//
//   if (auto trace = tracer->sample("batch")) {
//     const UnixNanos since = Tracer::now();
//     ...
//     trace->add("GET", since);
//   }
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kv/base/result.hpp"

namespace kv::observability {

using UnixNanos = std::uint64_t;  // nanoseconds since 1970

struct SpanAttribute {
  std::string_view name;  // outlives the trace: a literal
  std::variant<std::int64_t, std::string> value;
};

// One step. Its parent is the trace's first span, which has none.
struct Span {
  std::uint64_t id = 0;
  std::string name;
  UnixNanos begin = 0;
  UnixNanos end = 0;
  std::vector<SpanAttribute> attributes{};
  std::string error{};  // empty: it went well

  // `name` must outlive the trace; `value` is UTF-8.
  Span& note(std::string_view attribute, std::int64_t value);
  Span& note(std::string_view attribute, std::string value);
};

using TraceId = std::array<std::uint64_t, 2>;

struct Spans {
  TraceId trace{};
  std::vector<Span> spans;  // the first is what the others are parts of
};

class Tracer;

// Used by one thread at a time.
class Trace {
 public:
  Trace(Tracer& tracer, std::string_view name);
  // It ends now, and is handed over.
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  Span& root() { return spans_.spans.front(); }
  // A step that began then and ends now. Good until the next one. Of too many steps the later ones are counted alone.
  Span& add(std::string_view name, UnixNanos begin);

 private:
  Tracer& tracer_;
  Spans spans_;
  Span left_over_;
  std::size_t left_out_ = 0;
};

class Tracer {
 public:
  struct Options {
    std::string endpoint;                         // http://HOST[:PORT][/PATH]; where there is no path, /v1/traces
    double ratio = 0;                             // of all that could be traced, 0 to 1
    std::string version;                          // of the server
    std::chrono::milliseconds answer_max{5'000};  // what the collector doesn't answer by then is dropped
  };
  // Whether it is one; fails with kArgument, and a sentence for people that has nothing of it in it.
  static Result<void> check_endpoint(std::string_view endpoint);
  // Starts the thread that sends. Fails with kArgument, and a sentence for people, where the endpoint is none.
  static Result<std::unique_ptr<Tracer>> start(const Options& options);
  // Sends what is there, for a second at most, whatever the collector and DNS do.
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // A trace that begins now, or nullptr where this one isn't sampled. Thread-safe; the tracer must outlive the trace.
  std::unique_ptr<Trace> sample(std::string_view name);
  static UnixNanos now();

  // Spans so far. Thread-safe.
  struct Status {
    std::uint64_t sent = 0;
    std::uint64_t dropped = 0;  // there were too many, or the collector didn't take them
  };
  Status status() const;

 private:
  friend class Trace;
  struct State;

  explicit Tracer(std::unique_ptr<State> state);
  void take(Spans&& spans);

  const std::unique_ptr<State> state_;
};

}  // namespace kv::observability
