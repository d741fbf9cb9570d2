#include "kv/protocol/reply_writer.hpp"

namespace kv::protocol {

char* ReplyWriter::append_frame(Status status, std::size_t payload_size, std::size_t head_size) {
  char* to = out_.prepare(kHeaderBytes + head_size);
  encode_header(static_cast<std::uint8_t>(status), static_cast<std::uint32_t>(payload_size), to);
  out_.commit(kHeaderBytes + head_size);
  return to + kHeaderBytes;
}

char* ReplyWriter::open_head(std::size_t payload_size, std::size_t head_size) {
  if (payload_size > payload_bytes_max_) {
    error({Errc::kReplyTooLarge, "the reply would be over the payload limit"});
    return nullptr;
  }
  return append_frame(Status::kOk, payload_size, head_size);
}

void ReplyWriter::ok(ByteView payload) {
  char* to = open(payload.size());
  if (to != nullptr && !payload.empty()) std::memcpy(to, payload.data(), payload.size());
}

void ReplyWriter::ok_bool(bool value) {
  if (char* to = open(1)) *to = value ? 1 : 0;
}

void ReplyWriter::ok_u32(std::uint32_t value) {
  if (char* to = open(sizeof(value))) store_big_endian(to, value);
}

void ReplyWriter::ok_u64(std::uint64_t value) {
  if (char* to = open(sizeof(value))) store_big_endian(to, value);
}

void ReplyWriter::ok_value(const value::ValueView& value) {
  if (char* to = open(value::encoded_size(value))) value::encode(value, to);
}

void ReplyWriter::null() {
  append_frame(Status::kNull, 0, 0);
}

void ReplyWriter::error(const Error& error) {
  const ErrorWord& row = error_word(error.code);
  const std::size_t size = row.word.size() + 1 + error.message.size();
  char* to = append_frame(row.status, size, size);
  to = static_cast<char*>(std::memcpy(to, row.word.data(), row.word.size())) + row.word.size();
  *to++ = ' ';
  std::memcpy(to, error.message.data(), error.message.size());
}

}  // namespace kv::protocol
