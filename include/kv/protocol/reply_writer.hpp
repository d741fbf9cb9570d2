// Appends responses to a buffer. Each call but open() and open_head() appends one whole frame; a reply that would be
// over the payload limit becomes ERROR TOOLARGE on its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kv/base/byte_buffer.hpp"
#include "kv/base/bytes.hpp"
#include "kv/base/result.hpp"
#include "kv/protocol/frame.hpp"
#include "kv/protocol/status.hpp"
#include "kv/value/value_view.hpp"

namespace kv::protocol {

class ReplyWriter {
 public:
  ReplyWriter(ByteBuffer& out, std::size_t payload_bytes_max) : out_(out), payload_bytes_max_(payload_bytes_max) {}

  void ok() { open(0); }
  void ok(ByteView payload);
  void ok_bool(bool value);
  void ok_u32(std::uint32_t value);
  void ok_u64(std::uint64_t value);
  void ok_i64(std::int64_t value) { ok_u64(static_cast<std::uint64_t>(value)); }
  void ok_value(const value::ValueView& value);
  void null();
  void error(const Error& error);

  // Starts an OK frame of exactly `payload_size` bytes and returns where they go, all of which the caller must fill
  // before anything else is appended. Where that is over the limit it appends ERROR TOOLARGE and returns nullptr.
  char* open(std::size_t payload_size) { return open_head(payload_size, payload_size); }
  // The same for a frame of which only the first `head_size` bytes of payload are appended here; the caller sees to it
  // that the rest follows.
  char* open_head(std::size_t payload_size, std::size_t head_size);

  // Takes the memory for a reply of `payload_size` bytes now, so that appending it can't fail. Throws std::bad_alloc.
  void make_room(std::size_t payload_size) { out_.prepare(kHeaderBytes + payload_size); }

  std::size_t payload_bytes_max() const { return payload_bytes_max_; }

 private:
  char* append_frame(Status status, std::size_t payload_size, std::size_t head_size);

  ByteBuffer& out_;
  std::size_t payload_bytes_max_;
};

}  // namespace kv::protocol
