// The text protocol of memcached, with its plain `get` and `set`.
#pragma once

#include "kv-bench/codec.hpp"

namespace kv::bench {

struct MemcachedCodec {
  static RequestTemplate get(ByteView key) { return {"get " + std::string(key) + "\r\n", 4, RequestTemplate::kNone}; }

  // A ttl is rounded up to whole seconds. REQUIRES: at most 30 days, more would be taken for a date.
  static RequestTemplate set(ByteView key, ByteView value, std::uint64_t ttl_ms) {
    RequestTemplate request{.bytes = "set ", .key_at = 4};
    request.bytes += key;
    request.bytes += " 0 " + std::to_string((ttl_ms + 999) / 1000) + " " + std::to_string(value.size()) + "\r\n";
    request.value_at = request.bytes.size();
    request.bytes += value;
    request.bytes += "\r\n";
    return request;
  }

  static Reply take_reply(Op op, ByteView input) {
    const detail::Line line = detail::take_line(input);
    if (line.kind != ReplyKind::kDone) return {line.kind, 0, {}};
    if (op == Op::kSet && line.text == "STORED") return {ReplyKind::kDone, line.bytes, {}};
    if (op == Op::kGet && line.text == "END") return {ReplyKind::kMiss, line.bytes, {}};
    if (op == Op::kGet && line.text.starts_with("VALUE ")) {  // VALUE <key> <flags> <length>
      const std::size_t length = detail::take_length(line.text.substr(line.text.rfind(' ') + 1));
      if (length == kReplyBytesMax) return {ReplyKind::kMalformed, 0, {}};
      return detail::take_body(input, line.bytes, length, "\r\nEND\r\n");
    }
    const bool refused = line.text == "ERROR" || line.text == "NOT_STORED" || line.text.starts_with("CLIENT_ERROR ") ||
                         line.text.starts_with("SERVER_ERROR ");
    return {refused ? ReplyKind::kRefused : ReplyKind::kMalformed, line.bytes, line.text};
  }
};
static_assert(Codec<MemcachedCodec>);

}  // namespace kv::bench
