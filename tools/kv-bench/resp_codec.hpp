// RESP2, what redis and its kin speak.
#pragma once

#include "kv-bench/codec.hpp"

namespace kv::bench {

struct RespCodec {
  static RequestTemplate get(ByteView key) {
    RequestTemplate request{.bytes = "*2\r\n"};
    append(request.bytes, "GET");
    request.key_at = append(request.bytes, key);
    return request;
  }

  static RequestTemplate set(ByteView key, ByteView value, std::uint64_t ttl_ms) {
    RequestTemplate request{.bytes = ttl_ms == 0 ? "*3\r\n" : "*5\r\n"};
    append(request.bytes, "SET");
    request.key_at = append(request.bytes, key);
    request.value_at = append(request.bytes, value);
    if (ttl_ms != 0) {
      append(request.bytes, "PX");
      append(request.bytes, std::to_string(ttl_ms));
    }
    return request;
  }

  static Reply take_reply(Op op, ByteView input) {
    const detail::Line line = detail::take_line(input);
    if (line.kind != ReplyKind::kDone) return {line.kind, 0, {}};
    if (line.text.starts_with('-')) return {ReplyKind::kRefused, line.bytes, line.text.substr(1)};
    if (op == Op::kSet) return {line.text == "+OK" ? ReplyKind::kDone : ReplyKind::kMalformed, line.bytes, {}};
    if (line.text == "$-1") return {ReplyKind::kMiss, line.bytes, {}};
    const std::size_t length = line.text.starts_with('$') ? detail::take_length(line.text.substr(1)) : kReplyBytesMax;
    if (length == kReplyBytesMax) return {ReplyKind::kMalformed, 0, {}};
    return detail::take_body(input, line.bytes, length, "\r\n");
  }

 private:
  // Appends one bulk string and returns where its text starts.
  static std::size_t append(std::string& out, ByteView text) {
    out += '$' + std::to_string(text.size()) + "\r\n";
    const std::size_t at = out.size();
    out += text;
    out += "\r\n";
    return at;
  }
};
static_assert(Codec<RespCodec>);

}  // namespace kv::bench
