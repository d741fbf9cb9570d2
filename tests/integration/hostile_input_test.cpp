// What a hostile peer may try: each gets the word that the protocol names, costs no memory to speak of, and the others
// are served meanwhile.
#include <algorithm>
#include <chrono>
#include <future>

#include "integration/scan_all.hpp"
#include "integration/server_test.hpp"
#include "support/process/wait.hpp"

namespace kv::test {
namespace {

constexpr std::size_t kMiB = 1 << 20;
constexpr std::size_t kSlackBytes = (kSanitized ? 320 : 24) * kMiB;

class HostileInput : public ServerTest {
 protected:
  // All `requests` get `answer`, and take no more memory than their own bytes explain.
  void expect_cheap_refusal(const std::vector<std::string>& requests, const Reply& answer) {
    call(set("k", encode_int(1)));
    const std::size_t before = server_.peak_rss_bytes();
    std::size_t largest = 0;
    for (const std::string& request : requests) {
      EXPECT_EQ(call(request), answer);
      largest = std::max(largest, request.size());
    }
    EXPECT_LT(server_.peak_rss_bytes(), before + 3 * largest + kSlackBytes);
    EXPECT_EQ(call(get("k")), ok(encode_int(1)));
  }
};

std::string repeat(const std::string& text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST_F(HostileInput, Nesting100000Deep) {
  constexpr std::size_t kDeep = 100'000;
  const std::string lists = repeat('\x06' + u32(1), kDeep) + encode_null();
  const std::string maps = repeat('\x07' + u32(1) + sized(""), kDeep) + encode_null();
  for (const std::string& deep : {lists, maps, lists.substr(0, kDeep)}) {
    expect_cheap_refusal({set("k", deep), cas("k", deep, encode_int(2)), cas("k", encode_int(1), deep),
                          mset({{"k", encode_int(2)}, {"k", deep}}), add("k", deep)},
                         invalid("VALUE"));
  }
}

TEST_F(HostileInput, CountsAndLengthsOf4Billion) {
  std::vector<std::string> requests;
  for (const char type : {'\x04', '\x05', '\x06', '\x07'}) {
    const std::string value = type + u32(0xFFFF'FFFF);
    requests.push_back(set("k", value));
    requests.push_back(set("k", list_of({encode_int(1), value})));
    requests.push_back(cas("k", value, encode_int(1)));
    // Bytes of 0 are Nulls to a List; a Map would find the empty key twice, which is another fault.
    if (type != '\x07') requests.push_back(set("k", value + std::string(100'000, '\0')));
  }
  expect_cheap_refusal(requests, invalid("FRAME"));
}

TEST_F(HostileInput, AListOf100MillionNullsInAFrameThatHas60) {
  const std::string nulls = '\x06' + u32(100'000'000) + std::string(60'000'000, '\0');
  expect_cheap_refusal({set("k", nulls)}, invalid("FRAME"));
}

TEST_F(HostileInput, AKeyOf70000Bytes) {
  const std::string key(70'000, 'k');
  expect_cheap_refusal({get(key), del(key), exists(key), ttl(key), persist(key), take(key), type(key)}, invalid("KEY"));
}

TEST_F(HostileInput, ExponentsThatWouldFillTheMemory) {
  expect_cheap_refusal({set("k", encode_decimal("1e999999999")), set("k", encode_decimal("1e-999999999")),
                        set("k", encode_decimal("1e99999999999999999999999999")),
                        set("k", encode_decimal("1e" + std::string(65'000, '9')))},
                       invalid("VALUE"));
}

TEST_F(HostileInput, DecimalsThatGrowAThousandfold) {
  // 8 bytes on the wire, 1,003 once written out: 8 million of them would be 8 GB.
  constexpr std::uint32_t kCount = 8'000'000 / (kSlowness * kSlowness);
  const std::string value = '\x06' + u32(kCount) + repeat(encode_decimal("1e999"), kCount);
  const std::size_t before = server_.peak_rss_bytes();
  EXPECT_TRUE(call(set("k", value)).is_error());
  EXPECT_EQ(call(exists("k")), ok_bool(false));
  EXPECT_LT(server_.peak_rss_bytes(), before + 300 * kMiB + kSlackBytes);
}

TEST_F(HostileInput, OneLargeValueNamed65535TimesInOneMget) {
  const std::string value = encode_bytes(std::string(64 * kMiB - 16, 'v'));
  ASSERT_EQ(call(set("k", value)), ok());
  const std::size_t before = server_.peak_rss_bytes();
  EXPECT_EQ(call(mget(Keys(65'535, "k"))), error("TOOLARGE"));
  EXPECT_EQ(call(mget({"k", "k"})), error("TOOLARGE"));
  EXPECT_LT(server_.peak_rss_bytes(), before + kSlackBytes);
  EXPECT_EQ(call(mexists({"k"})), ok_bools({true})) << "the connection goes on";
}

TEST_F(HostileInput, PatternsThatBacktrack) {
  const int keys = 200 / kSlowness;
  for (int i = 0; i < keys; ++i) call(set(std::string(static_cast<std::size_t>(65'000 + i), 'a'), encode_null()));
  RawClient other = connect();
  for (const std::string& pattern : {std::string("*a*a*a*a*a*b"), repeat("*a", 30) + "b", repeat("*", 5'000) + "b",
                                     repeat("?*", 100) + "b", repeat("[a-z]*", 20) + "[^a]"}) {
    std::future<std::size_t> found =
        std::async(std::launch::async, [&] { return scan_all(client_, 10'000, pattern).size(); });
    EXPECT_EQ(other.call(ping()), ok("PONG"));
    EXPECT_EQ(found.get(), 0U) << pattern.substr(0, 20);
  }
}

TEST_F(HostileInput, RandomBytesNeverTakeItDown) {
  unsigned state = 12'345;
  for (int round = 0; round < 3'000 / kSlowness; ++round) {
    std::string bytes;
    for (int i = 0; i < 400; ++i) {
      state = state * 1'103'515'245 + 12'345;
      bytes += static_cast<char>(state >> 16);
    }
    // A header that fits, so that most of the bytes reach a decoder.
    const auto command = static_cast<std::uint8_t>(1 + round % 27);
    if (command == 0x1A || command == 0x1B) continue;  // ACQUIRE may wait for a day, FLUSH is no danger
    EXPECT_NE(call(frame(command, bytes)).status, protocol::Status::kPush);
  }
  EXPECT_EQ(call(ping()), ok("PONG"));
}

// What other clients feel
// ----------------------------------------------------------------------------------------------

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class HeavyMaps : public HostileInput {
 protected:
  // The longest that a GET of another client took while `request` was carried out, and its answer.
  milliseconds longest_wait_beside(const std::string& request, const Reply& answer) {
    RawClient other = connect();
    other.call(set("small", encode_int(1)));
    std::future<Reply> reply = std::async(std::launch::async, [&] { return call(request); });
    steady_clock::duration longest{0};
    while (reply.wait_for(milliseconds(0)) != std::future_status::ready) {
      const auto before = steady_clock::now();
      EXPECT_EQ(other.call(get("small")), ok(encode_int(1)));
      longest = std::max(longest, steady_clock::now() - before);
    }
    EXPECT_EQ(reply.get(), answer);
    return std::chrono::duration_cast<milliseconds>(longest);
  }

  // Compares `map_request` with a SET of a List of the same size. A processor that is shared with others gives any one
  // measurement away, so the best of several counts. `prepare` goes before each.
  void expect_no_longer_than_a_list(const std::string& map_request, const Reply& answer, const std::string& prepare) {
    const std::string list_request = set("list", list_of({encode_bytes(std::string(map_request.size() - 100, 'b'))}));
    constexpr int kTries = 5;
    milliseconds beside_list{0};
    milliseconds beside_map{0};
    for (int i = 0; i < kTries; ++i) {
      call(prepare);
      beside_list = std::max(beside_list, longest_wait_beside(list_request, ok()));
      beside_map = longest_wait_beside(map_request, answer);
      if (kSlowness > 1 || beside_map <= beside_list + milliseconds(100)) return;
    }
    ADD_FAILURE() << "others wait for " << beside_map.count() << " ms beside a map, for " << beside_list.count()
                  << " ms beside a list";
  }

  static constexpr std::uint32_t kPairs = 5'000'000 / (kSlowness * kSlowness);

  // kPairs pairs of a number's digits and Null, in falling or rising order, `last` after them.
  static std::string map(bool rising, const std::string& last = {}) {
    std::string value = '\x07' + u32(kPairs + (last.empty() ? 0 : 1));
    value.reserve(std::size_t{kPairs} * 10 + 100);
    for (std::uint32_t i = 0; i < kPairs; ++i) {
      value += sized(std::to_string(10'000'000 + (rising ? i : kPairs - 1 - i)).substr(1)) + encode_null();
    }
    return value + last;
  }
};

TEST_F(HeavyMaps, InSetDelayOthersNoMoreThanAList) {
  expect_no_longer_than_a_list(set("k", map(false)), ok(), del("k"));
  EXPECT_EQ(call(type("k")), ok("\x07"));
}

TEST_F(HeavyMaps, WithOneKeyTwiceAreRefusedAndDelayNobody) {
  const std::string value = map(false, sized("0000000") + encode_null());
  expect_no_longer_than_a_list(set("k", value), invalid("VALUE"), ping());
  EXPECT_EQ(call(exists("k")), ok_bool(false));
}

TEST_F(HeavyMaps, EqualButInOtherOrderSwapInCasAndDelayNobody) {
  const std::string request = cas("k", map(false), encode_int(1));
  expect_no_longer_than_a_list(request, ok_bool(true), set("k", map(true)));
  EXPECT_EQ(call(get("k")), ok(encode_int(1)));
}

TEST_F(HeavyMaps, NearlyEqualDoNotSwapInCasAndDelayNobody) {
  const std::string held = map(true, sized("last") + encode_int(1));
  const std::string request = cas("k", map(false, sized("last") + encode_int(2)), encode_int(1));
  expect_no_longer_than_a_list(request, ok_not_swapped(held), set("k", held));
  EXPECT_EQ(call(get("k")), ok(held));
}

}  // namespace
}  // namespace kv::test
