// What a protocol must say about itself to be measured: how a GET and a SET look, and where the next reply ends and
// what it means. A codec owns no state and no socket; the loop in worker.hpp is compiled once for each.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

#include "kv/base/bytes.hpp"

namespace kv::bench {

enum class Op : std::uint8_t { kGet, kSet };

// A whole request, and where its key and value stand in it. They may be patched, but keep their lengths.
struct RequestTemplate {
  static constexpr std::size_t kNone = ~std::size_t{0};
  std::string bytes;
  std::size_t key_at = 0;
  std::size_t value_at = kNone;
};

enum class ReplyKind {
  kIncomplete,  // more bytes are needed
  kDone,        // stored, or found
  kMiss,        // a GET of a key that isn't there
  kRefused,     // the server answered with an error
  kMalformed,   // these bytes are no reply to such a request; where the next one starts is unknown
};

struct Reply {
  ReplyKind kind = ReplyKind::kIncomplete;
  std::size_t bytes = 0;  // how long the reply is
  ByteView text;          // the value of a GET that was found, or the words of a refusal
};

// No reply is longer than this; it is what ends a run against a peer that isn't what it should be.
inline constexpr std::size_t kReplyBytesMax = std::size_t{1} << 30;

template <typename T>
concept Codec = requires(ByteView bytes, std::uint64_t ttl_ms, Op op) {
  { T::get(bytes) } -> std::same_as<RequestTemplate>;                 // of this key
  { T::set(bytes, bytes, ttl_ms) } -> std::same_as<RequestTemplate>;  // key, value, and 0 for no expiry
  { T::take_reply(op, bytes) } -> std::same_as<Reply>;  // the first reply in `bytes`, which answers such a request
};

namespace detail {

// The first line of a text protocol, without its CR LF: nothing when the bytes so far hold no end of it.
struct Line {
  ReplyKind kind;  // kDone, kIncomplete or kMalformed
  ByteView text;
  std::size_t bytes = 0;  // with the CR LF
};
inline Line take_line(ByteView input) {
  constexpr std::size_t kLineBytesMax = 8192;
  const std::size_t end = input.substr(0, kLineBytesMax).find('\n');
  if (end == ByteView::npos) {
    return {input.size() < kLineBytesMax ? ReplyKind::kIncomplete : ReplyKind::kMalformed, {}, 0};
  }
  if (end == 0 || input[end - 1] != '\r') return {ReplyKind::kMalformed, {}, 0};
  return {ReplyKind::kDone, input.substr(0, end - 1), end + 1};
}

// The number that `digits` spells, all of it; or kReplyBytesMax when it is none or isn't below that.
inline std::size_t take_length(ByteView digits) {
  std::size_t length = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return kReplyBytesMax;
    length = length * 10 + static_cast<std::size_t>(digit - '0');
    if (length >= kReplyBytesMax) return kReplyBytesMax;
  }
  return digits.empty() ? kReplyBytesMax : length;
}

// What follows `head` bytes: `length` bytes of a value, then `tail`.
inline Reply take_body(ByteView input, std::size_t head, std::size_t length, ByteView tail) {
  const std::size_t whole = head + length + tail.size();
  if (input.size() < whole) return {};
  if (input.substr(head + length, tail.size()) != tail) return {ReplyKind::kMalformed, 0, {}};
  return {ReplyKind::kDone, whole, input.substr(head, length)};
}

}  // namespace detail
}  // namespace kv::bench
