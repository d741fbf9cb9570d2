// The bytes that PROTOCOL.md prints, played word for word.
#include <gtest/gtest.h>

#include "support/base/hex.hpp"
#include "support/process/raw_client.hpp"

namespace kv::test {
namespace {

struct Exchange {
  const char* what;
  const char* request;
  const char* response;
};

constexpr Exchange kExchanges[] = {
    {"PING", "08 00000000", "00 00000004 504f4e47"},
    {"SET foo = Int 42", "02 00000016 0003 666f6f 0000000000000000 01 000000000000002a", "00 00000000"},
    {"GET foo", "01 00000003 666f6f", "00 00000009 01 000000000000002a"},
    {"GET nope", "01 00000004 6e6f7065", "01 00000000"},
    {"LOCK resource", "0b 0000001b 0008 7265736f75726365 0007 776f726b657231 0000000000007530", "00 00000001 01"},
};

TEST(GoldenBytes, EveryExampleOfTheProtocolPageAnswersAsPrinted) {
  const ServerProcess server;
  for (const Exchange& exchange : kExchanges) {
    SCOPED_TRACE(exchange.what);
    const std::string response = unhex(exchange.response);
    RawClient client(server);
    client.send(unhex(exchange.request));
    client.half_close();
    EXPECT_EQ(hex(client.receive_until_eof()), hex(response));
  }
}

TEST(GoldenBytes, OnePipelineOfThemAllAnswersInOrder) {
  const ServerProcess server;
  std::string requests;
  std::string responses;
  for (const Exchange& exchange : kExchanges) {
    requests += unhex(exchange.request);
    responses += unhex(exchange.response);
  }
  RawClient client(server);
  client.send(requests);
  client.half_close();
  EXPECT_EQ(hex(client.receive_until_eof()), hex(responses));
}

}  // namespace
}  // namespace kv::test
