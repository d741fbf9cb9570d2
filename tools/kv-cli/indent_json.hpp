#pragma once

#include <string>

#include "kv/base/bytes.hpp"

namespace kv::cli {

// JSON text spread over lines for people: each member and item on its own. Changes nothing but white space between
// tokens; text that isn't JSON comes out somehow.
std::string indent_json(ByteView json);

}  // namespace kv::cli
