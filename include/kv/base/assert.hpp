// KV_ASSERT guards the server's own invariants, in every build; it is never used on what a peer sent.
#pragma once

namespace kv::detail {
// Prints the broken invariant and its place to stderr, then aborts.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);
}  // namespace kv::detail

#define KV_ASSERT(condition) \
  (__builtin_expect(!!(condition), 1) ? void(0) : ::kv::detail::assertion_failed(#condition, __FILE__, __LINE__))
