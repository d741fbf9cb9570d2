// Waiting for what another process does: always for a condition, never for a time.
#pragma once

#include <chrono>
#include <functional>

namespace kv::test {

// Far beyond what anything takes, even under a sanitizer on a busy machine: reaching it is a failure, not slowness.
inline constexpr std::chrono::seconds kDeadline{60};

// A sanitizer or debug build runs 5 to 20 times slower, so tests take fewer rounds there; what they check is the same.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
inline constexpr int kSlowness = 10;
#elif !defined(NDEBUG)
inline constexpr bool kSanitized = false;
inline constexpr int kSlowness = 4;
#else
inline constexpr bool kSanitized = false;
inline constexpr int kSlowness = 1;
#endif

// Asks `condition` again and again until it is true, and then returns true; false once `deadline` has passed.
bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds deadline = kDeadline);

}  // namespace kv::test
