#include "support/process/reply.hpp"

#include <ostream>
#include <stdexcept>

#include "support/base/hex.hpp"

namespace kv::test {
namespace {

using protocol::Status;

template <std::unsigned_integral T>
T read(ByteView bytes, std::size_t offset) {
  if (bytes.size() < offset + sizeof(T)) throw std::out_of_range("the reply is too short");
  return load_big_endian<T>(bytes.data() + offset);
}

template <std::unsigned_integral T>
Reply ok_integer(T value) {
  Reply reply;
  append_big_endian(reply.payload, value);
  return reply;
}

const char* status_name(Status status) {
  switch (status) {
    case Status::kOk:
      return "OK";
    case Status::kNull:
      return "NULL";
    case Status::kError:
      return "ERROR";
    case Status::kInvalid:
      return "INVALID";
    case Status::kPush:
      return "PUSH";
  }
  return "unknown status";
}

}  // namespace

std::uint64_t Reply::u64(std::size_t offset) const {
  return read<std::uint64_t>(payload, offset);
}
std::uint32_t Reply::u32(std::size_t offset) const {
  return read<std::uint32_t>(payload, offset);
}

bool operator==(const Reply& left, const Reply& right) {
  if (left.status != right.status) return false;
  return left.is_error() ? left.word() == right.word() : left.payload == right.payload;
}

std::ostream& operator<<(std::ostream& out, const Reply& reply) {
  out << status_name(reply.status) << ' ';
  if (reply.is_error()) return out << reply.payload;
  constexpr std::size_t kShownBytes = 64;
  out << hex(ByteView(reply.payload).substr(0, kShownBytes));
  if (reply.payload.size() > kShownBytes) out << "… (" << reply.payload.size() << " bytes)";
  return out;
}

Reply ok(ByteView payload) {
  return {Status::kOk, std::string(payload)};
}
Reply ok_bool(bool value) {
  return ok(value ? ByteView("\1", 1) : ByteView("\0", 1));
}
Reply ok_i64(std::int64_t value) {
  return ok_integer(static_cast<std::uint64_t>(value));
}
Reply ok_u32(std::uint32_t value) {
  return ok_integer(value);
}
Reply ok_u64(std::uint64_t value) {
  return ok_integer(value);
}

Reply ok_values(const std::vector<std::string>& values) {
  Reply reply = ok_integer(static_cast<std::uint16_t>(values.size()));
  for (const std::string& value : values) reply.payload += value;
  return reply;
}

Reply ok_bools(const std::vector<bool>& values) {
  Reply reply = ok_integer(static_cast<std::uint16_t>(values.size()));
  for (const bool value : values) reply.payload += value ? '\1' : '\0';
  return reply;
}

Reply ok_not_swapped(ByteView current) {
  Reply reply = ok_bool(false);
  reply.payload += current;
  return reply;
}

Reply null() {
  return {Status::kNull, {}};
}
Reply error(ByteView word) {
  return {Status::kError, std::string(word)};
}
Reply invalid(ByteView word) {
  return {Status::kInvalid, std::string(word)};
}

ScanPage scan_page(const Reply& reply) {
  if (reply.status != Status::kOk) throw std::runtime_error("SCAN failed: " + reply.payload);
  ScanPage page{reply.u64(), {}};
  std::size_t at = 12;
  for (std::uint32_t left = reply.u32(8); left != 0; --left) {
    const std::size_t size = read<std::uint16_t>(reply.payload, at);
    page.keys.push_back(reply.payload.substr(at + 2, size));
    at += 2 + size;
  }
  if (at != reply.payload.size()) throw std::runtime_error("SCAN answered with more or less than it counted");
  return page;
}

}  // namespace kv::test
