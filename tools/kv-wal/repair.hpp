#pragma once

#include <cstdint>
#include <string>

#include "kv-wal/outcome.hpp"
#include "storage/file_system.hpp"

namespace kv::wal {

// Cuts a segment off at `offset`, where a record begins, after having kept what it cuts in a file beside it. Refuses
// while a server uses the directory.
ExitCode repair(storage::FileSystem& files, const std::string& path, std::uint64_t offset, const Output& output);

}  // namespace kv::wal
