// Names of files that have a number in them, with all of its 20 digits, so that they sort as their numbers do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kv/base/bytes.hpp"

namespace kv::storage {

std::string numbered_name(ByteView before, std::uint64_t number, ByteView after);
// The number in such a name; nothing where `name` isn't exactly one.
std::optional<std::uint64_t> parse_numbered_name(ByteView before, ByteView name, ByteView after);

}  // namespace kv::storage
