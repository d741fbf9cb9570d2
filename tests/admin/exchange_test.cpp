// Requests and their replies, as bytes.
#include "admin/exchange.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/base/limits.hpp"

namespace kv::admin {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const Pages kPages = {{"/hello", [] { return Page{.body = "hello\n"}; }},
                      {"/teapot", [] { return Page{.status = 503, .content_type = kJson, .body = "{}"}; }}};
constexpr UnixMillis kNow = 784'111'777'000;

std::string get(const std::string& target, const std::string& version = "1.1") {
  return "GET " + target + " HTTP/" + version + "\r\nHost: here\r\n\r\n";
}

Reply ask(const std::string& request) {
  const auto reply = reply_to(request, kPages, kNow);
  EXPECT_TRUE(reply.has_value()) << request;
  return reply.value_or(Reply{});
}

// The status of the reply, after which the connection goes on or doesn't.
void expect_status(const std::string& request, int status, bool keep_alive) {
  SCOPED_TRACE(request.substr(0, 200));
  const Reply reply = ask(request);
  EXPECT_THAT(reply.bytes, StartsWith("HTTP/1.1 " + std::to_string(status) + " "));
  EXPECT_EQ(reply.keep_alive, keep_alive);
  if (keep_alive) {
    EXPECT_EQ(reply.taken, request.size());
  } else {
    EXPECT_THAT(reply.bytes, HasSubstr("\r\nConnection: close\r\n"));
  }
}

TEST(Exchange, AGetBringsThePage) {
  const Reply reply = ask(get("/hello"));
  EXPECT_EQ(reply.bytes,
            "HTTP/1.1 200 OK\r\n"
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Cache-Control: no-store\r\n"
            "Content-Length: 6\r\n"
            "\r\n"
            "hello\n");
  EXPECT_TRUE(reply.keep_alive);
  EXPECT_EQ(reply.taken, get("/hello").size());
}

TEST(Exchange, APageSaysItsOwnStatusAndType) {
  const Reply reply = ask(get("/teapot"));
  EXPECT_THAT(reply.bytes, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(reply.bytes, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(reply.bytes, EndsWith("\r\n\r\n{}"));
}

TEST(Exchange, AHeadIsAGetWithoutTheBody) {
  const std::string with_body = ask(get("/hello")).bytes;
  EXPECT_EQ(ask("HEAD /hello HTTP/1.1\r\nHost: here\r\n\r\n").bytes + "hello\n", with_body);
}

TEST(Exchange, ARefusalOfAHeadHasNoBodyEither) {
  for (const std::string rest :
       {"HTTP/1.1\r\n\r\n", "HTTP/2.1\r\n\r\n", "HTTP/1.1\r\nHost: here\r\nContent-Length: 1\r\n\r\n"}) {
    EXPECT_THAT(ask("HEAD /hello " + rest).bytes, EndsWith("\r\n\r\n"));
  }
}

TEST(Exchange, NothingIsSaidBeforeTheHeaderIsWhole) {
  const std::string request = get("/hello");
  for (std::size_t size = 0; size < request.size(); ++size) {
    EXPECT_FALSE(reply_to(request.substr(0, size), kPages, kNow).has_value()) << size;
  }
}

TEST(Exchange, OneRequestIsTakenAtATime) {
  EXPECT_EQ(ask(get("/hello") + get("/teapot")).taken, get("/hello").size());
}

TEST(Exchange, AQueryOrAHostInTheTargetIsAllowed) {
  expect_status(get("/hello?name=x"), 200, true);
  expect_status(get("http://here/hello"), 200, true);
  expect_status(get("http://here"), 404, true);
}

TEST(Exchange, AnUnknownPageIsA404ThatNamesThoseThereAre) {
  expect_status(get("/"), 404, true);
  expect_status(get("/hello/"), 404, true);
  expect_status(get("*"), 404, true);
  expect_status(get("/../hello"), 404, true);
  EXPECT_THAT(ask(get("/")).bytes, EndsWith("there is no such page, but there are: /hello /teapot\n"));
}

TEST(Exchange, AnotherMethodIsA405ThatNamesThoseThereAre) {
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW", "get"}) {
    const std::string request = method + " /hello HTTP/1.1\r\nHost: here\r\n\r\n";
    expect_status(request, 405, true);
    EXPECT_THAT(ask(request).bytes, HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  }
  expect_status("CONNECT here:80 HTTP/1.1\r\nHost: here\r\n\r\n", 405, true);
  expect_status("POST /hello HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\n", 405, false);
}

TEST(Exchange, ABodyIsA413) {
  const std::string start = "GET /hello HTTP/1.1\r\nHost: here\r\n";
  expect_status(start + "Content-Length: 0\r\n\r\n", 200, true);
  expect_status(start + "Content-Length: 1\r\n\r\n", 413, false);
  expect_status(start + "Content-Length: 18446744073709551615\r\n\r\n", 413, false);
  expect_status(start + "Transfer-Encoding: chunked\r\n\r\n", 413, false);
  expect_status(start + "Transfer-Encoding: gzip\r\n\r\n", 413, false);
}

TEST(Exchange, WhatIsNoRequestIsA400) {
  const std::string bad[] = {
      "\r\n\r\n",
      "nonsense\r\n\r\n",
      "GET\r\n\r\n",
      "GET /hello\r\n\r\n",
      "GET  HTTP/1.1\r\nHost: here\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHost here\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHo st: here\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHost: a\x01z\r\n\r\n",
      "GET /he\x80llo\x01 HTTP/1.1\r\nHost: here\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHost: here\r\nContent-Length: x\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n",
      "GET /hello HTTP/1.1\r\n\r\n",
      "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      std::string("\0\0\0\0\r\n\r\n", 8),
  };
  for (const std::string& request : bad) expect_status(request, 400, false);
}

TEST(Exchange, AnotherVersionIsA505) {
  for (const std::string version : {"2.0", "0.9", "3.0", "9.9"}) expect_status(get("/hello", version), 505, false);
  expect_status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, false);
}

TEST(Exchange, Http10ClosesUnlessItAsksForMore) {
  EXPECT_FALSE(ask("GET /hello HTTP/1.0\r\n\r\n").keep_alive);
  const Reply kept = ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(kept.keep_alive);
  EXPECT_THAT(kept.bytes, HasSubstr("\r\nConnection: keep-alive\r\n"));
}

TEST(Exchange, WhoAsksForTheEndGetsIt) {
  expect_status("GET /hello HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n", 200, false);
}

TEST(Exchange, ALongTargetIsA414) {
  expect_status(get("/" + std::string(kAdminTargetBytesMax - 1, 'a')), 404, true);
  expect_status(get("/" + std::string(kAdminTargetBytesMax, 'a')), 414, true);
  expect_status("GET /" + std::string(kAdminHeaderBytesMax, 'a'), 414, false);
}

TEST(Exchange, ALongHeaderIsA431) {
  const std::string start = "GET /hello HTTP/1.1\r\nHost: here\r\nX: ";
  const std::string end = "\r\n\r\n";
  const std::size_t room = kAdminHeaderBytesMax - start.size() - end.size();
  expect_status(start + std::string(room, 'x') + end, 200, true);
  expect_status(start + std::string(room + 1, 'x') + end, 431, false);
  EXPECT_FALSE(reply_to(start + std::string(room, 'x'), kPages, kNow).has_value());
}

TEST(Exchange, ManyFieldsAreRead) {
  std::string request = "GET /hello HTTP/1.1\r\nHost: here\r\n";
  for (int i = 0; i < 1000; ++i) request += "a:b\r\n";
  expect_status(request + "\r\n", 200, true);
}

TEST(Exchange, ARequestThatIsLateIsToldSo) {
  EXPECT_THAT(timeout_reply(kNow).bytes, StartsWith("HTTP/1.1 408 "));
  EXPECT_FALSE(timeout_reply(kNow).keep_alive);
}

TEST(Exchange, WhatAPeerSentIsNotRepeated) {
  EXPECT_THAT(ask(get("/<script>")).bytes, Not(HasSubstr("script")));
}

}  // namespace
}  // namespace kv::admin
