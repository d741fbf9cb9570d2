// The listener, over sockets: limits, and those who are slow.
#include "kv/admin/http_listener.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/base/wait.hpp"
#include "support/http/http_client.hpp"

namespace kv::admin {
namespace {

using std::chrono::milliseconds;
using test::HttpClient;
using test::HttpReply;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::size_t kLargeBytes = 16U << 20;  // more than what two sockets hold between them
constexpr const char* kHello = "GET /hello HTTP/1.1\r\nHost: here\r\n\r\n";
constexpr const char* kLarge = "GET /large HTTP/1.1\r\nHost: here\r\n\r\n";

class HttpListener : public ::testing::Test {
 protected:
  // Unless a test says otherwise nothing is too slow for the time that a test may take.
  static constexpr HttpOptions kPatient{.idle_timeout = std::chrono::hours(1),
                                        .request_timeout = std::chrono::hours(1),
                                        .reply_timeout = std::chrono::hours(1)};

  void open(const HttpOptions& options = kPatient) {
    Pages pages;
    pages["/hello"] = [] { return Page{.body = "hello\n"}; };
    pages["/large"] = [] { return Page{.body = std::string(kLargeBytes, 'l')}; };
    pages["/broken"] = []() -> Page { throw std::runtime_error("it is broken"); };
    auto opened = admin::HttpListener::open("127.0.0.1", 0, std::move(pages), clock_, options);
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    listener_ = *std::move(opened);
    const std::string& address = listener_->address();
    ASSERT_THAT(address, StartsWith("127.0.0.1:"));
    port_ = static_cast<std::uint16_t>(std::stoul(address.substr(address.find(':') + 1)));
  }

  // Whether there comes to be room for a connection.
  bool eventually_served() const {
    return test::wait_until([this] {
      HttpClient client(port_);
      client.send("GET /hello HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
      return !client.receive_to_the_end().empty();
    });
  }

  SystemClock clock_;
  std::unique_ptr<admin::HttpListener> listener_;
  std::uint16_t port_ = 0;
};

TEST_F(HttpListener, AConnectionServesManyRequests) {
  open();
  HttpClient client(port_);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.get("/hello").body, "hello\n");
  EXPECT_EQ(client.get("/nothing").status, 404);
  EXPECT_EQ(client.get("/large").body.size(), kLargeBytes);
}

TEST_F(HttpListener, RequestsMayBeSentAtOnceAndAreAnsweredInTheirOrder) {
  open();
  HttpClient client(port_);
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += std::string(kHello) + "GET /nothing HTTP/1.1\r\nHost: here\r\n\r\n";
  client.send(requests + "HEAD /hello HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(client.receive().status, 200);
    EXPECT_EQ(client.receive().status, 404);
  }
  EXPECT_EQ(client.receive(false).status, 200);
  EXPECT_EQ(client.receive_to_the_end(), "");
}

TEST_F(HttpListener, ARequestMayArriveInPieces) {
  open();
  HttpClient client(port_);
  for (const char byte : std::string(kHello)) client.send({&byte, 1});
  EXPECT_EQ(client.receive().body, "hello\n");
}

TEST_F(HttpListener, AFaultEndsTheConnectionAfterItsReplyHasArrived) {
  open();
  HttpClient client(port_);
  client.send(std::string(kHello) + "nonsense\r\n\r\n" + std::string(1U << 20, 'x'));
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(client.receive().status, 400);
  EXPECT_EQ(client.receive_to_the_end(), "");
}

TEST_F(HttpListener, AHugeRequestIsCutOffAtTheLimitOfItsHeader) {
  open();
  HttpClient client(port_);
  client.send("GET /hello HTTP/1.1\r\nX: " + std::string(1U << 20, 'x'));
  EXPECT_EQ(client.receive().status, 431);
  EXPECT_EQ(client.receive_to_the_end(), "");
}

TEST_F(HttpListener, APageThatFailsTakesItsConnectionAndNothingElse) {
  open();
  HttpClient other(port_);
  EXPECT_EQ(other.get("/hello").status, 200);
  HttpClient client(port_);
  client.send("GET /broken HTTP/1.1\r\nHost: here\r\n\r\n");
  EXPECT_EQ(client.receive_to_the_end(), "");
  EXPECT_EQ(other.get("/hello").status, 200);
}

TEST_F(HttpListener, OneConnectionTooManyTakesThePlaceOfTheOneThatHasBeenIdleLongest) {
  HttpOptions options = kPatient;
  options.connections_max = 3;
  open(options);
  std::vector<HttpClient> clients;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(clients.emplace_back(port_).get("/hello").status, 200);
  EXPECT_EQ(clients.front().get("/hello").status, 200);

  HttpClient one_more(port_);
  EXPECT_EQ(one_more.get("/hello").status, 200);
  EXPECT_EQ(clients[1].receive_to_the_end(), "");
  EXPECT_EQ(clients[0].get("/hello").status, 200);
  EXPECT_EQ(clients[2].get("/hello").status, 200);
  EXPECT_EQ(one_more.get("/hello").status, 200);
}

TEST_F(HttpListener, WhoHasSentNothingKeepsNobodyOut) {
  HttpOptions options = kPatient;
  options.connections_max = 2;
  open(options);
  std::vector<HttpClient> silent;
  for (int i = 0; i < 20; ++i) silent.emplace_back(port_);
  EXPECT_EQ(test::http_get(port_, "/hello").status, 200);
  EXPECT_EQ(silent.front().receive_to_the_end(), "");
}

TEST_F(HttpListener, OneConnectionTooManyIsClosedWhereAllAreBusy) {
  HttpOptions options = kPatient;
  options.connections_max = 3;
  open(options);
  std::vector<HttpClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back(port_).send(std::string(kHello) + "GET /hel");
    EXPECT_EQ(clients.back().receive().status, 200);
  }
  EXPECT_EQ(HttpClient(port_).receive_to_the_end(), "");

  clients.back().send("lo HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(clients.back().receive().status, 200);
  clients.pop_back();
  EXPECT_TRUE(eventually_served());
}

TEST_F(HttpListener, WhoDoesNotFinishARequestIsToldSoAndCutOff) {
  HttpOptions options = kPatient;
  options.request_timeout = milliseconds(100);
  open(options);
  HttpClient client(port_);
  client.send("GET /hello HTTP/1.1\r\nHost:");
  EXPECT_EQ(client.receive().status, 408);
  EXPECT_EQ(client.receive_to_the_end(), "");
}

TEST_F(HttpListener, WhoSendsNothingAtAllIsCutOff) {
  HttpOptions options = kPatient;
  options.request_timeout = milliseconds(100);
  open(options);
  EXPECT_EQ(HttpClient(port_).receive_to_the_end(), "");
}

TEST_F(HttpListener, WhoAsksNothingMoreIsCutOff) {
  HttpOptions options = kPatient;
  options.idle_timeout = milliseconds(100);
  open(options);
  HttpClient client(port_);
  EXPECT_EQ(client.get("/hello").status, 200);
  EXPECT_EQ(client.receive_to_the_end(), "");
}

TEST_F(HttpListener, WhoDoesNotTakeTheReplyIsCutOff) {
  HttpOptions options = kPatient;
  options.reply_timeout = milliseconds(100);
  options.connections_max = 1;
  open(options);
  HttpClient slow(port_, 4096);
  slow.send(std::string(kHello) + kLarge);
  EXPECT_EQ(slow.receive().status, 200);  // so the other request has been read, too
  EXPECT_TRUE(eventually_served()) << "there is room for one connection only";
  EXPECT_LT(slow.receive_to_the_end().size(), kLargeBytes);
}

TEST_F(HttpListener, WhoIsSlowHoldsUpNobodyElse) {
  open();
  HttpClient asks_slowly(port_);
  asks_slowly.send("GET /hel");
  HttpClient takes_slowly(port_, 4096);
  takes_slowly.send(kLarge);
  EXPECT_EQ(test::http_get(port_, "/hello").status, 200);
  asks_slowly.send("lo HTTP/1.1\r\nHost: here\r\n\r\n");
  EXPECT_EQ(asks_slowly.receive().body, "hello\n");
  EXPECT_EQ(takes_slowly.receive().body.size(), kLargeBytes);
}

TEST_F(HttpListener, ItsEndCutsOffWhoeverIsConnected) {
  open();
  HttpClient idle(port_);
  EXPECT_EQ(idle.get("/hello").status, 200);
  HttpClient takes_slowly(port_, 4096);
  takes_slowly.send(kLarge);
  HttpClient asks_slowly(port_);
  asks_slowly.send("GET /");
  listener_.reset();
  EXPECT_EQ(idle.receive_to_the_end(), "");
  EXPECT_LT(takes_slowly.receive_to_the_end().size(), kLargeBytes);
  EXPECT_EQ(asks_slowly.receive_to_the_end(), "");
}

TEST_F(HttpListener, AnAddressThatCannotBeHadIsASentence) {
  open();
  const auto again = admin::HttpListener::open("127.0.0.1", port_, {}, clock_);
  ASSERT_FALSE(again.has_value());
  EXPECT_THAT(again.error().message, HasSubstr("--admin-bind on " + listener_->address()));
  EXPECT_FALSE(admin::HttpListener::open("192.0.2.1", 0, {}, clock_).has_value());  // an address that no machine has
}

}  // namespace
}  // namespace kv::admin
