// CRC32C (Castagnoli), the checksum of everything that storage writes. Finds every error of up to three bits, and every
// burst of up to 32, in records of usual size.
#pragma once

#include <cstdint>

#include "kv/base/bytes.hpp"

namespace kv::storage {

// The checksum of what `so_far` is the checksum of, followed by `bytes`. Of nothing it is 0, so start with that.
std::uint32_t crc32c(std::uint32_t so_far, ByteView bytes);

}  // namespace kv::storage
