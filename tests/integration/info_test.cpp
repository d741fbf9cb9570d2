// INFO.
#include "integration/info_json.hpp"
#include "integration/server_test.hpp"

namespace kv::test {
namespace {

using boost::json::object;

constexpr const char* kSections[] = {"server", "clients", "tls", "memory", "stats", "persistence", "keyspace"};

class Info : public ServerTest {
 protected:
  Info() : ServerTest({"--shards", "8"}) {}
};

TEST_F(Info, IsOneObjectWithShardsEntriesAndTheSections) {
  call(mset({{"a", encode_int(1)}, {"b", encode_int(2)}, {"c", encode_int(3)}}));
  const object all = info_json(client_);
  EXPECT_EQ(all.at("shards"), 8);
  EXPECT_EQ(all.at("entries"), 3);
  for (const char* section : kSections) EXPECT_TRUE(all.at(section).is_object()) << section;
}

TEST_F(Info, WithASectionsNameAnswersThatObjectAlone) {
  for (const char* section : kSections) {
    const object alone = info_json(client_, section);
    const object all = info_json(client_);
    const object& within = all.at(section).as_object();
    EXPECT_EQ(alone.size(), within.size()) << section;
    for (const auto& member : alone) EXPECT_TRUE(within.contains(member.key())) << section << ' ' << member.key();
  }
}

TEST_F(Info, AnUnknownSectionIsAnArgumentError) {
  for (const char* name : {"nonsense", "Server", "server ", "\xFF"}) EXPECT_EQ(call(info(name)), invalid("ARGUMENT"));
}

TEST_F(Info, EntriesFollowsTheKeys) {
  for (int i = 0; i < 100; ++i) call(set("k" + std::to_string(i), encode_int(i)));
  EXPECT_EQ(info_json(client_).at("entries"), 100);
  call(del("k1"));
  call(set("k2", encode_string("again")));
  EXPECT_EQ(info_json(client_).at("entries"), 99);
  call(flush());
  EXPECT_EQ(info_json(client_).at("entries"), 0);
}

TEST_F(Info, StatsCountCommandsByNameHitsMissesAndErrorsByWord) {
  call(set("k", encode_string("text")));
  for (int i = 0; i < 3; ++i) call(get("k"));
  for (int i = 0; i < 2; ++i) call(get("absent"));
  call(incr("k"));
  call(frame(0xFF));
  const object stats = info_json(client_, "stats");
  EXPECT_EQ(stats.at("commands").at("GET"), 5);
  EXPECT_EQ(stats.at("commands").at("SET"), 1);
  EXPECT_EQ(stats.at("commands").at("INCR"), 1);
  EXPECT_EQ(stats.at("hits"), 3);
  EXPECT_EQ(stats.at("misses"), 2);
  EXPECT_EQ(stats.at("errors").at("WRONGTYPE"), 1);
  EXPECT_EQ(stats.at("errors").at("COMMAND"), 1);
  EXPECT_EQ(stats.at("expired"), 0);
}

TEST_F(Info, ClientsCountsConnections) {
  RawClient second = connect();
  RawClient third = connect();
  EXPECT_EQ(second.call(ping()), ok("PONG"));
  EXPECT_EQ(third.call(ping()), ok("PONG"));
  EXPECT_EQ(info_json(client_, "clients").at("connected"), 3);
}

TEST_F(Info, NamesAndTextOfPeersDoNotBreakTheJson) {
  call(set("\"}\n\\", encode_string("\"")));
  call(info("\"}"));
  EXPECT_EQ(info_json(client_).at("entries"), 1);
}

}  // namespace
}  // namespace kv::test
