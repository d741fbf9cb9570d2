#include "storage/record.hpp"

#include <algorithm>

#include "kv/base/assert.hpp"
#include "kv/base/limits.hpp"

#include "storage/crc32c.hpp"
#include "storage/value_size.hpp"

namespace kv::storage {
namespace {

using engine::Mutation;
using value::ValueType;
using value::ValueView;

constexpr std::size_t kSizeOffset = 0;
constexpr std::size_t kCrcOffset = 4;
constexpr std::size_t kLsnOffset = 8;

// What a PUT has beside key and value. The bits stand in the order of the fields.
enum PutFlag : std::uint8_t {
  kIsLock = 1U << 0,
  kHasDeadline = 1U << 1,
  kHasToken = 1U << 2,
};
constexpr std::uint8_t kPutFlags = kIsLock | kHasDeadline | kHasToken;

std::uint8_t put_flags(const Mutation& put) {
  return static_cast<std::uint8_t>((put.is_lock ? kIsLock : 0) | (put.deadline != 0 ? kHasDeadline : 0) |
                                   (put.token != 0 ? kHasToken : 0));
}

std::size_t encoded_size(const Mutation& mutation) {
  const std::size_t with_key = 1 + sizeof(std::uint16_t) + mutation.key.size();
  switch (mutation.kind) {
    case Mutation::Kind::kPut:
      return with_key + 1 + (mutation.deadline != 0 ? sizeof(UnixMillis) : 0) +
             (mutation.token != 0 ? sizeof(std::uint64_t) : 0) + 1 + sizeof(std::uint32_t) + mutation.value.data.size();
    case Mutation::Kind::kDelete:
      return with_key;
    case Mutation::Kind::kSetDeadline:
      return with_key + sizeof(UnixMillis);
    case Mutation::Kind::kClear:
      return 1;
  }
  return 0;
}

template <std::unsigned_integral T>
char* put(char* to, T value) {
  store_big_endian(to, value);
  return to + sizeof(T);
}

char* put_bytes(char* to, ByteView bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

char* put_key(char* to, ByteView key) {
  KV_ASSERT(!key.empty() && key.size() <= kKeyBytesMax);
  return put_bytes(put(to, static_cast<std::uint16_t>(key.size())), key);
}

char* encode(const Mutation& mutation, char* to, LastValue value_data) {
  to = put(to, static_cast<std::uint8_t>(mutation.kind));
  switch (mutation.kind) {
    case Mutation::Kind::kPut:
      to = put(to, put_flags(mutation));
      if (mutation.deadline != 0) to = put(to, mutation.deadline);
      if (mutation.token != 0) to = put(to, mutation.token);
      to = put_key(to, mutation.key);
      to = put(to, static_cast<std::uint8_t>(mutation.value.type));
      to = put(to, static_cast<std::uint32_t>(mutation.value.data.size()));
      return value_data == LastValue::kIncluded ? put_bytes(to, mutation.value.data) : to;
    case Mutation::Kind::kDelete:
      return put_key(to, mutation.key);
    case Mutation::Kind::kSetDeadline:
      return put_key(put(to, mutation.deadline), mutation.key);
    case Mutation::Kind::kClear:
      break;
  }
  return to;
}

void encode_header(std::size_t body_bytes, Lsn lsn, char* to) {
  store_big_endian(to + kSizeOffset, static_cast<std::uint32_t>(body_bytes));
  store_big_endian(to + kCrcOffset, std::uint32_t{0});
  store_big_endian(to + kLsnOffset, number(lsn));
}

// Of a record that begins with `begin`: everything in it but the checksum's own field.
std::uint32_t checksum(ByteView begin, std::span<const ByteView> rest) {
  std::uint32_t crc = crc32c(0, begin.substr(kSizeOffset, kCrcOffset));
  crc = crc32c(crc, begin.substr(kLsnOffset));
  for (const ByteView piece : rest) crc = crc32c(crc, piece);
  return crc;
}

bool all_zeros(ByteView bytes) {
  return bytes.find_first_not_of('\0') == ByteView::npos;
}

bool is_mark(ByteView body) {
  return body.size() == kMarkBytes - kRecordHeaderBytes && body.substr(1) == kMarkMagic;
}

// Takes fields off the front of a body. Once one is missing or wrong, everything that follows is empty and ok() false.
class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool more() const { return ok_ && !rest_.empty(); }
  void refuse() { ok_ = false; }

  template <std::unsigned_integral T>
  T take() {
    const ByteView bytes = take_bytes(sizeof(T));
    return ok_ ? load_big_endian<T>(bytes.data()) : T{0};
  }
  ByteView take_bytes(std::size_t size) {
    ok_ = ok_ && size <= rest_.size();
    if (!ok_) return {};
    const ByteView bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  // A field that is left out where it would be 0.
  std::uint64_t take_if(bool present) {
    if (!present) return 0;
    const auto field = take<std::uint64_t>();
    ok_ = ok_ && field != 0;
    return field;
  }
  ByteView take_key() {
    const ByteView key = take_bytes(take<std::uint16_t>());
    ok_ = ok_ && !key.empty();
    return key;
  }
  ValueView take_value() {
    const auto type = take<std::uint8_t>();
    const ByteView data = take_bytes(take<std::uint32_t>());
    const ValueView value{static_cast<ValueType>(type), data};
    ok_ = ok_ && size_fits(value.type, value.data.size());
    return ok_ ? value : ValueView{};
  }

 private:
  ByteView rest_;
  bool ok_ = true;
};

Mutation take_put(FieldReader& fields) {
  const auto flags = fields.take<std::uint8_t>();
  if ((flags & ~kPutFlags) != 0 || ((flags & kHasToken) != 0 && (flags & kIsLock) == 0)) fields.refuse();
  Mutation put;
  put.is_lock = (flags & kIsLock) != 0;
  put.deadline = fields.take_if((flags & kHasDeadline) != 0);
  put.token = fields.take_if((flags & kHasToken) != 0);
  put.key = fields.take_key();
  put.value = fields.take_value();
  return put;
}

Mutation take_mutation(FieldReader& fields) {
  Mutation mutation;
  mutation.kind = static_cast<Mutation::Kind>(fields.take<std::uint8_t>());
  switch (mutation.kind) {
    case Mutation::Kind::kPut:
      return take_put(fields);
    case Mutation::Kind::kDelete:
      mutation.key = fields.take_key();
      return mutation;
    case Mutation::Kind::kSetDeadline:
      mutation.deadline = fields.take<UnixMillis>();
      mutation.key = fields.take_key();
      return mutation;
    case Mutation::Kind::kClear:
      return mutation;
  }
  fields.refuse();
  return mutation;
}

}  // namespace

std::size_t encoded_size(std::span<const Mutation> mutations) {
  std::size_t bytes = kRecordHeaderBytes + 1;
  for (const Mutation& mutation : mutations) bytes += encoded_size(mutation);
  return bytes;
}

char* encode_record(Lsn lsn, std::span<const Mutation> mutations, char* to, LastValue last) {
  KV_ASSERT(!mutations.empty());
  char* const begin = to;
  to += kRecordHeaderBytes;
  to = put(to, static_cast<std::uint8_t>(RecordType::kChanges));
  for (const Mutation& mutation : mutations.first(mutations.size() - 1)) {
    to = encode(mutation, to, LastValue::kIncluded);
  }
  to = encode(mutations.back(), to, last);
  std::size_t body_bytes = static_cast<std::size_t>(to - begin) - kRecordHeaderBytes;
  if (last == LastValue::kLeftOut) body_bytes += mutations.back().value.data.size();
  KV_ASSERT(body_bytes <= kRecordBodyBytesMax);
  encode_header(body_bytes, lsn, begin);
  return to;
}

void seal(std::span<char> begin, std::span<const ByteView> rest) {
  store_big_endian(begin.data() + kCrcOffset, checksum({begin.data(), begin.size()}, rest));
}

std::array<char, kMarkBytes> encode_mark(Lsn synced) {
  std::array<char, kMarkBytes> mark;
  encode_header(kMarkBytes - kRecordHeaderBytes, synced, mark.data());
  mark[kRecordHeaderBytes] = static_cast<char>(RecordType::kMark);
  std::ranges::copy(kMarkMagic, mark.begin() + kMarkMagicOffset);
  seal(mark);
  return mark;
}

RecordState decode_record(ByteView input, Record& record) {
  record.bytes = kRecordHeaderBytes;
  if (input.size() < kRecordHeaderBytes) return RecordState::kIncomplete;
  const std::size_t body_bytes = load_big_endian<std::uint32_t>(input.data() + kSizeOffset);
  if (body_bytes == 0) {
    return all_zeros(input.substr(0, kRecordHeaderBytes)) ? RecordState::kEnd : RecordState::kDamaged;
  }
  record.bytes += body_bytes;
  if (input.size() < record.bytes) return RecordState::kIncomplete;
  const auto crc = load_big_endian<std::uint32_t>(input.data() + kCrcOffset);
  if (checksum(input.substr(0, record.bytes), {}) != crc) return RecordState::kDamaged;
  record.lsn = Lsn{load_big_endian<std::uint64_t>(input.data() + kLsnOffset)};
  record.body = input.substr(kRecordHeaderBytes, body_bytes);
  record.type = static_cast<RecordType>(static_cast<std::uint8_t>(record.body[0]));
  if (record.type == RecordType::kMark && !is_mark(record.body)) return RecordState::kDamaged;
  return RecordState::kComplete;
}

Result<void> for_each_mutation(ByteView body, FunctionRef<void(const Mutation&)> visit) {
  FieldReader fields(body);
  if (fields.take<std::uint8_t>() != static_cast<std::uint8_t>(RecordType::kChanges) || !fields.more()) fields.refuse();
  while (fields.more()) {
    const Mutation mutation = take_mutation(fields);
    if (fields.ok()) visit(mutation);
  }
  if (!fields.ok()) return Error{Errc::kInternal, "the record has a good checksum, but no changes that make sense"};
  return {};
}

}  // namespace kv::storage
