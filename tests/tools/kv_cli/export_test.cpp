// kv-cli export against the real server, and there and back with import --typed.
#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kv/client/value_text.hpp"
#include "kv/value/build.hpp"

#include "support/base/random.hpp"
#include "support/client/fake_server.hpp"
#include "support/process/raw_client.hpp"
#include "support/process/requests.hpp"
#include "support/process/server_process.hpp"
#include "support/value/random_value.hpp"
#include "tools/kv_cli/cli_process.hpp"

namespace kv::cli {
namespace {

using testing::HasSubstr;

std::set<std::string> lines_of(const std::string& text) {
  std::set<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.insert(line);
  return lines;
}

TEST(Export, WritesALineForEveryKey) {
  const test::ServerProcess server;
  EXPECT_EQ(output_of(server.port(), {"mset", "i", "42", "f", "1.5", "d", "1.50m", "b", "0x66ff", "n", "nan", "z",
                                      "null", "m", R"({"b": 1, "a": ["x"]})"}),
            "OK\n");
  EXPECT_EQ(output_of(server.port(), {"set", R"("line\nbreak \u0000")", "\"東京\""}), "OK\n");
  EXPECT_EQ(lines_of(output_of(server.port(), {"export"})),
            (std::set<std::string>{
                R"({"key":"i","value":42,"ttl":null})",
                R"({"key":"f","value":1.5,"ttl":null})",
                R"({"key":"d","value":1.50,"ttl":null})",
                R"({"key":"b","value":"Zv8=","ttl":null})",
                R"({"key":"n","value":"nan","ttl":null})",
                R"({"key":"z","value":null,"ttl":null})",
                R"({"key":"m","value":{"b":1,"a":["x"]},"ttl":null})",
                R"({"key":"line\nbreak \u0000","value":"東京","ttl":null})",
            }));
  EXPECT_EQ(lines_of(output_of(server.port(), {"export", "[dbm]", "--typed"})),
            (std::set<std::string>{
                R"({"key":"d","value":"1.50m","ttl":null})",
                R"({"key":"b","value":"0x66ff","ttl":null})",
                R"({"key":"m","value":"{\"b\": 1, \"a\": [\"x\"]}","ttl":null})",
            }));
}

// Values, keys and expiries of every kind, NUL and NaN and all, through export and import and compared byte for byte.
TEST(Export, TypedComesBackByteForByte) {
  test::Random random;
  const test::ServerProcess server;
  test::RawClient client(server);
  std::vector<std::pair<std::string, std::string>> entries;
  std::set<std::string> keys;
  while (entries.size() < 3'000) {
    std::string key = test::random_utf8(random, 30) + std::to_string(entries.size());
    if (!keys.insert(key).second) continue;
    std::string value = random.one_in(10) ? value::encode_float(std::bit_cast<double>(random.next() | 0x7FFULL << 52))
                                          : test::random_value(random);
    ASSERT_EQ(client.call(test::set(key, value)), test::ok());
    entries.emplace_back(std::move(key), std::move(value));
  }
  ASSERT_EQ(client.call(test::set("with ttl", value::encode_int(1), 3'600'000)), test::ok());

  const std::string exported = output_of(server.port(), {"export", "--typed"});
  EXPECT_EQ(lines_of(exported).size(), entries.size() + 1);
  ASSERT_EQ(client.call(test::flush()), test::ok_u64(entries.size() + 1));
  ASSERT_EQ(output_of(server.port(), {"import", "-", "--typed"}, exported), "3001 records were stored\n");
  for (const auto& [key, value] : entries)
    ASSERT_EQ(client.call(test::get(key)), test::ok(value)) << client::print_key(key);
  const std::int64_t ttl = client.call(test::ttl("with ttl")).i64();
  EXPECT_GT(ttl, 3'000'000);
  EXPECT_LE(ttl, 3'600'000);
  EXPECT_EQ(client.call(test::ttl(entries[0].first)), test::ok_i64(-1));
}

TEST(Export, WalksManyPagesAndLargeValues) {
  const test::ServerProcess server;
  test::RawClient client(server);
  std::string requests;
  for (int i = 0; i < 5'000; ++i) requests += test::set("key:" + std::to_string(i), value::encode_int(i));
  client.pipeline(requests, 5'000);
  const std::string large(4U << 20, 'x');
  for (const char* key : {"large:1", "large:2", "large:3"}) client.call(test::set(key, value::encode_string(large)));
  const std::set<std::string> lines = lines_of(output_of(server.port(), {"export"}));
  EXPECT_EQ(lines.size(), 5'003U);
  EXPECT_TRUE(lines.contains(R"({"key":"key:4321","value":4321,"ttl":null})"));
  EXPECT_TRUE(lines.contains(R"({"key":"large:2","value":")" + large + R"(","ttl":null})"));
}

std::string reply(std::uint8_t status, ByteView payload) {
  return test::frame(status, payload);
}

std::string page(std::uint64_t cursor, const std::vector<std::string>& keys) {
  std::string payload = test::u64(cursor) + test::u32(static_cast<std::uint32_t>(keys.size()));
  for (const std::string& key : keys) payload += test::sized(key);
  return reply(0, payload);
}

// Keys that go between SCAN and GET, or between GET and TTL, or in the very millisecond of their TTL.
TEST(Export, AKeyMayGoAwayMeanwhile) {
  const std::string value = reply(0, value::encode_null());
  test::FakeServer server([&](test::FakePeer& peer) {
    EXPECT_EQ(peer.read_frame(), test::scan(0, 1'000));
    peer.write(page(7, {"gone", "going"}));
    for (const char* key : {"gone", "going"}) {
      EXPECT_EQ(peer.read_frame(), test::get(key));
      EXPECT_EQ(peer.read_frame(), test::ttl(key));
    }
    EXPECT_EQ(peer.read_frame(), test::scan(7, 1'000));
    peer.write(reply(1, "") + reply(1, "") + value + reply(1, "") + page(0, {"stays", "last moment"}));
    for (int i = 0; i < 4; ++i) peer.read_frame();
    peer.write(value + reply(0, test::u64(~0ULL)) + value + reply(0, test::u64(0)));
    peer.wait_for_close();
  });
  EXPECT_EQ(output_of(server.port(), {"export"}),
            "{\"key\":\"stays\",\"value\":null,\"ttl\":null}\n{\"key\":\"last moment\",\"value\":null,\"ttl\":1}\n");
}

TEST(Export, StopsWhenTheServerSaysNoOrNothing) {
  test::FakeServer refusing([&](test::FakePeer& peer) {
    peer.read_frame();
    peer.write(page(0, {"k"}));
    for (int i = 0; i < 2; ++i) peer.read_frame();
    peer.write(reply(2, "NOPERM not you"));
    peer.wait_for_close();
  });
  const CliRun refused = run_cli(refusing.port(), {"export"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_EQ(refused.err, "kv-cli: NOPERM not you\n");

  test::FakeServer closing([&](test::FakePeer& peer) {
    peer.read_frame();
    peer.write(page(0, {"k"}));
    peer.read_frame();
  });
  EXPECT_EQ(run_cli(closing.port(), {"export"}).exit_code, 3);

  test::FakeServer babbling([&](test::FakePeer& peer) {
    peer.read_frame();
    peer.write(reply(0, test::u64(0) + test::u32(1'000'000'000)));
    peer.wait_for_close();
  });
  EXPECT_THAT(run_cli(babbling.port(), {"export"}).err, HasSubstr("not what this command's should be"));
}

}  // namespace
}  // namespace kv::cli
