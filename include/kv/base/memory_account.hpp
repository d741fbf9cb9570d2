// How much memory the process holds, by what it is for: counted where memory is taken and given back in large pieces.
//
// add() touches a number of the calling thread's own, and passes it on to the others when it has come to
// kUncountedMax; so counting shares no cache line, and the figures are off by that much for each thread at most. What
// is not counted (small objects, code, what the allocator keeps for itself) is for whoever looks at the process to see.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kv::memory {

enum class Use : std::uint8_t {
  kPages,         // that entries are kept in, full or not
  kLargeEntries,  // each by itself
  kTables,
  kBuffers,       // of connections, what requests hold for a while, and blocks that are about to be freed
  kLargeBuffers,  // those over kBufferBytesUsual: of large requests and replies
  kLogQueue,
  kPasswords,  // for checks that are under way
};
inline constexpr std::size_t kUses = 7;

inline constexpr std::int64_t kUncountedMax = std::int64_t{64} << 10;

// So many bytes more, or less, are held. Thread-safe.
void add(Use use, std::int64_t bytes) noexcept;

// What all threads hold. Exact as far as the calling thread is concerned. Thread-safe.
std::int64_t held(Use use) noexcept;
std::int64_t held() noexcept;

// What the process has resident, whatever for, as the system sees it. Thread-safe.
std::uint64_t resident_bytes();

}  // namespace kv::memory
