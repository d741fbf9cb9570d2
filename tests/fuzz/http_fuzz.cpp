// What arrives on an admin connection: each reply is one that Beast can read, and only what a page says is a 200.
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "kv/base/limits.hpp"

#include "admin/exchange.hpp"
#include "fuzz/fuzz.hpp"

namespace {

namespace http = boost::beast::http;

void check(const kv::admin::Reply& reply, bool has_body) {
  http::response_parser<http::string_body> parser;
  parser.eager(true);
  parser.skip(!has_body);
  boost::system::error_code error;
  const std::size_t read = parser.put(boost::asio::buffer(reply.bytes), error);
  KV_ASSERT(!error && parser.is_done() && read == reply.bytes.size());
  KV_ASSERT(parser.keep_alive() == reply.keep_alive);
  KV_ASSERT(parser.get().result() != http::status::ok || !has_body || parser.get().body() == "page");
}

}  // namespace

void fuzz(kv::ByteView input) {
  const kv::admin::Pages pages = {{"/livez", [] { return kv::admin::Page{.body = "page"}; }}};
  while (const auto reply = kv::admin::reply_to(input, pages, 0)) {
    check(*reply, !input.starts_with("HEAD "));
    KV_ASSERT(reply->taken > 0 && reply->taken <= input.size());
    if (!reply->keep_alive) return;
    input.remove_prefix(reply->taken);
  }
  KV_ASSERT(input.size() < kv::kAdminHeaderBytesMax);
}
