// The records of the log, as bytes. docs/formats/wal.md is the contract.
//
// A record is a header and a body:
//
//    0           4            8                 16
//    ┌───────────┬────────────┬─────────────────┬──────┬────────────────┐
//    │ size u32  │ crc u32    │ lsn u64         │ type │ …              │
//    └───────────┴────────────┴─────────────────┴──────┴────────────────┘
//     of the body  CRC32C of size, lsn and body         body: size bytes
//
// 1. A record of changes has a number (LSN) of its own, one more than the one before it. Its changes happen together.
// 2. A mark has none. Its lsn says up to which record everything was known to be synced when the mark was written; it
//    stands first among the records that are written at one time.
// 3. Sixteen zeros are no record: there the log ends, in a file that was filled with zeros ahead.
// 4. Decoding trusts nothing: it reads only bytes that are there, allocates nothing, and says no to whatever an encoder
//    would not have written.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kv/base/bytes.hpp"
#include "kv/base/function_ref.hpp"
#include "kv/base/lsn.hpp"
#include "kv/base/result.hpp"
#include "kv/engine/mutation.hpp"

namespace kv::storage {

inline constexpr std::size_t kRecordHeaderBytes = 16;
// What a header can say. The largest request (a payload of 4 GiB) may make a record that is a little longer: so whoever
// encodes looks at encoded_size() first.
inline constexpr std::size_t kRecordBodyBytesMax = 0xFFFF'FFFF;
// The smallest there is: a header, a type and a CLEAR.
inline constexpr std::size_t kRecordBytesMin = kRecordHeaderBytes + 2;

enum class RecordType : std::uint8_t {
  kChanges = 1,
  kMark = 2,
};

// A record of changes

// How many bytes the record of these changes takes, its header included.
std::size_t encoded_size(std::span<const engine::Mutation> mutations);

enum class LastValue {
  kIncluded,
  kLeftOut,  // the data of the last mutation's value, a PUT, isn't written: it follows the rest of the record, and
             // whoever has it elsewhere can write it from there
};
// Writes a record without its checksum to `to` and returns the end of what was written; seal() adds the checksum.
// REQUIRES: encoded_size(mutations) writable bytes, less the data that is left out; at least one mutation; a body of at
// most kRecordBodyBytesMax bytes.
char* encode_record(Lsn lsn, std::span<const engine::Mutation> mutations, char* to,
                    LastValue last = LastValue::kIncluded);
// Adds the checksum of a record that begins with the bytes `begin` (its header at least) and goes on with `rest`.
void seal(std::span<char> begin, std::span<const ByteView> rest = {});

// A mark

inline constexpr std::size_t kMarkBytes = kRecordHeaderBytes + 9;
// Stands in every mark from its 18th byte on, so that a mark is found where records are damaged. It is not UTF-8, so no
// key and no text has it.
inline constexpr ByteView kMarkMagic{"\xF5kvmark\xF5", 8};
inline constexpr std::size_t kMarkMagicOffset = kRecordHeaderBytes + 1;

// A whole mark, with its checksum, that says: everything up to `synced` is on the disk.
std::array<char, kMarkBytes> encode_mark(Lsn synced);

// Decoding

struct Record {
  RecordType type = RecordType::kChanges;  // may be one that this version doesn't know, where the checksum is right
  Lsn lsn = kNoLsn;                        // of a mark: up to where everything was synced
  ByteView body;                           // its type included; a part of the input
  std::size_t bytes = 0;                   // of the whole record, header included
};

enum class RecordState {
  kComplete,    // `record` is filled in
  kIncomplete,  // it takes at least `record.bytes` of input to say more
  kEnd,         // zeros: no record
  kDamaged,     // no encoder writes this
};
// Looks at the record that `input` begins with. Time is linear in the record's size.
RecordState decode_record(ByteView input, Record& record);

// Calls `visit` for each change of a record of changes, given its body, in order; the views are parts of the body.
// Fails where the body isn't what encode_record() writes, which under a good checksum means that some other program
// wrote it; what was visited until then stays visited. Values are checked by their type and size only: the engine has
// checked them before they were logged.
Result<void> for_each_mutation(ByteView body, FunctionRef<void(const engine::Mutation&)> visit);

}  // namespace kv::storage
