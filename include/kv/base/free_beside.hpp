// Large blocks of memory go back to the kernel beside whoever lets go of them.
#pragma once

#include <cstddef>

namespace kv {

// From here on a block is worth another thread's while.
inline constexpr std::size_t kFreedBesideBytesMin = 2U << 20;

// Frees a block of `bytes` that malloc() gave; nullptr is none. The kernel needs milliseconds to take back many
// megabytes, which a thread that serves connections doesn't have: so a thread of its own frees blocks of
// kFreedBesideBytesMin or more, at once, in their order. Never fails: a block that finds kFreedBesideBytesMax waiting,
// or no thread, is freed here and now. Thread-safe.
void free_beside(void* block, std::size_t bytes) noexcept;

}  // namespace kv
