#pragma once

#include <string>

#include "kv-wal/outcome.hpp"
#include "storage/file_system.hpp"

namespace kv::wal {

// Prints every change and mark of a segment as a line of JSON.
ExitCode dump(storage::FileSystem& files, const std::string& path, const Output& output);

}  // namespace kv::wal
