// Reading a configuration file: TOML, of which an option needs only `key = value`.
#pragma once

#include <string>
#include <vector>

#include "kv/base/result.hpp"

namespace kv::server {

struct ConfigEntry {
  std::size_t line = 0;
  std::string key;
  std::vector<std::string> values;  // one, or those of a list
};

// The entries of the file at `path` in their order, each key once. A value is a string in quotes, a whole number, true
// or false, or a list of these on one line or several; comments may stand anywhere outside quotes. Fails when the file
// can't be read, is over kConfigFileBytesMax, holds anything else, or a key twice; the message starts with the path
// and, where there is one, the line.
Result<std::vector<ConfigEntry>> load_config(const std::string& path);

}  // namespace kv::server
