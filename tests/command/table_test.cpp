// The command table itself, and what every row promises.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "command/command_row.hpp"
#include "command/test_server.hpp"

namespace kv::command {
namespace {

using protocol::Field;

std::vector<const CommandRow*> all_rows() {
  std::vector<const CommandRow*> rows;
  for (unsigned byte = 0; byte < 256; ++byte) {
    if (const CommandRow* row = find_command(static_cast<std::uint8_t>(byte))) rows.push_back(row);
  }
  return rows;
}

TEST(CommandTable, HasExactlyTheCommandsOfTheProtocol) {
  const std::vector<std::string> first_names{"GET",  "SET",  "DEL",     "EXISTS", "INCR",    "DECR",    "CAS",
                                             "PING", "INFO", "SETNX",   "LOCK",   "UNLOCK",  "EXTEND",  "MGET",
                                             "MSET", "MDEL", "MEXISTS", "EXPIRE", "TTL",     "PERSIST", "SWAP",
                                             "TAKE", "SCAN", "TYPE",    "ADD",    "ACQUIRE", "FLUSH"};
  std::map<unsigned, std::string> names{{0x28, "AUTH"}, {0x80, "SNAPSHOT"}, {0x81, "LASTSAVE"}, {0x82, "WHOAMI"},
                                        {0x83, "ACL"},  {0x84, "CLIENT"},   {0x85, "SLOWLOG"},  {0x86, "MONITOR"},
                                        {0x87, "KEYS"}, {0x88, "LATENCY"},  {0x89, "MEMORY"},   {0x8A, "CONFIG"}};
  for (unsigned i = 0; i < first_names.size(); ++i) names[i + 1] = first_names[i];
  for (unsigned byte = 0; byte < 256; ++byte) {
    const CommandRow* row = find_command(static_cast<std::uint8_t>(byte));
    ASSERT_EQ(row != nullptr, names.contains(byte)) << byte;
    if (row == nullptr) continue;
    EXPECT_EQ(row->name, names[byte]);
    EXPECT_EQ(static_cast<unsigned>(row->byte), byte);
    EXPECT_NE(row->function, nullptr);
    EXPECT_FALSE(row->category.empty());
  }
}

TEST(CommandTable, FlagsSayWhatACommandDoes) {
  std::set<ByteView> writers;
  std::set<ByteView> touch_no_key;
  for (const CommandRow* row : all_rows()) {
    if ((row->flags & kWrite) != 0) writers.insert(row->name);
    if ((row->flags & (kRead | kWrite)) == 0) touch_no_key.insert(row->name);
  }
  EXPECT_EQ(writers,
            (std::set<ByteView>{"SET", "DEL", "INCR", "DECR", "CAS", "SETNX", "LOCK", "UNLOCK", "EXTEND", "MSET",
                                "MDEL", "EXPIRE", "PERSIST", "SWAP", "TAKE", "ADD", "ACQUIRE", "FLUSH"}));
  EXPECT_EQ(touch_no_key, (std::set<ByteView>{"AUTH", "PING", "INFO", "SNAPSHOT", "LASTSAVE", "WHOAMI", "ACL", "CLIENT",
                                              "CONFIG", "KEYS", "MONITOR", "SLOWLOG", "LATENCY"}));
}

TEST(CommandTable, IsPrintedAsJson) {
  const auto commands = boost::json::parse(commands_as_json()).as_array();
  ASSERT_EQ(commands.size(), all_rows().size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    EXPECT_EQ(commands[i].at("byte").to_number<std::size_t>(), static_cast<std::size_t>(all_rows()[i]->byte));
    EXPECT_EQ(commands[i].at("name").as_string(), all_rows()[i]->name);
    EXPECT_EQ(commands[i].at("category").as_string(), all_rows()[i]->category);
  }
  EXPECT_EQ(commands[0x06].at("fields"), (boost::json::array{"key", "expected", "value", "ttl"}));
  EXPECT_EQ(commands[0x06].at("flags"), (boost::json::array{"read", "write", "grows"}));
  EXPECT_EQ(commands[0x19].at("flags"), (boost::json::array{"write", "waits", "grows"}));
  EXPECT_EQ(commands[0x1A].at("fields"), boost::json::array{});
  EXPECT_EQ(commands[0x1B].at("flags"), (boost::json::array{"waits", "open"}));
  EXPECT_EQ(commands[0x1C].at("fields"), (boost::json::array{"mode", "folder"}));
  EXPECT_EQ(commands[0x1C].at("flags"), (boost::json::array{"admin", "waits"}));
  EXPECT_EQ(commands[0x1D].at("flags"), (boost::json::array{"admin"}));
}

// A payload that fits a row's shape; of the fields that can be wrong the first `broken` are left as they should be.
std::string payload_of(const CommandRow& row) {
  using namespace test;
  std::string payload;
  for (const Field field : row.shape.fields) {
    switch (field) {
      case Field::kEnd:
      case Field::kRest:
      case Field::kFolder:
        break;
      case Field::kKey:
        payload += sized("key");
        break;
      case Field::kKeyRest:
        payload += "key";
        break;
      case Field::kOwner:
        payload += sized("owner");
        break;
      case Field::kTtl:
      case Field::kWait:
      case Field::kCursor:
        payload += u64(0);
        break;
      case Field::kDelta:
        payload += u64(1);
        break;
      case Field::kUser:
      case Field::kPassword:
        payload += sized("text");
        break;
      case Field::kAclCall:
      case Field::kClientCall:
        payload += '\0';
        break;
      case Field::kConfigCall:
        payload += '\0' + sized("*");
        break;
      case Field::kSlowlogCall:
        payload += '\0' + u32(1);
        break;
      case Field::kLatencyCall:
      case Field::kMemoryCall:
        payload += '\0';
        break;
      case Field::kKeysCall:
        payload += '\0' + u32(1) + u64(0);
        break;
      case Field::kExpected:
      case Field::kValue:
        payload += value::encode_int(1);
        break;
      case Field::kKeys:
        payload += u16(1) + sized("key");
        break;
      case Field::kPairs:
        payload += u16(1) + u64(0) + sized("key") + value::encode_int(1);
        break;
      case Field::kCount:
        payload += u32(0);
        break;
      case Field::kPattern:
        payload += sized("*");
        break;
      case Field::kMode:
        payload += '\0';
        break;
    }
  }
  return payload;
}

// Every command, sent as it should be, with a byte too many, and cut short at every place.
TEST(CommandTable, EveryCommandChecksItsPayloadToTheLastByte) {
  using namespace test;
  for (const CommandRow* row : all_rows()) {
    SCOPED_TRACE(std::string(row->name));
    const std::string payload = payload_of(*row);
    TestServer server;
    // AUTH is answered later.
    if (row->byte != protocol::Command::kAuth) {
      EXPECT_NE(server.run(frame(row->byte, payload)).status, protocol::Status::kInvalid);
    }
    // A rest takes whatever comes: a longer key, any bytes.
    if (row->shape.has(Field::kRest)) continue;
    const bool is_open = row->shape.has(Field::kKeyRest);
    EXPECT_EQ(server.run(frame(row->byte, payload + "x")).word() == "FRAME", !is_open);
    for (std::size_t size = is_open ? 1 : 0; size < payload.size(); ++size) {
      const Reply reply = server.run(frame(row->byte, payload.substr(0, size)));
      EXPECT_EQ(reply == invalid("FRAME"), !is_open) << size << " bytes: " << reply;
    }
  }
}

// A process that is far over whatever limit.
class FullMemory final : public engine::ProcessMemory {
 public:
  std::uint64_t resident_bytes() override { return std::uint64_t{1} << 40; }
  void trim() override {}
};

// Every command where memory is full: who needs some gets OOM and has changed nothing, and all others are served.
TEST(CommandTable, WhoNeedsMemoryAndNobodyElseIsRefusedWhenItIsFull) {
  using namespace test;
  std::set<ByteView> refused;
  for (const CommandRow* row : all_rows()) {
    for (const bool is_present : {false, true}) {
      SCOPED_TRACE(std::string(row->name));
      TestServer server;
      if (is_present) server.run(set("key", value::encode_int(1), 1'000));
      engine::MemoryLimit limit(server.engine, kMemoryBytesMin, std::make_unique<FullMemory>());
      Dispatcher full({.engine = server.engine,
                       .clock = server.clock,
                       .counters = server.counters,
                       .administration = server.administration,
                       .users = server.users,
                       .authenticator = server.authenticator,
                       .limits = {},
                       .memory = &limit});
      const auto caller = full.connect({});
      server.administration.at_once = UnixMillis{1};
      ByteBuffer out;
      const auto handled = full.handle({static_cast<std::uint8_t>(row->byte), payload_of(*row)}, *caller,
                                       server.clock.now(), protocol::Weight::kHeavy, out);
      const bool is_refused = handled.pending == nullptr && decode_reply(out.view()) == error("OOM");
      EXPECT_EQ(is_refused, (row->flags & kGrows) != 0);
      if (!is_refused) continue;
      refused.insert(row->name);
      EXPECT_EQ(limit.status().refused, 1U);
      EXPECT_EQ(server.run(exists("key")), ok_bool(is_present));
      if (is_present) server.expect_holds("key", value::encode_int(1), 1'000);
    }
  }
  EXPECT_EQ(refused,
            (std::set<ByteView>{"SET", "INCR", "DECR", "CAS", "SETNX", "LOCK", "MSET", "SWAP", "ADD", "ACQUIRE"}));
}

}  // namespace
}  // namespace kv::command
