#include "kv/observability/trace.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "observability/otlp.hpp"
#include "support/base/wait.hpp"

namespace kv::test {
namespace {

using namespace observability;  // NOLINT(google-build-using-namespace): what is tested
namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;

// Takes requests, one after the other, and answers each with a status and a body.
class Collector {
 public:
  Collector() : acceptor_(io_, {asio::ip::make_address("127.0.0.1"), 0}) {
    answer_with(200);
    thread_ = std::thread([this] { serve(); });
  }
  ~Collector() {
    stopping_ = true;
    boost::system::error_code ignored;
    {
      asio::ip::tcp::socket last(io_);
      last.connect(acceptor_.local_endpoint(), ignored);
    }
    thread_.join();
  }
  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  void answer_with(unsigned status, std::string body = "{}") {
    const std::lock_guard lock(mutex_);
    answer_ = {static_cast<http::status>(status), 11, std::move(body)};
    answer_.prepare_payload();
  }
  std::vector<http::request<http::string_body>> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::vector<json::object> spans() const {
    std::vector<json::object> all;
    for (const auto& request : requests()) {
      const json::value body = json::parse(request.body());
      for (const json::value& span : body.at_pointer("/resourceSpans/0/scopeSpans/0/spans").as_array()) {
        all.push_back(span.as_object());
      }
    }
    return all;
  }

 private:
  void serve() {
    while (!stopping_) {
      boost::system::error_code error;
      asio::ip::tcp::socket socket(io_);
      acceptor_.accept(socket, error);
      boost::beast::flat_buffer buffer;
      http::request<http::string_body> request;
      if (!error) http::read(socket, buffer, request, error);
      if (error) continue;
      http::response<http::string_body> answer;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(std::move(request));
        answer = answer_;
      }
      http::write(socket, answer, error);
    }
  }

  mutable asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<http::request<http::string_body>> requests_;
  http::response<http::string_body> answer_;
  std::thread thread_;
};

// Takes one connection, reads what comes, and never answers.
class SilentCollector {
 public:
  SilentCollector() : acceptor_(io_, {asio::ip::make_address("127.0.0.1"), 0}), socket_(io_) {}
  std::string port() const { return std::to_string(acceptor_.local_endpoint().port()); }
  // Returns once a request is under way.
  void take_request() {
    acceptor_.accept(socket_);
    char first = 0;
    asio::read(socket_, asio::buffer(&first, 1));
  }
  // From now on a request fails.
  void close() {
    socket_.close();
    acceptor_.close();
  }

 private:
  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_;
  asio::ip::tcp::socket socket_;
};

constexpr std::chrono::hours kNever{1};

std::unique_ptr<Tracer> tracer_to(const std::string& endpoint, double ratio = 1) {
  return Tracer::start({.endpoint = endpoint, .ratio = ratio, .version = "1.2.3"}).value();
}

TEST(TraceTest, ATraceReachesTheCollectorWithItsSteps) {
  Collector collector;
  const UnixNanos before = Tracer::now();
  {
    const auto tracer = tracer_to(collector.endpoint());
    const auto trace = tracer->sample("batch");
    trace->root().note("kv.requests", 2);
    trace->add("GET", Tracer::now()).note("kv.key", std::string("k\"1"));
    trace->add("INCR", Tracer::now()).error = "WRONGTYPE";
  }
  ASSERT_EQ(collector.requests().size(), 1U);
  const auto request = collector.requests()[0];
  EXPECT_EQ(request.method(), http::verb::post);
  EXPECT_EQ(request.target(), "/v1/traces");
  EXPECT_EQ(request[http::field::content_type], "application/json");

  const auto spans = collector.spans();
  ASSERT_EQ(spans.size(), 3U);
  std::set<std::string> ids;
  for (const json::object& span : spans) {
    EXPECT_EQ(span.at("traceId"), spans[0].at("traceId"));
    EXPECT_EQ(span.at("traceId").as_string().size(), 32U);
    EXPECT_EQ(span.at("spanId").as_string().size(), 16U);
    ids.insert(std::string(span.at("spanId").as_string()));
    const auto begin = std::stoull(std::string(span.at("startTimeUnixNano").as_string()));
    const auto end = std::stoull(std::string(span.at("endTimeUnixNano").as_string()));
    EXPECT_LE(before, begin);
    EXPECT_LE(begin, end);
    EXPECT_LE(end, Tracer::now());
  }
  EXPECT_EQ(ids.size(), 3U);
  EXPECT_EQ(spans[0].at("name"), "batch");
  EXPECT_FALSE(spans[0].contains("parentSpanId"));
  EXPECT_EQ(spans[0].at("attributes"), json::parse(R"([{"key":"kv.requests","value":{"intValue":"2"}}])"));
  EXPECT_EQ(spans[1].at("name"), "GET");
  EXPECT_EQ(spans[1].at("parentSpanId"), spans[0].at("spanId"));
  EXPECT_EQ(spans[1].at("attributes"), json::parse(R"([{"key":"kv.key","value":{"stringValue":"k\"1"}}])"));
  EXPECT_FALSE(spans[1].contains("status"));
  EXPECT_EQ(spans[2].at("status"), json::parse(R"({"code":2,"message":"WRONGTYPE"})"));
}

TEST(TraceTest, TheServerSaysWhoItIs) {
  const json::value body = json::parse(otlp_json({.version = "1.2.3", .instance = "17"}, {}));
  EXPECT_EQ(body.at_pointer("/resourceSpans/0/resource/attributes"), json::parse(R"([
    {"key":"service.name","value":{"stringValue":"kv-server"}},
    {"key":"service.version","value":{"stringValue":"1.2.3"}},
    {"key":"service.instance.id","value":{"stringValue":"17"}}])"));
  EXPECT_EQ(body.at_pointer("/resourceSpans/0/scopeSpans/0/spans"), json::array());
}

TEST(TraceTest, AsManyAreSampledAsAskedFor) {
  Collector collector;
  const auto sampled = [&](double ratio) {
    const auto tracer = tracer_to(collector.endpoint(), ratio);
    int count = 0;
    for (int i = 0; i < 20'000; ++i) count += tracer->sample("batch") != nullptr ? 1 : 0;
    return count;
  };
  EXPECT_EQ(sampled(0), 0);
  EXPECT_EQ(sampled(1), 20'000);
  // Five standard deviations on each side.
  EXPECT_NEAR(sampled(0.01), 200, 71);
}

TEST(TraceTest, WhatTheCollectorDoesNotTakeIsDroppedAndTheNextOnesAreSent) {
  Collector collector;
  collector.answer_with(503);
  const auto tracer = tracer_to(collector.endpoint());
  tracer->sample("first");
  EXPECT_TRUE(wait_until([&] { return tracer->status().dropped == 1; }));
  collector.answer_with(200);
  tracer->sample("second");
  EXPECT_TRUE(wait_until([&] { return tracer->status().sent == 1; }));
  EXPECT_EQ(tracer->status().dropped, 1U);
  EXPECT_EQ(collector.spans().back().at("name"), "second");
}

TEST(TraceTest, WhatTheCollectorRejectsIsDropped) {
  Collector collector;
  collector.answer_with(200, R"({"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}})");
  const auto tracer = tracer_to(collector.endpoint());
  tracer->sample("batch")->add("GET", Tracer::now());
  EXPECT_TRUE(wait_until([&] { return tracer->status().dropped == 1; }));
  EXPECT_EQ(tracer->status().sent, 1U);
}

TEST(TraceTest, AnAnswerSaysHowManySpansWereRejected) {
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{"rejectedSpans":"17"}})"), 17U);
  EXPECT_EQ(rejected_spans(R"({"partialSuccess":{"rejectedSpans":17}})"), 17U);
  for (const char* none :
       {"", "{}", "[]", "no JSON", R"({"partialSuccess":{}})", R"({"partialSuccess":null})",
        R"({"partialSuccess":{"errorMessage":"a hint"}})", R"({"partialSuccess":{"rejectedSpans":null}})",
        R"({"partialSuccess":{"rejectedSpans":-1}})", R"({"partialSuccess":{"rejectedSpans":"-1"}})",
        R"({"partialSuccess":{"rejectedSpans":"1x"}})"}) {
    EXPECT_EQ(rejected_spans(none), 0U) << none;
  }
}

TEST(TraceTest, OfAnAnswerThatWentWellAShortBodyAloneIsRead) {
  Collector collector;
  const Url url = parse_http_url(collector.endpoint()).value();
  const auto answer_to = [&](std::string body) {
    collector.answer_with(202, std::move(body));
    return post_json(url, "{}", kNever, {}).value();
  };
  constexpr std::size_t kLong = 64U << 10;
  EXPECT_EQ(answer_to(""), "");
  EXPECT_EQ(answer_to("{}"), "{}");
  EXPECT_EQ(answer_to(std::string(kLong, ' ')), std::string(kLong, ' '));
  EXPECT_EQ(answer_to(std::string(kLong + 1, ' ')), "");
  EXPECT_EQ(answer_to(std::string(20 * kLong, ' ')), "");
}

TEST(TraceTest, WithoutACollectorNobodyWaitsAndMemoryIsBounded) {
  std::string nobody;
  {
    Collector gone;
    nobody = gone.endpoint();
  }
  const auto tracer = tracer_to(nobody);
  constexpr std::uint64_t kTraces = 50'000;
  for (std::uint64_t i = 0; i < kTraces; ++i) tracer->sample("batch");
  EXPECT_GT(tracer->status().dropped, kTraces / 2);
  EXPECT_EQ(tracer->status().sent, 0U);
}

TEST(TraceTest, OfALongTraceTheFirstStepsAreKept) {
  Collector collector;
  {
    const auto tracer = tracer_to(collector.endpoint());
    const auto trace = tracer->sample("batch");
    for (int i = 0; i < 1'000; ++i) trace->add(std::to_string(i), Tracer::now());
  }
  const auto spans = collector.spans();
  ASSERT_EQ(spans.size(), 128U);
  EXPECT_EQ(spans.back().at("name"), "126");
  EXPECT_EQ(spans[0].at("attributes"), json::parse(R"([{"key":"kv.spans_left_out","value":{"intValue":"873"}}])"));
}

TEST(TraceTest, AnEndpointIsAnHttpUrl) {
  const auto parsed = [](const char* text) {
    const auto url = parse_http_url(text);
    return url ? url->host + "|" + url->port + "|" + url->target : "fault: " + url.error().message;
  };
  EXPECT_EQ(parsed("http://localhost:4318"), "localhost|4318|/v1/traces");
  EXPECT_EQ(parsed("http://collector"), "collector|80|/v1/traces");
  EXPECT_EQ(parsed("http://collector/"), "collector|80|/v1/traces");
  EXPECT_EQ(parsed("http://[::1]:4318/a/b"), "::1|4318|/a/b");
  EXPECT_EQ(parsed("http://[::1]"), "::1|80|/v1/traces");
  EXPECT_EQ(parsed("https://collector"), "fault: it does not begin with http://");
  EXPECT_EQ(parsed("collector:4318"), "fault: it does not begin with http://");
  EXPECT_EQ(parsed("http://"), "fault: it names no host");
  EXPECT_EQ(parsed("http://:4318"), "fault: it names no host");
  EXPECT_EQ(parsed("http://[::1"), "fault: the bracket of its address is not closed");
  EXPECT_EQ(parsed("http://[::1]x:1"), "fault: something stands behind the bracket of its address");
  for (const char* port : {"", "0", "x", "1x", "65536", "-1"}) {
    EXPECT_EQ(parsed(("http://collector:" + std::string(port)).c_str()), "fault: its port is none") << port;
  }
  for (const char* user : {"http://user:secret@collector:4318/a", "http://user@collector", "http://@collector"}) {
    EXPECT_EQ(parsed(user), "fault: it has a user or a password") << user;
  }
  EXPECT_EQ(parsed("http://collector/a@b"), "collector|80|/a@b");
  for (const char* query : {"http://collector/a?key=secret", "http://collector?key=secret", "http://collector/?"}) {
    EXPECT_EQ(parsed(query), "fault: it has a query, and a path is all that may follow the port") << query;
  }
  for (const char* fragment : {"http://collector/a#b", "http://collector#b", "http://collector/#"}) {
    EXPECT_EQ(parsed(fragment), "fault: it has a fragment, and a path is all that may follow the port") << fragment;
  }
  EXPECT_EQ(parsed("http://a b"), "fault: it has blanks or characters that are not ASCII");
  EXPECT_EQ(parsed("http://a/\r\nX: y"), "fault: it has blanks or characters that are not ASCII");
}

TEST(TraceThreads, ARequestEndsWhenItsCallerGivesUp) {
  SilentCollector collector;
  std::stop_source give_up;
  std::atomic<bool> ended{false};
  std::thread caller([&] {
    const Url url{.host = "127.0.0.1", .port = collector.port(), .target = "/"};
    EXPECT_FALSE(post_json(url, "{}", kNever, give_up.get_token()));
    ended = true;
  });
  collector.take_request();
  EXPECT_FALSE(ended);
  give_up.request_stop();
  EXPECT_TRUE(wait_until([&] { return ended.load(); }));
  collector.close();
  caller.join();
}

TEST(TraceThreads, TheEndDoesNotWaitForACollectorThatNeverAnswers) {
  SilentCollector collector;
  auto tracer =
      Tracer::start(
          {.endpoint = "http://127.0.0.1:" + collector.port(), .ratio = 1, .version = {}, .answer_max = kNever})
          .value();
  tracer->sample("under way");
  collector.take_request();
  tracer->sample("left over");
  std::atomic<bool> ended{false};
  std::thread end([&] {
    tracer.reset();
    ended = true;
  });
  EXPECT_TRUE(wait_until([&] { return ended.load(); }));
  collector.close();
  end.join();
}

TEST(TraceThreads, ManyThreadsTraceAtOnce) {
  Collector collector;
  std::uint64_t sent = 0;
  std::uint64_t dropped = 0;
  {
    const auto tracer = tracer_to(collector.endpoint());
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 500; ++k) tracer->sample("batch")->add("GET", Tracer::now());
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(wait_until([&] { return tracer->status().sent + tracer->status().dropped == 4'000; }));
    sent = tracer->status().sent;
    dropped = tracer->status().dropped;
  }
  EXPECT_EQ(sent + dropped, 4'000U);
  EXPECT_EQ(collector.spans().size(), sent);
}

}  // namespace
}  // namespace kv::test
