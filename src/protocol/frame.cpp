#include "kv/protocol/frame.hpp"

#include <algorithm>

namespace kv::protocol {

FrameState take_frame(ByteView& input, std::size_t payload_bytes_max, Frame& frame) {
  if (input.size() < kHeaderBytes) return FrameState::kIncomplete;
  const std::size_t payload_size = load_big_endian<std::uint32_t>(input.data() + 1);
  frame.tag = static_cast<std::uint8_t>(input[0]);
  if (payload_size > payload_bytes_max) return FrameState::kTooLarge;
  if (input.size() - kHeaderBytes < payload_size) return FrameState::kIncomplete;
  frame.payload = input.substr(kHeaderBytes, payload_size);
  input.remove_prefix(kHeaderBytes + payload_size);
  return FrameState::kComplete;
}

std::size_t bytes_missing(ByteView input) {
  if (input.size() < kHeaderBytes) return kHeaderBytes - input.size();
  const std::size_t whole = kHeaderBytes + std::size_t{load_big_endian<std::uint32_t>(input.data() + 1)};
  return whole - std::min(whole, input.size());
}

}  // namespace kv::protocol
