#include "storage/crc32c.hpp"

#include <algorithm>
#include <cstddef>

#include <isa-l/crc.h>

namespace kv::storage {

// isa-l leaves the inversions before and after to the caller, and takes its lengths as int.
std::uint32_t crc32c(std::uint32_t so_far, ByteView bytes) {
  constexpr std::size_t kStepMax = 1U << 30;
  std::uint32_t state = ~so_far;
  while (!bytes.empty()) {
    const std::size_t step = std::min(bytes.size(), kStepMax);
    auto* from = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));  // which it only reads
    state = crc32_iscsi(from, static_cast<int>(step), state);
    bytes.remove_prefix(step);
  }
  return ~state;
}

}  // namespace kv::storage
