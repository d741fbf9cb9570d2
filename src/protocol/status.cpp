#include "kv/protocol/status.hpp"

#include <algorithm>

#include "kv/base/assert.hpp"

namespace kv::protocol {
namespace {

// In the order of Errc, so that a code is its own index.
constexpr ErrorWord kErrorWords[] = {
    {Errc::kUnknownCommand, Status::kInvalid, "COMMAND"},
    {Errc::kFrame, Status::kInvalid, "FRAME"},
    {Errc::kTooLarge, Status::kInvalid, "TOOLARGE"},
    {Errc::kKey, Status::kInvalid, "KEY"},
    {Errc::kValue, Status::kInvalid, "VALUE"},
    {Errc::kArgument, Status::kInvalid, "ARGUMENT"},
    {Errc::kWrongType, Status::kError, "WRONGTYPE"},
    {Errc::kOverflow, Status::kError, "OVERFLOW"},
    {Errc::kLocked, Status::kError, "LOCKED"},
    {Errc::kNoAuth, Status::kError, "NOAUTH"},
    {Errc::kNoPerm, Status::kError, "NOPERM"},
    {Errc::kOutOfMemory, Status::kError, "OOM"},
    {Errc::kReadOnly, Status::kError, "READONLY"},
    {Errc::kBusy, Status::kError, "BUSY"},
    {Errc::kInternal, Status::kError, "INTERNAL"},
    {Errc::kReplyTooLarge, Status::kError, "TOOLARGE"},
};

constexpr bool rows_follow_errc() {
  std::size_t code = 0;
  for (const ErrorWord& row : kErrorWords) {
    if (static_cast<std::size_t>(row.code) != ++code) return false;
  }
  return code == static_cast<std::size_t>(Errc::kReplyTooLarge);
}
static_assert(rows_follow_errc());

}  // namespace

std::span<const ErrorWord> error_words() {
  return kErrorWords;
}

const ErrorWord& error_word(Errc code) {
  KV_ASSERT(code != Errc::kOk);
  return kErrorWords[static_cast<std::size_t>(code) - 1];
}

std::optional<Errc> find_errc(Status status, ByteView word) {
  const auto* row = std::ranges::find_if(
      kErrorWords, [&](const ErrorWord& candidate) { return candidate.status == status && candidate.word == word; });
  if (row == std::end(kErrorWords)) return std::nullopt;
  return row->code;
}

}  // namespace kv::protocol
