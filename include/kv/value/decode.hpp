// The one validating pass over a value that came from outside.
#pragma once

#include <cstddef>
#include <forward_list>
#include <string>
#include <utility>

#include "kv/base/bytes.hpp"
#include "kv/base/limits.hpp"
#include "kv/base/result.hpp"
#include "kv/value/value_view.hpp"

namespace kv::value {

// What decode_value() needs beside the input. It owns the bytes of values that had to be rewritten (a decimal in them
// was not canonical), so it must live as long as the views that were decoded with it. One request's values share one.
class DecodeScratch {
 public:
  DecodeScratch() = default;
  // Values whose canonical forms are together longer than this are refused: an exponent makes a value longer (`1e999`
  // becomes 1,000 digits), and neither the memory for that nor a value that fits no reply may be had for a few bytes.
  explicit DecodeScratch(std::size_t canonical_bytes_max) : bytes_left_(canonical_bytes_max) {}

  // Forgets what it keeps, and has that limit from here on.
  void start_anew(std::size_t canonical_bytes_max) {
    bytes_left_ = canonical_bytes_max;
    if (!kept_.empty()) kept_.clear();
  }

  // How many bytes keep() will still take.
  std::size_t bytes_left() const { return bytes_left_; }
  // Keeps `bytes` and returns a view of them that stays good while this object lives. REQUIRES: no more than are left.
  ByteView keep(std::string bytes) {
    bytes_left_ -= bytes.size();
    return kept_.emplace_front(std::move(bytes));
  }

 private:
  std::size_t bytes_left_ = kPayloadBytesDefault;
  std::forward_list<std::string> kept_;
};

// Decodes one value from the front of `input` and moves `input` past it. Checks types, lengths, UTF-8, depth, Bools,
// map keys (no two equal) and decimals, and makes decimals canonical. The view points into `input`'s bytes or, where
// they had to be rewritten, into `scratch`.
//
// Fails with kFrame (cut short) or kValue (anything else that PROTOCOL calls VALUE); of several faults it reports the
// one that comes first in the bytes. After a failure `input` is unspecified. Takes O(n log n) for n bytes at worst, and
// memory in proportion to the bytes that are there, never to a count or length that they claim.
Result<ValueView> decode_value(ByteView& input, DecodeScratch& scratch);

}  // namespace kv::value
