#include "admin/exchange.hpp"

#include <array>
#include <ctime>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>

#include "kv/base/limits.hpp"

namespace kv::admin {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;
using Request = http::request<http::empty_body>;
using http::status;

constexpr ByteView kHeaderEnd = "\r\n\r\n";
constexpr const char* kMethods = "GET, HEAD";
constexpr unsigned kVersion = 11;

// Sun, 06 Nov 1994 08:49:37 GMT
std::string http_date(UnixMillis now) {
  const auto seconds = static_cast<std::time_t>(now / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc)};
}

// How a request wants to be replied to.
struct Manner {
  unsigned version = kVersion;
  bool keep_alive = false;
  bool head = false;  // the header alone
};

std::string encode(const Page& page, const Manner& manner, UnixMillis now) {
  http::response<http::empty_body> response(static_cast<status>(page.status), manner.version);
  response.set(http::field::date, http_date(now));
  response.set(http::field::content_type, page.content_type);
  response.set(http::field::cache_control, "no-store");
  if (static_cast<status>(page.status) == status::method_not_allowed) response.set(http::field::allow, kMethods);
  response.content_length(page.body.size());
  response.keep_alive(manner.keep_alive);

  std::string bytes;
  http::response_serializer<http::empty_body> serializer(response);
  error_code error;
  while (!serializer.is_done() && !error) {
    serializer.next(error, [&](error_code&, const auto& buffers) {
      const std::size_t before = bytes.size();
      bytes.resize(before + boost::asio::buffer_size(buffers));
      boost::asio::buffer_copy(boost::asio::buffer(bytes.data() + before, bytes.size() - before), buffers);
      serializer.consume(bytes.size() - before);
    });
  }
  if (!manner.head) bytes += page.body;
  return bytes;
}

Page problem(status code, const std::string& sentence) {
  return {.status = static_cast<unsigned>(code), .body = sentence + "\n"};
}

// The end of what can be said on a connection: where its next request would begin isn't known.
Reply refuse(status code, const std::string& sentence, ByteView header, UnixMillis now) {
  const Manner manner{.head = header.starts_with("HEAD ")};
  return {.bytes = encode(problem(code, sentence), manner, now), .taken = header.size()};
}

ByteView first_line(ByteView header) {
  return header.substr(0, header.find("\r\n"));
}

Reply refuse_unreadable(const error_code& error, ByteView header, UnixMillis now) {
  const ByteView line = first_line(header);
  const bool names_version = line.substr(line.find_last_of(' ') + 1).starts_with("HTTP/");
  if (error == http::error::bad_version && names_version) {
    return refuse(status::http_version_not_supported, "this is HTTP/1.1", header, now);
  }
  if (error == http::error::body_limit) {
    return refuse(status::payload_too_large, "a request here has no body", header, now);
  }
  return refuse(status::bad_request, "this is no request: " + error.message(), header, now);
}

Reply refuse_too_long(ByteView input, UnixMillis now) {
  const ByteView looked_at = input.substr(0, kAdminHeaderBytesMax);
  const bool is_first_line = first_line(looked_at).size() == looked_at.size();
  return is_first_line ? refuse(status::uri_too_long, "the first line is too long", looked_at, now)
                       : refuse(status::request_header_fields_too_large, "the header is too long", looked_at, now);
}

// `/livez` of `/livez?verbose` and of `http://host/livez`.
ByteView path_of(ByteView target) {
  constexpr ByteView kScheme = "http://";
  if (target.starts_with(kScheme)) {
    const std::size_t slash = target.find('/', kScheme.size());
    target = slash == ByteView::npos ? "/" : target.substr(slash);
  }
  return target.substr(0, target.find('?'));
}

Page page_at(ByteView path, const Pages& pages) {
  if (const auto found = pages.find(path); found != pages.end()) return found->second();
  std::string known = "there is no such page, but there are:";
  for (const auto& [name, make] : pages) known += " " + name;
  return problem(status::not_found, known);
}

}  // namespace

std::optional<Reply> reply_to(ByteView input, const Pages& pages, UnixMillis now) {
  const std::size_t end = input.substr(0, kAdminHeaderBytesMax).find(kHeaderEnd);
  if (end == ByteView::npos) {
    if (input.size() < kAdminHeaderBytesMax) return std::nullopt;
    return refuse_too_long(input, now);
  }
  const ByteView header = input.substr(0, end + kHeaderEnd.size());

  http::request_parser<http::empty_body> parser;
  parser.header_limit(kAdminHeaderBytesMax + 1);
  error_code error;
  parser.put(boost::asio::buffer(header.data(), header.size()), error);
  if (!error && !parser.is_header_done()) error = http::error::partial_message;
  if (error) return refuse_unreadable(error, header, now);

  const Request& request = parser.get();
  const bool has_body =
      request.find(http::field::transfer_encoding) != request.end() || parser.content_length().value_or(0) != 0;
  const bool is_head = request.method() == http::verb::head;
  const Manner manner{.version = request.version(), .keep_alive = parser.keep_alive() && !has_body, .head = is_head};
  const auto reply = [&](const Page& page) {
    return Reply{.bytes = encode(page, manner, now), .taken = header.size(), .keep_alive = manner.keep_alive};
  };
  if (request.version() >= kVersion && request.count(http::field::host) != 1) {
    return refuse(status::bad_request, "one Host is needed", header, now);
  }
  if (request.method() != http::verb::get && !is_head) {
    return reply(problem(status::method_not_allowed, std::string("only served: ") + kMethods));
  }
  if (has_body) return refuse(status::payload_too_large, "a request here has no body", header, now);
  const ByteView target(request.target().data(), request.target().size());
  if (target.size() > kAdminTargetBytesMax) {
    return reply(problem(status::uri_too_long, "what is asked for is too long"));
  }
  return reply(page_at(path_of(target), pages));
}

Reply timeout_reply(UnixMillis now) {
  return refuse(status::request_timeout, "the request took too long to arrive", {}, now);
}

}  // namespace kv::admin
