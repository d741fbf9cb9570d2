// Frames: a byte, a length and a payload, in both directions. docs/protocol.md has the layout.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kv/base/bytes.hpp"

namespace kv::protocol {

inline constexpr std::size_t kHeaderBytes = 5;

// A whole frame: `tag` is the command byte of a request or the status of a response.
struct Frame {
  std::uint8_t tag = 0;
  ByteView payload;
};

enum class FrameState {
  kIncomplete,  // more bytes are needed
  kComplete,    // a frame was taken
  kTooLarge,    // the header claims more than the limit
};

// Takes the next frame off the front of `input`. The payload is a view into it.
//   kComplete    `frame` is set and `input` moved past it
//   kIncomplete  nothing is taken; bytes_missing() says how many more are needed at least
//   kTooLarge    nothing is taken; frame.tag is set. Decided on the header alone.
inline FrameState take_frame(ByteView& input, std::size_t payload_bytes_max, Frame& frame) {
  if (input.size() < kHeaderBytes) return FrameState::kIncomplete;
  const std::size_t payload_size = load_big_endian<std::uint32_t>(input.data() + 1);
  frame.tag = static_cast<std::uint8_t>(input[0]);
  if (payload_size > payload_bytes_max) return FrameState::kTooLarge;
  if (input.size() - kHeaderBytes < payload_size) return FrameState::kIncomplete;
  frame.payload = {input.data() + kHeaderBytes, payload_size};
  input.remove_prefix(kHeaderBytes + payload_size);
  return FrameState::kComplete;
}

// How many more bytes the frame that begins in `input` needs: the rest of its header, or else the rest of its payload.
// 0 when it is whole.
std::size_t bytes_missing(ByteView input);

// Writes a header to `to`. REQUIRES: kHeaderBytes writable bytes.
inline void encode_header(std::uint8_t tag, std::uint32_t payload_size, char* to) {
  to[0] = static_cast<char>(tag);
  store_big_endian(to + 1, payload_size);
}

}  // namespace kv::protocol
