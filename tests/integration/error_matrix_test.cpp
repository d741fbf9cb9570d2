// Every command of the table with every fault that its fields can have: the word is the right one, the connection goes
// on, and nothing has changed.
#include <algorithm>

#include <gmock/gmock.h>

#include "integration/command_table.hpp"
#include "integration/payload_faults.hpp"
#include "integration/scan_all.hpp"
#include "integration/server_test.hpp"

namespace kv::test {
namespace {

// What PROTOCOL.md says of every command, in the words of the table.
struct Expected {
  std::uint8_t byte;
  const char* name;
  const char* fields;
};

constexpr Expected kProtocolPage[] = {
    {0x01, "GET", "key_rest"},
    {0x02, "SET", "key ttl value"},
    {0x03, "DEL", "key_rest"},
    {0x04, "EXISTS", "key_rest"},
    {0x05, "INCR", "key delta"},
    {0x06, "DECR", "key delta"},
    {0x07, "CAS", "key expected value ttl"},
    {0x08, "PING", "rest"},
    {0x09, "INFO", "rest"},
    {0x0A, "SETNX", "key ttl value"},
    {0x0B, "LOCK", "key owner ttl"},
    {0x0C, "UNLOCK", "key owner"},
    {0x0D, "EXTEND", "key owner ttl"},
    {0x0E, "MGET", "keys"},
    {0x0F, "MSET", "pairs"},
    {0x10, "MDEL", "keys"},
    {0x11, "MEXISTS", "keys"},
    {0x12, "EXPIRE", "key ttl"},
    {0x13, "TTL", "key_rest"},
    {0x14, "PERSIST", "key_rest"},
    {0x15, "SWAP", "key ttl value"},
    {0x16, "TAKE", "key_rest"},
    {0x17, "SCAN", "cursor count pattern"},
    {0x18, "TYPE", "key_rest"},
    {0x19, "ADD", "key value"},
    {0x1A, "ACQUIRE", "key owner ttl wait"},
    {0x1B, "FLUSH", ""},
    {0x28, "AUTH", "user password"},
    {0x80, "SNAPSHOT", "mode folder"},
    {0x81, "LASTSAVE", ""},
    {0x82, "WHOAMI", ""},
    {0x83, "ACL", "acl_call"},
    {0x84, "CLIENT", "client_call"},
    {0x85, "SLOWLOG", "slowlog_call"},
    {0x86, "MONITOR", "wait"},
    {0x87, "KEYS", "keys_call"},
    {0x88, "LATENCY", "latency_call"},
    {0x89, "MEMORY", "memory_call key_rest"},
    {0x8A, "CONFIG", "config_call"},
};

std::string join(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
  return all;
}

class ErrorMatrix : public ServerTest {
 protected:
  ErrorMatrix() {
    call(mset({{"k", encode_int(5)}, {"other", encode_string("text")}}));
    call(lock("held", "somebody", kLongMs));
    call(persist("held"));
    before_ = everything();
  }

  // All keys with their values and expiries.
  std::string everything() {
    std::vector<std::string> keys = scan_all(client_, 10'000);
    std::ranges::sort(keys);
    std::string text;
    for (const std::string& key : keys) text += key + call(get(key)).payload + call(ttl(key)).payload;
    return text;
  }

  void expect_refused(const CommandInfo& command, const std::string& payload, ByteView word, const std::string& what) {
    const std::vector<Reply> replies = client_.pipeline(frame(command.byte, payload) + ping(what), 2);
    EXPECT_EQ(replies[0], invalid(word)) << command.name << ": " << what;
    EXPECT_EQ(replies[1], ok(what)) << "the next frame is served";
    EXPECT_EQ(everything(), before_) << command.name << ": " << what;
  }

  // Valid fields in [from, to) of the command.
  static std::string fields(const CommandInfo& command, std::size_t from, std::size_t to, ByteView key = "k") {
    std::string bytes;
    for (std::size_t i = from; i < to; ++i) bytes += valid_field(command.fields[i], key);
    return bytes;
  }
  static std::string all_fields(const CommandInfo& command, ByteView key = "k") {
    return fields(command, 0, command.fields.size(), key);
  }

  const std::vector<CommandInfo> commands_ = read_command_table();
  std::string before_;
};

TEST_F(ErrorMatrix, TheTableIsThatOfTheProtocolPage) {
  ASSERT_EQ(commands_.size(), std::size(kProtocolPage));
  for (const Expected& expected : kProtocolPage) {
    const auto row = std::ranges::find(commands_, expected.byte, &CommandInfo::byte);
    ASSERT_NE(row, commands_.end()) << expected.name;
    EXPECT_EQ(row->name, expected.name);
    EXPECT_EQ(join(row->fields), expected.fields) << expected.name;
  }
}

TEST_F(ErrorMatrix, TheValidPayloadsThatItIsMadeFromAreUnderstood) {
  for (const CommandInfo& command : commands_) {
    const Reply reply = call(frame(command.byte, all_fields(command)));
    EXPECT_NE(reply.status, protocol::Status::kInvalid) << command.name << ": " << reply;
  }
}

TEST_F(ErrorMatrix, CommandsThatOnlyReadChangeNothing) {
  int readers = 0;
  for (const CommandInfo& command : commands_) {
    if (command.has_flag("write")) continue;
    for (const ByteView key : {"k", "absent"}) call(frame(command.byte, all_fields(command, key)));
    EXPECT_EQ(everything(), before_) << command.name;
    ++readers;
  }
  EXPECT_EQ(readers, 21) << "GET, EXISTS, PING, INFO, MGET, MEXISTS, TTL, SCAN, TYPE, SNAPSHOT, LASTSAVE, "
                            "CLIENT, AUTH, WHOAMI, ACL, CONFIG, MEMORY, KEYS, MONITOR, SLOWLOG, LATENCY";
}

TEST_F(ErrorMatrix, APayloadCutAtAnyByteIsAFrameError) {
  for (const CommandInfo& command : commands_) {
    if (!command.fields.empty() && takes_the_rest(command.fields.back())) continue;
    const std::string whole = all_fields(command);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      expect_refused(command, whole.substr(0, size), "FRAME", "cut after " + std::to_string(size) + " bytes");
    }
  }
}

TEST_F(ErrorMatrix, OneByteLeftOverIsAFrameError) {
  for (const CommandInfo& command : commands_) {
    if (!command.fields.empty() && takes_the_rest(command.fields.back())) continue;
    for (const char byte : {'\0', 'x', '\xFF'}) {
      expect_refused(command, all_fields(command) + byte, "FRAME", "one byte left over");
    }
  }
}

TEST_F(ErrorMatrix, EveryFaultOfEveryFieldGetsItsWord) {
  for (const CommandInfo& command : commands_) {
    for (std::size_t i = 0; i < command.fields.size(); ++i) {
      for (const FieldFault& fault : field_faults(command.fields[i])) {
        // What claims more bytes than there are must find none after it.
        const std::string after = fault.word == "FRAME" ? "" : fields(command, i + 1, command.fields.size());
        expect_refused(command, fields(command, 0, i) + fault.bytes + after, fault.word, fault.what);
        if (i > 0) {
          expect_refused(command, fields(command, 0, i, "absent") + fault.bytes + after, fault.word, fault.what);
        }
      }
    }
  }
}

TEST_F(ErrorMatrix, OfSeveralFaultsTheFirstIsReported) {
  for (const CommandInfo& command : commands_) {
    for (std::size_t i = 0; i < command.fields.size(); ++i) {
      for (const FieldFault& first : field_faults(command.fields[i])) {
        if (first.word == "FRAME") continue;
        const std::string until_fault = fields(command, 0, i) + first.bytes;
        expect_refused(command, until_fault, first.word, first.what + ", and then nothing");
        for (std::size_t j = i + 1; j < command.fields.size(); ++j) {
          for (const FieldFault& second : field_faults(command.fields[j])) {
            expect_refused(command, until_fault + fields(command, i + 1, j) + second.bytes, first.word,
                           first.what + ", and then " + second.what);
          }
        }
      }
    }
  }
}

TEST_F(ErrorMatrix, PayloadFaultsComeBeforeWhatTheKeyHolds) {
  call(set("text", encode_string("no number")));
  before_ = everything();
  const auto named = [&](const char* name) { return *std::ranges::find(commands_, name, &CommandInfo::name); };
  EXPECT_EQ(call(incr("text")), error("WRONGTYPE"));
  expect_refused(named("INCR"), sized("text") + u64(1) + 'x', "FRAME", "INCR of a String");
  EXPECT_EQ(call(unlock("held", "me")), error("LOCKED"));
  expect_refused(named("UNLOCK"), sized("held") + sized(""), "ARGUMENT", "UNLOCK of another's lock");
  EXPECT_EQ(call(add("text", encode_null())), error("WRONGTYPE"));
  expect_refused(named("ADD"), sized("text") + '\x09', "VALUE", "ADD to a String");
  EXPECT_EQ(call(cas("absent", encode_int(1), encode_int(1))), null());
  expect_refused(named("CAS"), sized("absent") + encode_int(1) + encode_int(1) + u64(~std::uint64_t{0}), "ARGUMENT",
                 "CAS of an absent key");
}

}  // namespace
}  // namespace kv::test
