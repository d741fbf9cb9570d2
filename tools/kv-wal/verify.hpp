#pragma once

#include <span>
#include <string>

#include "kv-wal/outcome.hpp"
#include "storage/file_system.hpp"

namespace kv::wal {

// Reads every segment behind `paths` and prints a line about each.
ExitCode verify(storage::FileSystem& files, std::span<const std::string> paths, const Output& output);

}  // namespace kv::wal
