#include "observability/otlp.hpp"

#include <charconv>
#include <cstdio>
#include <exception>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>

#include "observability/lookup.hpp"

namespace kv::observability {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;

// Of SpanKind and StatusCode in opentelemetry/proto/trace/v1/trace.proto.
constexpr int kInternalKind = 1;
constexpr int kServerKind = 2;
constexpr int kStatusError = 2;

constexpr std::size_t kAnswerBytesMax = 64U << 10;

std::string hex(std::uint64_t id) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(id));
  return text;
}

json::object attribute(std::string_view name, const std::variant<std::int64_t, std::string>& value) {
  json::object any;
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    any["intValue"] = std::to_string(*number);
  } else {
    any["stringValue"] = std::get<std::string>(value);
  }
  return {{"key", name}, {"value", std::move(any)}};
}

json::object span_json(const Spans& of, const Span& span) {
  const bool is_root = &span == &of.spans.front();
  json::object out{{"traceId", hex(of.trace[0]) + hex(of.trace[1])},
                   {"spanId", hex(span.id)},
                   {"name", span.name},
                   {"kind", is_root ? kServerKind : kInternalKind},
                   {"startTimeUnixNano", std::to_string(span.begin)},
                   {"endTimeUnixNano", std::to_string(span.end)}};
  if (!is_root) out["parentSpanId"] = hex(of.spans.front().id);
  if (!span.attributes.empty()) {
    json::array attributes;
    for (const SpanAttribute& each : span.attributes) attributes.push_back(attribute(each.name, each.value));
    out["attributes"] = std::move(attributes);
  }
  if (!span.error.empty()) out["status"] = json::object{{"code", kStatusError}, {"message", span.error}};
  return out;
}

// One request, driven by an io_context of its own.
class Post {
 public:
  Post(const Url& url, std::string body) : url_(url), stream_(io_) {
    request_.method(http::verb::post);
    request_.target(url.target);
    request_.version(11);
    const bool is_ipv6 = url.host.find(':') != std::string::npos;
    request_.set(http::field::host, (is_ipv6 ? '[' + url.host + ']' : url.host) + ':' + url.port);
    request_.set(http::field::user_agent, "kv-server");
    request_.set(http::field::content_type, "application/json");
    request_.set(http::field::connection, "close");
    request_.body() = std::move(body);
    request_.prepare_payload();
    answer_.body_limit(boost::none);  // what doesn't fit is not read
    answer_.get().body().data = text_.data();
    answer_.get().body().size = text_.size();
  }

  Result<std::string> run(std::chrono::milliseconds time_max, const std::stop_token& give_up) {
    const auto deadline = std::chrono::steady_clock::now() + time_max;
    const auto found = look_up(url_.host, url_.port, deadline, give_up);
    if (!found) return found.error();
    stream_.async_connect(*found, [this](auto failed, const auto&) { write(failed); });
    {
      const std::stop_callback cut_short(give_up, [this] { io_.stop(); });
      io_.run_until(deadline);
    }
    if (answer_.is_header_done()) return answer();
    if (!done_) return Error{Errc::kInternal, "no answer within " + std::to_string(time_max.count()) + " ms"};
    return Error{Errc::kInternal, error_.message()};
  }

 private:
  // The status says how it went, however much of the body there is.
  Result<std::string> answer() {
    const auto status = answer_.get().result_int();
    if (status / 100 != 2) return Error{Errc::kInternal, "the answer was status " + std::to_string(status)};
    if (!answer_.is_done()) return std::string();
    text_.resize(text_.size() - answer_.get().body().size);
    return std::move(text_);
  }

  void write(beast::error_code error) {
    if (error) return end(error);
    http::async_write(stream_, request_, [this](auto failed, std::size_t) { read(failed); });
  }
  void read(beast::error_code error) {
    if (error) return end(error);
    http::async_read(stream_, buffer_, answer_, [this](auto failed, std::size_t) { end(failed); });
  }
  void end(beast::error_code error) {
    error_ = error;
    done_ = true;
  }

  const Url& url_;
  asio::io_context io_{1};
  beast::tcp_stream stream_;
  http::request<http::string_body> request_;
  beast::flat_buffer buffer_;
  http::response_parser<http::buffer_body> answer_;
  std::string text_ = std::string(kAnswerBytesMax, '\0');  // its body
  beast::error_code error_;
  bool done_ = false;
};

}  // namespace

std::string otlp_json(const OtlpResource& resource, const std::vector<Spans>& traces) {
  json::array spans;
  for (const Spans& trace : traces) {
    for (const Span& span : trace.spans) spans.push_back(span_json(trace, span));
  }
  const json::object scope{{"name", "kv-server"}, {"version", resource.version}};
  const json::array attributes{attribute("service.name", "kv-server"), attribute("service.version", resource.version),
                               attribute("service.instance.id", resource.instance)};
  return json::serialize(
      json::object{{"resourceSpans",
                    json::array{json::object{
                        {"resource", json::object{{"attributes", attributes}}},
                        {"scopeSpans", json::array{json::object{{"scope", scope}, {"spans", std::move(spans)}}}}}}}});
}

Result<Url> parse_http_url(std::string_view text) {
  const auto fault = [](const char* what) { return Error{Errc::kArgument, what}; };
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) return fault("it does not begin with http://");
  text.remove_prefix(kScheme.size());
  // Where the URL is shown it is shown whole, and in these there may be secrets.
  if (text.find('?') != text.npos) return fault("it has a query, and a path is all that may follow the port");
  if (text.find('#') != text.npos) return fault("it has a fragment, and a path is all that may follow the port");
  Url url{.host = {}, .port = "80", .target = "/v1/traces"};
  if (const std::size_t slash = text.find('/'); slash != text.npos) {
    if (slash + 1 < text.size()) url.target = text.substr(slash);
    text = text.substr(0, slash);
  }
  if (text.find('@') != text.npos) return fault("it has a user or a password");
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == text.npos) return fault("the bracket of its address is not closed");
  const std::size_t colon = text.find(':', bracket);
  if (colon != text.npos) {
    url.port = text.substr(colon + 1);
    unsigned port = 0;
    const char* const end = url.port.data() + url.port.size();
    const auto [stopped, error] = std::from_chars(url.port.data(), end, port);
    if (error != std::errc() || stopped != end || port == 0 || port > 65'535) return fault("its port is none");
  }
  url.host = text.substr(0, colon);
  if (bracket != 0) {
    if (url.host.size() != bracket + 1) return fault("something stands behind the bracket of its address");
    url.host = url.host.substr(1, bracket - 1);
  }
  if (url.host.empty()) return fault("it names no host");
  for (const char c : url.host + url.target) {
    if (c <= ' ' || c > '~') return fault("it has blanks or characters that are not ASCII");
  }
  return url;
}

std::uint64_t rejected_spans(std::string_view answer) {
  json::error_code error;
  const json::value parsed = json::parse(answer, error);
  const json::value* const said = error ? nullptr : parsed.find_pointer("/partialSuccess/rejectedSpans", error);
  if (said == nullptr) return 0;
  if (!said->is_string()) {
    const auto number = said->to_number<std::uint64_t>(error);
    return error ? 0 : number;
  }
  const json::string& text = said->get_string();
  std::uint64_t number = 0;
  const auto [stopped, fault] = std::from_chars(text.begin(), text.end(), number);
  return fault == std::errc() && stopped == text.end() ? number : 0;
}

Result<std::string> post_json(const Url& url, std::string body, std::chrono::milliseconds time_max,
                              const std::stop_token& give_up) {
  try {
    return Post(url, std::move(body)).run(time_max, give_up);
  } catch (const std::exception& error) {  // no descriptor or thread is to be had
    return Error{Errc::kInternal, error.what()};
  }
}

}  // namespace kv::observability
