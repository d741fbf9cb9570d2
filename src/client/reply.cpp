#include "kv/client/reply.hpp"

#include <algorithm>

namespace kv::client {

Refusal refusal_of(const Reply& reply) {
  const ByteView text = reply.payload;
  const std::size_t space = std::min(text.find(' '), text.size());
  const ByteView word = text.substr(0, space);
  return {word, text.substr(std::min(space + 1, text.size())), protocol::find_errc(reply.status, word)};
}

bool PayloadReader::take_bool() {
  const auto byte = take<std::uint8_t>();
  if (byte > 1) turn_bad();
  return byte == 1;
}

value::ValueView PayloadReader::take_value() {
  const auto value = value::decode_value(rest_, scratch_);
  if (value) return *value;
  turn_bad();
  return {};
}

ByteView PayloadReader::take_bytes(std::size_t size) {
  if (rest_.size() < size) {
    turn_bad();
    return {};
  }
  const ByteView bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

void PayloadReader::turn_bad() {
  good_ = false;
  rest_ = {};
}

}  // namespace kv::client
