// Replies that end with a value. The data of a value of kReplyTailBytesMin or more isn't copied: its entry is pinned,
// and the session sends it from where it stands, whatever becomes of the key meanwhile.
#pragma once

#include <memory>
#include <optional>

#include "kv/engine/engine.hpp"

#include "command/command_row.hpp"

namespace kv::command {

// A large value as the tail of a reply. It can be made before anybody knows which, so that all memory is there already.
class PinnedTail final : public protocol::ReplyTail {
 public:
  // REQUIRES: called once, before bytes().
  void pin(engine::Pin value) { value_.emplace(std::move(value)); }
  ByteView bytes() const override { return value_->view().value.data; }

 private:
  std::optional<engine::Pin> value_;
};

inline bool is_sent_as_tail(const engine::EntryView& entry) {
  return entry.large != nullptr && entry.value.data.size() >= kReplyTailBytesMin;
}

// OK with `before` and the value that `tail` has pinned, which is_sent_as_tail().
void reply_with_tail(Context& context, ByteView before, const value::ValueView& value,
                     std::unique_ptr<PinnedTail> tail);

// OK with `before` and the entry's value. Throws std::bad_alloc, and then has changed nothing.
void reply_with_value(Context& context, ByteView before, const engine::EntryView& entry);

}  // namespace kv::command
