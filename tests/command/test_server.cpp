#include "command/test_server.hpp"

#include "kv/protocol/frame.hpp"

namespace kv::test {
namespace {

protocol::Frame take_request(ByteView& request) {
  protocol::Frame frame;
  EXPECT_EQ(protocol::take_frame(request, kPayloadBytesCeiling, frame), protocol::FrameState::kComplete);
  EXPECT_TRUE(request.empty()) << "the test's request has bytes left over";
  return frame;
}

}  // namespace

void append_tail(const protocol::Handled& handled, ByteBuffer& out) {
  if (handled.tail != nullptr) out.append(handled.tail->bytes());
}

Reply decode_reply(ByteView frames) {
  protocol::Frame frame;
  EXPECT_EQ(protocol::take_frame(frames, kPayloadBytesCeiling, frame), protocol::FrameState::kComplete);
  EXPECT_TRUE(frames.empty()) << frames.size() << " bytes after the reply";
  Reply reply{static_cast<protocol::Status>(frame.tag), std::string(frame.payload)};
  if (reply.is_error()) {
    EXPECT_TRUE(protocol::find_errc(reply.status, reply.word()).has_value()) << reply.payload;
  }
  return reply;
}

TestServer::TestServer(const protocol::Limits& limits)
    : engine({.shards = 7}),
      slow_log({}, limits, clock),
      dispatcher({.engine = engine,
                  .clock = clock,
                  .counters = counters,
                  .administration = administration,
                  .users = users,
                  .authenticator = authenticator,
                  .limits = limits,
                  .read_only = &read_only,
                  .slow_log = &slow_log}) {}

protocol::Handled TestServer::handle(const protocol::Frame& request, ByteBuffer& out) {
  const std::size_t size_before = out.size();
  protocol::Handled handled = dispatcher.handle(request, *caller, clock.now(), protocol::Weight::kLight, out);
  if (handled.is_heavy) {
    EXPECT_EQ(out.size(), size_before) << "nothing is done yet";
    handled = dispatcher.handle(request, *caller, clock.now(), protocol::Weight::kHeavy, out);
    EXPECT_FALSE(handled.is_heavy);
  }
  dispatcher.timed({&request, 1}, *caller, {});
  return handled;
}

Reply TestServer::run(ByteView request) {
  ByteBuffer out;
  out.append("what was there before");
  const protocol::Handled handled = handle(take_request(request), out);
  EXPECT_EQ(handled.pending, nullptr) << "it waits";
  append_tail(handled, out);
  EXPECT_TRUE(out.view().starts_with("what was there before"));
  out.consume(sizeof("what was there before") - 1);
  return decode_reply(out.view());
}

std::unique_ptr<protocol::PendingReply> TestServer::start(ByteView request) {
  ByteBuffer out;
  auto pending = handle(take_request(request), out).pending;
  EXPECT_NE(pending, nullptr) << "it doesn't wait";
  EXPECT_TRUE(out.empty());
  return pending;
}

void TestServer::expect_holds(ByteView key, const std::string& value, std::int64_t ttl_ms) {
  EXPECT_EQ(run(get(key)), ok(value)) << key;
  EXPECT_EQ(run(ttl(key)), ok_i64(ttl_ms)) << key;
}

Keys TestServer::keys(ByteView pattern) {
  Keys keys;
  std::uint64_t cursor = 0;
  do {
    ScanPage page = scan_page(run(scan(cursor, 0, pattern)));
    keys.insert(keys.end(), page.keys.begin(), page.keys.end());
    cursor = page.cursor;
  } while (cursor != 0);
  return keys;
}

}  // namespace kv::test
