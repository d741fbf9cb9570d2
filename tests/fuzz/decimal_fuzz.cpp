// Decimals: canonical text is a fixed point, sums don't depend on the order, and taking away what was added gives the
// same number back. The input is two decimals with a blank between them.
#include <string>

#include "kv/value/decimal.hpp"

#include "fuzz/fuzz.hpp"

namespace {

std::string negated(const std::string& canonical) {
  return kv::value::canonical_decimal(canonical[0] == '-' ? canonical.substr(1) : "-" + canonical).value();
}

}  // namespace

void fuzz(kv::ByteView input) {
  using namespace kv::value;
  const std::size_t blank = std::min(input.find(' '), input.size());
  const kv::ByteView text = input.substr(0, blank);
  const auto left = canonical_decimal(text);
  KV_ASSERT(is_canonical_decimal(text) == (left && *left == text));
  if (!left) return;
  KV_ASSERT(is_canonical_decimal(*left));

  const auto right = canonical_decimal(input.substr(std::min(blank + 1, input.size())));
  if (!right) return;
  const auto sum = add_decimals(*left, *right);
  const auto mirrored = add_decimals(*right, *left);
  KV_ASSERT(sum.has_value() == mirrored.has_value());
  if (!sum) return;
  KV_ASSERT(*sum == *mirrored && is_canonical_decimal(*sum));
  const auto back = add_decimals(*sum, negated(*right));
  KV_ASSERT(!back || equal_decimals(*back, *left));
}
