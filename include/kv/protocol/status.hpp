// Response statuses, and the one table that ties an Errc to its status and its stable word on the wire.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "kv/base/bytes.hpp"
#include "kv/base/result.hpp"

namespace kv::protocol {

enum class Status : std::uint8_t {
  kOk = 0x00,
  kNull = 0x01,
  kError = 0x02,
  kInvalid = 0x03,
  kPush = 0x10,
};

struct ErrorWord {
  Errc code;
  Status status;  // kError or kInvalid
  ByteView word;  // what programs match
};

// Every error that the protocol knows, one row for each Errc but kOk.
std::span<const ErrorWord> error_words();

// The row of `code`. REQUIRES: code is not kOk.
const ErrorWord& error_word(Errc code);

// The Errc of an ERROR or INVALID reply by the word that its text starts with; nothing for a word not in the table.
std::optional<Errc> find_errc(Status status, ByteView word);

}  // namespace kv::protocol
