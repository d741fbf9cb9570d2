// Commands that look at keys for whoever runs the server: MEMORY KEYS.
#include <set>
#include <string>
#include <vector>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "command/test_server.hpp"

namespace kv::test {
namespace {

namespace json = boost::json;

class MemoryCommands : public CommandTest {
 protected:
  // Without its part of the table.
  std::uint64_t entry_bytes_of(ByteView key) {
    const Reply reply = run(memory_usage(key));
    EXPECT_EQ(reply.status, protocol::Status::kOk);
    if (reply.payload.size() != 8) return 0;
    return load_big_endian<std::uint64_t>(reply.payload.data()) - engine.table_bytes_per_entry(key);
  }
  json::value big_keys(std::uint32_t count = 0, std::uint64_t samples = 0) {
    const Reply reply = run(bigkeys(count, samples));
    EXPECT_EQ(reply.status, protocol::Status::kOk);
    return json::parse(reply.payload);
  }
};

std::vector<std::string> names(const json::value& answer) {
  std::vector<std::string> names;
  for (const json::value& key : answer.at("keys").as_array()) names.emplace_back(key.at("key").as_string());
  return names;
}

TEST_F(MemoryCommands, UsageIsTheEntryAndItsPartOfTheTable) {
  run(set("key", encode_bytes(std::string(32, 'v'))));
  EXPECT_EQ(entry_bytes_of("key"), 40U) << "header 4, key 3, value 32, rounded up to 4";
  EXPECT_GE(engine.table_bytes_per_entry("key"), 8U);
  run(expire("key", 1'000));
  EXPECT_EQ(entry_bytes_of("key"), 48U) << "and the deadline";
  run(set("large", encode_bytes(std::string(4'096, 'v'))));
  EXPECT_EQ(entry_bytes_of("large"), 8U + 8 + 8 + 5 + 4'096 + 3) << "with deadline and prefix, rounded up to 8";
}

TEST_F(MemoryCommands, UsageOfWhatIsAbsentIsNull) {
  EXPECT_EQ(run(memory_usage("nope")), null());
  run(set("brief", encode_int(1), 10));
  advance(10);
  EXPECT_EQ(run(memory_usage("brief")), null());
  EXPECT_EQ(run(memory_usage("")), invalid("KEY"));
}

// What the whole shard says of its entries is the sum of what each says of itself.
TEST_F(MemoryCommands, UsageAddsUpToWhatTheEngineCounts) {
  std::uint64_t sum = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string key = "key" + std::to_string(i);
    run(set(key, encode_bytes(std::string(static_cast<std::size_t>(i), 'v')), i % 2 == 0 ? 0 : 1'000'000));
    sum += entry_bytes_of(key);
  }
  EXPECT_EQ(sum, engine.usage().data_bytes);
}

TEST_F(MemoryCommands, BigKeysAreTheLargestInTheirOrder) {
  for (int i = 1; i <= 100; ++i) {
    run(set("key" + std::to_string(i), encode_bytes(std::string(static_cast<std::size_t>(i) * 100, 'v'))));
  }
  EXPECT_EQ(names(big_keys(3)), (std::vector<std::string>{"key100", "key99", "key98"}));
  EXPECT_EQ(names(big_keys()).size(), 10U);
  EXPECT_EQ(names(big_keys(1'000'000)).size(), 100U);
  EXPECT_EQ(big_keys().at("entries"), 100);
  EXPECT_EQ(big_keys().at("seen"), 100);
}

TEST_F(MemoryCommands, ABigKeyIsDescribed) {
  run(set("list", list_of({encode_int(1)}), 5'000));
  advance(1'000);
  EXPECT_EQ(big_keys().at("keys"), json::parse(R"([{"key": "list", "type": "List", "bytes": 32, "ttl_ms": 4000}])"));
  run(persist("list"));
  EXPECT_EQ(big_keys().at("keys").as_array()[0].at("ttl_ms"), -1);
  run(expire("list", 10));
  advance(10);
  EXPECT_TRUE(names(big_keys()).empty()) << "it has expired";
}

TEST_F(MemoryCommands, ASampleSeesSoManyWhereverItBegins) {
  for (int i = 0; i < 1'000; ++i) run(set("key" + std::to_string(i), encode_int(i)));
  std::set<std::string> begun;
  for (int moment = 0; moment < 7; ++moment) {
    const json::value some = big_keys(1'000, 100);
    EXPECT_EQ(some.at("seen"), 100);
    EXPECT_EQ(names(some).size(), 100U);
    begun.insert(json::serialize(some.at("keys")));
    EXPECT_EQ(big_keys(1, 5'000).at("seen"), 1'000) << "all there are";
    advance(1);
  }
  EXPECT_EQ(begun.size(), 7U) << "one for each shard that it begins in";
}

TEST_F(MemoryCommands, AListThatIsTooLongEndsEarlier) {
  TestServer small({.payload_bytes_max = 4'096});
  for (int i = 0; i < 100; ++i) small.run(set("key" + std::to_string(i), encode_int(i)));
  const Reply reply = small.run(bigkeys(100));
  ASSERT_EQ(reply.status, protocol::Status::kOk);
  EXPECT_LE(reply.payload.size(), 4'096U);
  EXPECT_GT(names(json::parse(reply.payload)).size(), 10U);
}

TEST_F(MemoryCommands, KeysThatTheUserMayNotReadAreNotTold) {
  run(set("mine:a", encode_int(1)));
  run(set("yours", encode_int(1)));
  ASSERT_TRUE(users.set("default", "resetkeys ~mine:*").has_value());
  EXPECT_EQ(names(big_keys()), (std::vector<std::string>{"mine:a"}));
  EXPECT_EQ(run(memory_usage("yours")), error("NOPERM"));
  EXPECT_EQ(run(memory_usage("mine:a")).status, protocol::Status::kOk);
}

}  // namespace
}  // namespace kv::test
