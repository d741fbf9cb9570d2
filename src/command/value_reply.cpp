#include "command/value_reply.hpp"

#include <algorithm>
#include <utility>

#include "kv/value/value_view.hpp"

namespace kv::command {

void reply_with_tail(Context& context, ByteView before, const value::ValueView& value,
                     std::unique_ptr<PinnedTail> tail) {
  const std::size_t payload_size = before.size() + value::encoded_size(value);
  char* to = context.reply.open_head(payload_size, payload_size - value.data.size());
  if (to == nullptr) return;
  value::encode_head(value, std::ranges::copy(before, to).out);
  context.handled.tail = std::move(tail);
}

void reply_with_value(Context& context, ByteView before, const engine::EntryView& entry) {
  if (is_sent_as_tail(entry)) {
    auto tail = std::make_unique<PinnedTail>();
    tail->pin(engine::Pin(entry));
    return reply_with_tail(context, before, entry.value, std::move(tail));
  }
  char* to = context.reply.open(before.size() + value::encoded_size(entry.value));
  if (to == nullptr) return;
  value::encode(entry.value, std::ranges::copy(before, to).out);
}

}  // namespace kv::command
