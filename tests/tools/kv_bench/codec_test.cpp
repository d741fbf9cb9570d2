#include "kv-bench/codec.hpp"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "kv-bench/kv_codec.hpp"
#include "kv-bench/memcached_codec.hpp"
#include "kv-bench/resp_codec.hpp"
#include "support/base/hex.hpp"

namespace kv::bench {
namespace {

struct Row {
  Op op;
  std::string reply;
  ReplyKind kind;
  std::string text = {};
};

template <Codec C>
void expect_replies(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(::testing::PrintToString(row.reply));
    const Reply whole = C::take_reply(row.op, row.reply);
    EXPECT_EQ(whole.kind, row.kind);
    if (row.kind == ReplyKind::kMalformed) continue;
    EXPECT_EQ(whole.bytes, row.reply.size());
    EXPECT_EQ(whole.text, row.text);
    const std::string followed = row.reply + row.reply;
    EXPECT_EQ(C::take_reply(row.op, followed).bytes, row.reply.size());
    for (std::size_t cut = 0; cut < row.reply.size(); ++cut) {
      EXPECT_EQ(C::take_reply(row.op, ByteView(row.reply).substr(0, cut)).kind, ReplyKind::kIncomplete) << cut;
    }
  }
}

void expect_template(const RequestTemplate& request, const std::string& bytes, ByteView key, ByteView value = {}) {
  EXPECT_EQ(request.bytes, bytes);
  EXPECT_EQ(request.bytes.substr(request.key_at, key.size()), key);
  if (request.value_at == RequestTemplate::kNone) {
    EXPECT_TRUE(value.empty());
  } else {
    EXPECT_EQ(request.bytes.substr(request.value_at, value.size()), value);
  }
}

TEST(KvCodec, WritesRequests) {
  expect_template(KvCodec::get("foo"), test::unhex("01 00000003 666f6f"), "foo");
  expect_template(KvCodec::set("foo", "bar", 5),
                  test::unhex("02 00000015 0003 666f6f 0000000000000005 05 00000003 626172"), "foo", "bar");
}

TEST(KvCodec, TakesReplies) {
  expect_replies<KvCodec>({
      {Op::kGet, test::unhex("00 00000008 05 00000003 626172"), ReplyKind::kDone, "bar"},
      {Op::kGet, test::unhex("00 00000005 05 00000000"), ReplyKind::kDone, ""},
      {Op::kGet, test::unhex("01 00000000"), ReplyKind::kMiss},
      {Op::kSet, test::unhex("00 00000000"), ReplyKind::kDone},
      {Op::kSet, test::unhex("02 00000008") + "OOM full", ReplyKind::kRefused, "OOM full"},
      {Op::kGet, test::unhex("03 00000005") + "FRAME", ReplyKind::kRefused, "FRAME"},
      {Op::kGet, test::unhex("00 00000000"), ReplyKind::kMalformed},                     // a GET brings a value
      {Op::kGet, test::unhex("00 00000008 05 00000004 626172"), ReplyKind::kMalformed},  // cut short inside
      {Op::kGet, test::unhex("00 00000008 04 00000003 626172"), ReplyKind::kMalformed},  // a String
      {Op::kSet, test::unhex("00 00000001 01"), ReplyKind::kMalformed},
      {Op::kSet, test::unhex("01 00000000"), ReplyKind::kMalformed},
      {Op::kGet, test::unhex("10 00000000"), ReplyKind::kMalformed},
      {Op::kGet, test::unhex("77 00000000"), ReplyKind::kMalformed},
      {Op::kGet, test::unhex("00 ffffffff"), ReplyKind::kMalformed},  // longer than any reply
  });
}

TEST(RespCodec, WritesRequests) {
  expect_template(RespCodec::get("foo"), "*2\r\n$3\r\nGET\r\n$3\r\nfoo\r\n", "foo");
  expect_template(RespCodec::set("foo", "bar", 0), "*3\r\n$3\r\nSET\r\n$3\r\nfoo\r\n$3\r\nbar\r\n", "foo", "bar");
  expect_template(RespCodec::set("foo", "bar", 1500),
                  "*5\r\n$3\r\nSET\r\n$3\r\nfoo\r\n$3\r\nbar\r\n$2\r\nPX\r\n$4\r\n1500\r\n", "foo", "bar");
}

TEST(RespCodec, TakesReplies) {
  expect_replies<RespCodec>({
      {Op::kGet, "$3\r\nbar\r\n", ReplyKind::kDone, "bar"},
      {Op::kGet, "$4\r\n\r\n\r\n\r\n", ReplyKind::kDone, "\r\n\r\n"},
      {Op::kGet, "$0\r\n\r\n", ReplyKind::kDone, ""},
      {Op::kGet, "$-1\r\n", ReplyKind::kMiss},
      {Op::kSet, "+OK\r\n", ReplyKind::kDone},
      {Op::kSet, "-OOM command not allowed\r\n", ReplyKind::kRefused, "OOM command not allowed"},
      {Op::kGet, "-ERR unknown\r\n", ReplyKind::kRefused, "ERR unknown"},
      {Op::kSet, "+QUEUED\r\n", ReplyKind::kMalformed},
      {Op::kSet, "$-1\r\n", ReplyKind::kMalformed},
      {Op::kGet, "+OK\r\n", ReplyKind::kMalformed},
      {Op::kGet, "$3\r\nbarre", ReplyKind::kMalformed},
      {Op::kGet, "$x\r\n", ReplyKind::kMalformed},
      {Op::kGet, "$\r\n", ReplyKind::kMalformed},
      {Op::kGet, "$99999999999999999999999\r\n", ReplyKind::kMalformed},
      {Op::kGet, "no CR before this\n", ReplyKind::kMalformed},
      {Op::kGet, std::string(10'000, 'x'), ReplyKind::kMalformed},  // no end of a line in sight
  });
}

TEST(MemcachedCodec, WritesRequests) {
  expect_template(MemcachedCodec::get("foo"), "get foo\r\n", "foo");
  expect_template(MemcachedCodec::set("foo", "bar", 0), "set foo 0 0 3\r\nbar\r\n", "foo", "bar");
  expect_template(MemcachedCodec::set("foo", "bar", 1001), "set foo 0 2 3\r\nbar\r\n", "foo", "bar");
}

TEST(MemcachedCodec, TakesReplies) {
  expect_replies<MemcachedCodec>({
      {Op::kGet, "VALUE foo 0 3\r\nbar\r\nEND\r\n", ReplyKind::kDone, "bar"},
      {Op::kGet, "VALUE foo 0 5\r\nEND\r\n\r\nEND\r\n", ReplyKind::kDone, "END\r\n"},
      {Op::kGet, "END\r\n", ReplyKind::kMiss},
      {Op::kSet, "STORED\r\n", ReplyKind::kDone},
      {Op::kSet, "NOT_STORED\r\n", ReplyKind::kRefused, "NOT_STORED"},
      {Op::kSet, "SERVER_ERROR out of memory\r\n", ReplyKind::kRefused, "SERVER_ERROR out of memory"},
      {Op::kGet, "CLIENT_ERROR line too long\r\n", ReplyKind::kRefused, "CLIENT_ERROR line too long"},
      {Op::kGet, "ERROR\r\n", ReplyKind::kRefused, "ERROR"},
      {Op::kGet, "STORED\r\n", ReplyKind::kMalformed},
      {Op::kSet, "END\r\n", ReplyKind::kMalformed},
      {Op::kGet, "VALUE foo 0 3\r\nbar\r\nVALUE", ReplyKind::kMalformed},
      {Op::kGet, "VALUE foo 0 -3\r\n", ReplyKind::kMalformed},
  });
}

}  // namespace
}  // namespace kv::bench
