// Waiting for a condition, with a deadline, where a test must not sleep for a fixed time.
#pragma once

#include <chrono>
#include <thread>

namespace kv::test {

inline constexpr std::chrono::seconds kPatience{30};

// Asks `condition` until it holds; false when it doesn't before the deadline.
template <typename Condition>
bool wait_until(Condition condition, std::chrono::milliseconds patience = kPatience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

}  // namespace kv::test
