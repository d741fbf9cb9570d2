// Frames and payloads: a stream of requests is taken apart, each by the shape of its command.
#include "kv/value/compare.hpp"

#include "command/command_row.hpp"
#include "fuzz/fuzz.hpp"

void fuzz(kv::ByteView input) {
  using namespace kv::protocol;
  constexpr Limits kLimits{.payload_bytes_max = 4096, .key_bytes_max = 100};
  Request request;
  Frame frame;
  for (kv::ByteView rest = input; take_frame(rest, kLimits.payload_bytes_max, frame) == FrameState::kComplete;) {
    const auto* row = kv::command::find_command(frame.tag);
    if (row == nullptr) continue;
    const auto decoded = decode_request(row->shape, frame.payload, kLimits, 1'700'000'000'000, request);
    if (!decoded) continue;
    if (row->shape.has(Field::kKeys)) {
      for (const kv::ByteView key : request.keys) KV_ASSERT(!key.empty() && key.size() <= kLimits.key_bytes_max);
    }
    if (row->shape.has(Field::kPairs)) {
      for (const auto& [key, value] : request.pairs) KV_ASSERT(!key.empty() && kv::value::equal(value, value));
    }
    if (row->shape.has(Field::kValue)) KV_ASSERT(kv::value::equal(request.value, request.value));
  }
}
