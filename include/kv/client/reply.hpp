// What a server answered, and reading the fields of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kv/base/bytes.hpp"
#include "kv/base/result.hpp"
#include "kv/protocol/status.hpp"
#include "kv/value/decode.hpp"
#include "kv/value/value_view.hpp"

namespace kv::client {

struct Reply {
  protocol::Status status = protocol::Status::kOk;
  std::string payload;

  // ERROR or INVALID: the server said no, and `payload` is its reason.
  bool is_refusal() const { return status == protocol::Status::kError || status == protocol::Status::kInvalid; }
};

// The reason of a refusal: `WRONGTYPE expected Int, found String`.
struct Refusal {
  ByteView word;             // WRONGTYPE, what programs match
  ByteView sentence;         // the rest, for people
  std::optional<Errc> code;  // the word's Errc; none for a word that this client doesn't know
};

// Splits the payload of a refusal. The views point into `reply`. REQUIRES: reply.is_refusal().
Refusal refusal_of(const Reply& reply);

// Takes the fields of a reply's payload from its front to its end. A field that isn't there gives 0 or an empty view
// and makes the reader bad for good, so a user takes all it expects and looks once, at the end, whether that was right.
class PayloadReader {
 public:
  explicit PayloadReader(ByteView payload) : rest_(payload) {}

  template <std::unsigned_integral T>
  T take() {
    const ByteView bytes = take_bytes(sizeof(T));
    return bytes.empty() ? T{0} : load_big_endian<T>(bytes.data());
  }
  // One byte; anything but 0 and 1 makes the reader bad.
  bool take_bool();
  // A length u16 and that many bytes: a key.
  ByteView take_key() { return take_bytes(take<std::uint16_t>()); }
  // An encoded value, checked. The view is good while the payload and this reader live.
  value::ValueView take_value();
  // All that is left.
  ByteView take_rest() { return take_bytes(rest_.size()); }

  // Every field was there so far.
  bool good() const { return good_; }
  // Every field was there, and nothing is left over.
  bool done() const { return good_ && rest_.empty(); }

 private:
  ByteView take_bytes(std::size_t size);
  void turn_bad();

  ByteView rest_;
  bool good_ = true;
  value::DecodeScratch scratch_;
};

}  // namespace kv::client
