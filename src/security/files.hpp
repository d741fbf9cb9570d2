// Reading and writing files with secrets in them. What goes wrong is kInternal, with a message that begins with the
// file's name and quotes nothing of what is in it.
#pragma once

#include <cstddef>
#include <string>

#include "kv/base/bytes.hpp"
#include "kv/base/result.hpp"

namespace kv::security {

// Fails when it is over `bytes_max`, too.
Result<std::string> read_file(const std::string& path, std::size_t bytes_max);

// Puts `text` into the file: by way of a new one beside it, for its owner's eyes alone, that is synced and then takes
// the place of the old one.
Result<void> write_file(const std::string& path, ByteView text);

}  // namespace kv::security
