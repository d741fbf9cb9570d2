// Values as people write and read them: one line of text for each, which says the type.
//
//   Null     null                    Bytes  0x00ff, base64(AP8=)
//   Bool     true, false             List   [1, "two", null]
//   Int      42, -7                  Map    {"a": 1, "b": [2]}
//   Float    1.5, 1e9, -0.0, nan, inf, -inf, float(2), float(0x7ff8000000000001)
//   Decimal  1.50m, decimal(1.50)
//   String   "text", with the escapes of JSON
//
// A number with a point or an exponent is a Float, one without is an Int. `float(0x…)` gives all 64 bits, for the NaNs
// that `nan` (0x7ff8000000000000) isn't. What print_value() writes, parse_value() reads back to the same bytes.
#pragma once

#include <string>

#include "kv/base/bytes.hpp"
#include "kv/base/result.hpp"
#include "kv/value/value_view.hpp"

namespace kv::client {

// Reads one value, all of `text`, and returns it encoded: valid, within the protocol's limits, decimals canonical.
// White space is allowed around values, items and pairs. Fails with kValue and a sentence that says what to write
// instead; a bare word is refused rather than guessed to be text. REQUIRES: less than 4 GiB of text.
Result<std::string> parse_value(ByteView text);

// The first of the two forms above, in which every value prints: 0x… for Bytes, …m for Decimals, the shortest digits
// that give the same Float. REQUIRES: `value` is well-formed, as decode_value() leaves it.
std::string print_value(const value::ValueView& value);
void append_value(const value::ValueView& value, std::string& out);

// Keys and owners stand for themselves, unless they begin with a quote: then they are text with escapes, like a String.
// Fails with kKey where such text is not well-formed. Checks neither length nor UTF-8 of a word that stands for itself.
Result<std::string> parse_key(ByteView text);

// A key as parse_key() reads it: quoted only where it has to be, because it begins with a quote, is empty, or holds
// something that doesn't print on a line. REQUIRES: valid UTF-8.
std::string print_key(ByteView key);

// `text` in double quotes, with everything escaped that is a control character, a quote or a backslash. Good for JSON
// too. REQUIRES: valid UTF-8.
void append_quoted(ByteView text, std::string& out);

// The shortest digits that read back as this number, always with a point or an exponent; nan, inf and -inf where it is
// none. Says nothing of a NaN's bits.
std::string print_float(double number);

}  // namespace kv::client
