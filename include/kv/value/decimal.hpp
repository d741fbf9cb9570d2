// Exact decimal numbers as text, and their sum.
#pragma once

#include <string>

#include "kv/base/bytes.hpp"
#include "kv/base/result.hpp"

namespace kv::value {

// The canonical text of a decimal: no `+`, no exponent, at least one digit before the point, no needless leading zeros,
// the scale kept (`1.10` stays, `1.50e1` becomes `15.0`, `-0.00` becomes `0.00`).
// Fails with kValue when `text` is no decimal (optional sign, digits with at most one point and at least one digit,
// optional exponent) or is over the limits of limits.hpp, counted on the canonical text. Work and memory are bounded by
// the text's length and the limits, whatever the exponent says.
Result<std::string> canonical_decimal(ByteView text);

// True when `text` already is what canonical_decimal() would return. Allocates nothing.
bool is_canonical_decimal(ByteView text);

// The exact sum of two canonical decimals, with the larger of their scales. Fails with kOverflow past the limits.
Result<std::string> add_decimals(ByteView left, ByteView right);

// Equality as numbers. REQUIRES: both canonical.
bool equal_decimals(ByteView left, ByteView right);

}  // namespace kv::value
