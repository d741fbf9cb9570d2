// One entry as it stands in a snapshot's blocks:
//
//   flags u8 │ [deadline u64] │ key length u16 │ key │ value type u8 │ data length u32 │ data
//
// All but the data is the entry's head, which is written by itself where the data is too large to be copied.
#pragma once

#include <cstdint>

#include "kv/base/bytes.hpp"
#include "kv/engine/mutation.hpp"

namespace kv::storage::snapshot {

// REQUIRES, of every mutation here: a kPut whose key has at most 65,535 bytes.
inline std::size_t entry_head_bytes(const engine::Mutation& put) {
  return 1 + (put.deadline != 0 ? 8 : 0) + 2 + put.key.size() + 1 + 4;
}
inline std::size_t entry_bytes(const engine::Mutation& put) {
  return entry_head_bytes(put) + put.value.data.size();
}

// Writes the head, or the whole entry, and returns the end of it. REQUIRES: as many bytes as the function above says.
char* encode_entry_head(const engine::Mutation& put, char* to);
char* encode_entry(const engine::Mutation& put, char* to);

// Takes the entry that `rest` begins with off it; what comes out are views of the same bytes. False where it isn't one:
// it is cut short, or has a flag, type, size or deadline that no entry has.
bool try_decode_entry(ByteView& rest, engine::Mutation& put);

}  // namespace kv::storage::snapshot
