#pragma once

#include <cstdint>
#include <string>

#include "kv/base/bytes.hpp"
#include "kv/base/result.hpp"

namespace kv::cli {

// The milliseconds of `500ms`, `30s`, `5m`, `12h`, `7d` or `0`. Fails with kArgument for anything else, a number
// without a unit too: whether it means seconds or milliseconds is for the user to say.
Result<std::uint64_t> parse_duration(ByteView text);

}  // namespace kv::cli
