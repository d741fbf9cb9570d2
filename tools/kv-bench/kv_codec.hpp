// kv-server's own protocol (docs/protocol.md): values are Bytes.
#pragma once

#include "kv/protocol/command.hpp"
#include "kv/protocol/frame.hpp"
#include "kv/protocol/status.hpp"
#include "kv/value/build.hpp"
#include "kv/value/value_view.hpp"

#include "kv-bench/codec.hpp"

namespace kv::bench {

struct KvCodec {
  static RequestTemplate get(ByteView key) {
    return {frame(protocol::Command::kGet, std::string(key)), protocol::kHeaderBytes, RequestTemplate::kNone};
  }

  static RequestTemplate set(ByteView key, ByteView value, std::uint64_t ttl_ms) {
    std::string payload;
    append_big_endian(payload, static_cast<std::uint16_t>(key.size()));
    payload += key;
    append_big_endian(payload, ttl_ms);
    payload += value::encode_bytes(value);
    const std::size_t value_at = protocol::kHeaderBytes + payload.size() - value.size();
    return {frame(protocol::Command::kSet, payload), protocol::kHeaderBytes + sizeof(std::uint16_t), value_at};
  }

  static Reply take_reply(Op op, ByteView input) {
    const std::size_t available = input.size();
    protocol::Frame reply;
    switch (protocol::take_frame(input, kReplyBytesMax, reply)) {
      case protocol::FrameState::kIncomplete:
        return {};
      case protocol::FrameState::kTooLarge:
        return {ReplyKind::kMalformed, 0, {}};
      case protocol::FrameState::kComplete:
        break;
    }
    const std::size_t bytes = available - input.size();
    switch (protocol::Status{reply.tag}) {
      case protocol::Status::kOk:
        if (op == Op::kGet) return found(reply.payload, bytes);
        return {reply.payload.empty() ? ReplyKind::kDone : ReplyKind::kMalformed, bytes, {}};
      case protocol::Status::kNull:
        return {op == Op::kGet && reply.payload.empty() ? ReplyKind::kMiss : ReplyKind::kMalformed, bytes, {}};
      case protocol::Status::kError:
      case protocol::Status::kInvalid:
        return {ReplyKind::kRefused, bytes, reply.payload};
      default:
        return {ReplyKind::kMalformed, 0, {}};
    }
  }

 private:
  static constexpr std::size_t kBytesHead = 1 + sizeof(std::uint32_t);  // type and length of a Bytes value

  static std::string frame(protocol::Command command, const std::string& payload) {
    std::string bytes(protocol::kHeaderBytes, '\0');
    protocol::encode_header(static_cast<std::uint8_t>(command), static_cast<std::uint32_t>(payload.size()),
                            bytes.data());
    return bytes + payload;
  }

  static Reply found(ByteView payload, std::size_t bytes) {
    const bool is_bytes = payload.size() >= kBytesHead && payload[0] == static_cast<char>(value::ValueType::kBytes) &&
                          load_big_endian<std::uint32_t>(payload.data() + 1) == payload.size() - kBytesHead;
    if (!is_bytes) return {ReplyKind::kMalformed, 0, {}};
    return {ReplyKind::kDone, bytes, payload.substr(kBytesHead)};
  }
};
static_assert(Codec<KvCodec>);

}  // namespace kv::bench
