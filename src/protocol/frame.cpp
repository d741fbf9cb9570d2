#include "kv/protocol/frame.hpp"

#include <algorithm>

namespace kv::protocol {

std::size_t bytes_missing(ByteView input) {
  if (input.size() < kHeaderBytes) return kHeaderBytes - input.size();
  const std::size_t whole = kHeaderBytes + std::size_t{load_big_endian<std::uint32_t>(input.data() + 1)};
  return whole - std::min(whole, input.size());
}

}  // namespace kv::protocol
