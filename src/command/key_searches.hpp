// The search of KEYS that stands in a file of its own.
#pragma once

#include "command/command_row.hpp"

namespace kv::command {

// Finds the keys that are used most, from now on. Waits.
Result<void> find_hot_keys(Context& context, Request& request);

}  // namespace kv::command
